"""Due dates (整改期限): how they are counted, moved and judged. All dates are dates in Asia/Shanghai, ending at 24:00.

A due date carries its derivation: ``base_on`` + ``days`` in ``counting`` is always ``unrolled_on``; rolling to a
working day comes after it, and caps compare unrolled dates. Source: lifecycle.md, «Deadlines».
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

from app.core.errors import Conflict, Rejected
from app.domain.calendar import CalendarTooShort, WorkCalendar
from app.domain.policies import Counting, Policy
from app.domain.vocabulary import Role, Severity

ROLLS_FROM_DAYS = 5
"""Shorter terms end on the day they end, holiday or not."""


class DueTooLate(Rejected):
    """An explicit date may only be earlier than the policy's."""

    code, title, title_zh = "due-too-late", "Later than the policy allows", "期限晚于规定"


class DueTooEarly(Rejected):
    """A term cannot end before the hazard was found."""

    code, title, title_zh = "due-too-early", "Earlier than the day it was found", "期限早于发现日期"


class ExtensionTooLong(Rejected):
    """Longer than the first term, or beyond the policy's total."""

    code, title, title_zh = "extension-too-long", "The extension is too long", "延期天数超过上限"


class ExtensionsUsedUp(Conflict):
    """The policy allows no further extension."""

    code, title, title_zh = "extensions-used-up", "No further extension is allowed", "延期次数已用完"


@dataclass(frozen=True, slots=True)
class Term:
    """What the table gives one hazard: the days of its catalogue finding, else the policy's; caps by the policy."""

    policy: Policy
    days: int

    @classmethod
    def of(cls, policy: Policy, catalogue_days: int | None = None) -> Self:
        return cls(policy, policy.days if catalogue_days is None else catalogue_days)


@dataclass(frozen=True, slots=True)
class DueDate:
    """The last day to rectify, with its derivation.

    ``due_on`` and ``unrolled_on`` are ``None`` when working days run beyond the known years: they are not guessed.
    ``provisional``: the calendar does not reach that far; importing the year settles it (``reroll``).
    """

    due_on: date | None
    unrolled_on: date | None
    base_on: date
    days: int
    counting: Counting
    policy_code: str
    policy_version: int
    calendar_version: int
    provisional: bool


def first_due(term: Term, base_on: date, severity: Severity, calendar: WorkCalendar) -> DueDate:
    """The due date by policy; ``base_on`` (the day of the order, ``found_on``) does not count.

    ``general`` calendar-day terms of 5 days or more that end on a non-working day move to the next working day;
    shorter ones and any other severity never do. Never raises for a short calendar.
    """
    if term.policy.counting == Counting.WORKING:
        unrolled_on = due_on = _count_working(base_on, term.days, calendar)
        provisional = due_on is None
    else:
        unrolled_on = base_on + timedelta(days=term.days)
        due_on, provisional = _roll(unrolled_on, term.days, severity, calendar)
    return DueDate(
        due_on=due_on,
        unrolled_on=unrolled_on,
        base_on=base_on,
        days=term.days,
        counting=term.policy.counting,
        policy_code=term.policy.code,
        policy_version=term.policy.version,
        calendar_version=calendar.version,
        provisional=provisional,
    )


def explicit_due(explicit_on: date, by_policy: DueDate, policy: Policy) -> DueDate:
    """A date somebody set himself: not after the policy's, not before the base date; it never moves.

    The policy's own date set explicitly is the policy's date. Where that one is unknown (working days beyond the
    calendar) the policy's total in calendar days is the limit. Raises ``DueTooLate`` or ``DueTooEarly``.
    """
    if explicit_on == by_policy.due_on:
        return by_policy
    latest = by_policy.due_on or by_policy.base_on + timedelta(days=policy.max_total_days)
    if explicit_on > latest:
        raise DueTooLate(
            f"{explicit_on} is later than {latest}, the latest date by policy.",
            f"整改期限{explicit_on}晚于规定的最晚日期{latest}。",
            latest_due_on=latest,
        )
    if explicit_on < by_policy.base_on:
        raise DueTooEarly(
            f"{explicit_on} is before {by_policy.base_on}, the day the hazard was found.",
            f"整改期限{explicit_on}早于发现日期{by_policy.base_on}。",
            earliest_due_on=by_policy.base_on,
        )
    unrolled_on = min(explicit_on, by_policy.unrolled_on or explicit_on)
    return replace(
        by_policy,
        due_on=explicit_on,
        unrolled_on=unrolled_on,
        days=(unrolled_on - by_policy.base_on).days,
        counting=Counting.CALENDAR,
        provisional=False,
    )


def renewed_due(
    current: DueDate, term: Term, new_base_on: date, first_base_on: date, severity: Severity, calendar: WorkCalendar
) -> DueDate:
    """The new date after a fail, a refusal, a resumption or a returned transfer: by policy from ``new_base_on``.

    Never beyond ``first_base_on`` + the policy's total (unrolled) and never earlier than ``current``, which is
    then returned as it is. A date cut by the total carries the total as its derivation. Source: lifecycle.md,
    «Actions» (only a granted extension gives more than the policy).
    """
    fresh = first_due(term, new_base_on, severity, calendar)
    cap = first_due(Term(term.policy, term.policy.max_total_days), first_base_on, severity, calendar)
    renewed = cap if _ends_before(cap, fresh) else fresh
    if renewed.due_on is None:
        return renewed
    known = reroll(current, severity, calendar) if current.due_on is None else current
    return current if known.due_on is None or renewed.due_on <= known.due_on else renewed


def extended_due(
    current: DueDate, days: int, *, first: DueDate, policy: Policy, severity: Severity, calendar: WorkCalendar
) -> DueDate:
    """The date with a granted extension (延期): the previous unrolled date + ``days``, then rolled.

    ``first`` is the date of the first term: an extension is at most as long, and the total is counted from its
    base. Raises ``ExtensionTooLong``. Source: data description, section 5; lifecycle.md, «Deadlines».
    """
    if not 1 <= days <= first.days:
        raise ExtensionTooLong(
            f"An extension has 1 to {first.days} days, as long as the first term.",
            f"每次延期为1至{first.days}天，不得超过原期限。",
            max_days=first.days,
        )
    counted = replace(policy, counting=current.counting)
    extended = first_due(Term(counted, current.days + days), current.base_on, severity, calendar)
    cap = first_due(Term(policy, policy.max_total_days), first.base_on, severity, calendar)
    if _ends_before(cap, extended):
        raise ExtensionTooLong(
            f"All terms together end by {cap.unrolled_on}, {policy.max_total_days} days after {first.base_on}.",
            f"累计期限自{first.base_on}起不得超过{policy.max_total_days}天（至{cap.unrolled_on}）。",
            max_total_days=policy.max_total_days,
        )
    return extended


def extension_approver(policy: Policy, *, granted: int, total_days: int) -> Role:
    """Who decides the next extension after ``granted`` ones, with ``total_days`` from the first base date.

    The second one, and any that brings the total over the policy's mark, goes to the next approver. Raises
    ``ExtensionsUsedUp``.
    """
    if granted >= policy.max_extensions:
        raise ExtensionsUsedUp(
            f"The policy allows {policy.max_extensions} extensions.",
            f"按规定最多延期{policy.max_extensions}次。",
            max_extensions=policy.max_extensions,
        )
    over = policy.next_if_over_total_days is not None and total_days > policy.next_if_over_total_days
    return policy.approver_next if granted or over else policy.approver_first


def reroll(due: DueDate, severity: Severity, calendar: WorkCalendar) -> DueDate:
    """A provisional date seen with a newer calendar: settled once its year is known, perhaps later, never earlier.

    A date that is not provisional, or still cannot be settled, comes back as it is.
    """
    if not due.provisional:
        return due
    if due.due_on is None or due.unrolled_on is None:
        settled = _count_working(due.base_on, due.days, calendar)
        if settled is None:
            return due
        return replace(due, due_on=settled, unrolled_on=settled, calendar_version=calendar.version, provisional=False)
    rolled, still_provisional = _roll(due.unrolled_on, due.days, severity, calendar)
    if still_provisional:
        return due
    return replace(due, due_on=max(due.due_on, rolled), calendar_version=calendar.version, provisional=False)


def days_overdue(due_on: date | None, today: date) -> int:
    """Whole days since the due date ended; 0 while it lasts and for an empty clock."""
    return max(0, (today - due_on).days) if due_on is not None else 0


def _count_working(base_on: date, days: int, calendar: WorkCalendar) -> date | None:
    try:
        return calendar.add_working_days(base_on, days)
    except CalendarTooShort:
        return None


def _roll(unrolled_on: date, days: int, severity: Severity, calendar: WorkCalendar) -> tuple[date, bool]:
    """The date after rolling, and whether it is provisional because the calendar ends before it."""
    if not calendar.knows(unrolled_on.year):
        return unrolled_on, True
    if severity != Severity.GENERAL or days < ROLLS_FROM_DAYS:
        return unrolled_on, False
    try:
        return calendar.next_workday(unrolled_on), False
    except CalendarTooShort:
        return unrolled_on, True


def _ends_before(one: DueDate, other: DueDate) -> bool:
    """Compared unrolled; a date beyond the known years is later than any known one."""
    if one.unrolled_on is None:
        return False
    return other.unrolled_on is None or one.unrolled_on < other.unrolled_on
