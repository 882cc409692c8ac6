"""Deadline policies (期限规则): which row of the table gives a hazard its term, its caps and its approvers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.builtin import PolicyRow
from app.domain.vocabulary import Role, Severity

BUILT_IN_VERSION = 1


class Clock(StrEnum):
    """What a policy measures: the rectifier's term, or one of the office's own."""

    RECTIFICATION = "rectification"
    SERVICE = "service"
    EXTENSION_DECISION = "extension_decision"
    REINSPECTION = "reinspection"
    TRANSFER = "transfer"
    TRANSFER_RECEIPT = "transfer_receipt"
    MAJOR_REPORT = "major_report"
    COMPLAINT_ONSITE = "complaint_onsite"


class Counting(StrEnum):
    """自然日 or 工作日."""

    CALENDAR = "calendar"
    WORKING = "working"


class NoPolicy(LookupError):
    """The table has a hole: no row in force serves this case."""


class AmbiguousPolicy(LookupError):
    """Two rows in force serve this case equally well."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A row of the deadline table in one dated version.

    ``None`` as severity, category or ``immediate_fix`` serves all; ``days`` and ``max_total_days`` are days in
    ``counting``; ``max_total_days`` caps the first term with all extensions and is counted from the day the first
    term was set. In force from ``valid_from`` to ``valid_to``, both included; ``None`` is not limited.
    """

    code: str
    version: int
    clock: Clock
    severity: Severity | None
    category_zh: str | None
    immediate_fix: bool | None
    days: int
    counting: Counting
    max_extensions: int
    max_total_days: int
    approver_first: Role
    approver_next: Role
    next_if_over_total_days: int | None
    valid_from: date | None = None
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


def policy_of(row: PolicyRow) -> Policy:
    """A built-in row as version 1, without limits in time."""
    return Policy(
        code=row.policy_code,
        version=BUILT_IN_VERSION,
        clock=Clock(row.clock),
        severity=None if row.severity == "*" else Severity(row.severity),
        category_zh=None if row.category_zh == "*" else row.category_zh,
        immediate_fix=None if row.immediate_fix == "any" else row.immediate_fix == "1",
        days=row.default_days,
        counting=Counting(row.counting_basis),
        max_extensions=row.max_extensions,
        max_total_days=row.max_total_days,
        approver_first=Role(row.approver_first),
        approver_next=Role(row.approver_next),
        next_if_over_total_days=row.next_if_over_total_days,
    )


def choose_policy(
    policies: Iterable[Policy],
    *,
    severity: Severity,
    category_zh: str,
    immediate_fix: bool,
    on: date,
    clock: Clock = Clock.RECTIFICATION,
) -> Policy:
    """The row in force on ``on``: exact severity, category and immediate fix first, then any category.

    Rows for ``suspected_major`` also serve ``major``, unless there is one of its own. Of several versions of one
    row the newest counts. Raises ``NoPolicy`` or ``AmbiguousPolicy``. Source: data description, section 5;
    lifecycle.md, «Statuses».
    """
    ranked = [
        (rank, policy)
        for policy in policies
        if policy.clock == clock and policy.in_force(on)
        if (rank := _closeness(policy, severity, category_zh, immediate_fix)) is not None
    ]
    if not ranked:
        raise NoPolicy(f"{clock}: no row for {severity}, {category_zh}, immediate_fix={immediate_fix} on {on}")
    best = max(rank for rank, _ in ranked)
    rows = [policy for rank, policy in ranked if rank == best]
    if len({policy.code for policy in rows}) > 1:
        raise AmbiguousPolicy(f"{clock}: {sorted({policy.code for policy in rows})} on {on}")
    return max(rows, key=lambda policy: policy.version)


def _closeness(
    policy: Policy, severity: Severity, category_zh: str, immediate_fix: bool
) -> tuple[bool, int, bool] | None:
    """How closely a row fits, larger is closer; ``None`` when it does not."""
    if (by_severity := _severity_closeness(policy.severity, severity)) is None:
        return None
    if policy.category_zh not in {None, category_zh} or policy.immediate_fix not in {None, immediate_fix}:
        return None
    return policy.category_zh is not None, by_severity, policy.immediate_fix is not None


def _severity_closeness(served: Severity | None, severity: Severity) -> int | None:
    if served is None:
        return 0
    if served == severity:
        return 2
    return 1 if (served, severity) == (Severity.SUSPECTED_MAJOR, Severity.MAJOR) else None
