"""The due date of a hazard: by which policy, and what a new round does to it. Source: lifecycle.md, «Deadlines»."""

from datetime import date
from functools import cache

from app.core import builtin
from app.domain.calendar import WorkCalendar
from app.domain.deadlines import DueDate, Term, renewed_due
from app.domain.policies import Counting, Policy, choose_policy, policy_of
from app.domain.vocabulary import Severity
from app.models import Hazard
from app.services.hazards.flags import flag_interim_measures


@cache
def policies() -> tuple[Policy, ...]:
    """The built-in policy rows."""
    return tuple(policy_of(row) for row in builtin.policies().values())


@cache
def term_of(finding_code: str | None, category_zh: str, severity: Severity, on: date) -> Term:
    """The term that the policies give such a finding on that day; a coded finding has its catalogue's days."""
    finding = builtin.catalogue()[finding_code] if finding_code is not None else None
    policy = choose_policy(
        policies(),
        severity=severity,
        category_zh=category_zh,
        immediate_fix=finding is not None and finding.immediate_fix,
        on=on,
    )
    return Term.of(policy, finding.default_days if finding is not None else None)


def due_of(hazard: Hazard) -> DueDate:
    """The due date as it stands."""
    return DueDate(
        due_on=hazard.due_on,
        unrolled_on=hazard.due_unrolled_on,
        base_on=hazard.due_base_on,
        days=hazard.due_days,
        counting=Counting(hazard.due_counting),
        policy_code=hazard.policy_code,
        policy_version=hazard.policy_version,
        calendar_version=hazard.calendar_version,
        provisional=hazard.due_on_provisional,
    )


def due_columns(due: DueDate) -> dict[str, object]:
    """The columns of ``Hazard`` that hold a due date and its derivation."""
    return {
        "due_on": due.due_on,
        "due_unrolled_on": due.unrolled_on,
        "due_base_on": due.base_on,
        "due_days": due.days,
        "due_counting": due.counting.value,
        "due_on_provisional": due.provisional,
        "policy_code": due.policy_code,
        "policy_version": due.policy_version,
        "calendar_version": due.calendar_version,
    }


def set_due(hazard: Hazard, due: DueDate) -> None:
    """Write ``due`` into a locked hazard."""
    for column, value in due_columns(due).items():
        setattr(hazard, column, value)


def renew_due(hazard: Hazard, new_base_on: date, calendar: WorkCalendar) -> None:
    """The date of a new round: by policy from ``new_base_on``, never beyond the first base date + the total."""
    term = term_of(hazard.finding_code, hazard.category_zh, hazard.severity, hazard.found_on)
    current = due_of(hazard)
    renewed = renewed_due(current, term, new_base_on, hazard.found_on, hazard.severity, calendar)
    if renewed is not current:
        set_due(hazard, renewed)
        flag_interim_measures(hazard)
