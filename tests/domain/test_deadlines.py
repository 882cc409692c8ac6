"""Due dates: tables for the rules as written, properties against a day-by-day model."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import builtin
from app.domain.calendar import WorkCalendar
from app.domain.deadlines import (
    DueTooEarly,
    DueTooLate,
    ExtensionsUsedUp,
    ExtensionTooLong,
    Term,
    days_overdue,
    explicit_due,
    extended_due,
    extension_approver,
    first_due,
    renewed_due,
    reroll,
)
from app.domain.notices import parse_calendar_notice
from app.domain.policies import Counting, policy_of
from app.domain.vocabulary import Role, Severity

SEED = builtin.seed_calendar_days()
REAL = WorkCalendar.of(SEED, version=1)
NOTICE_2027 = parse_calendar_notice("date,is_workday\n2027-01-01,0\n2027-02-08,0\n2027-02-09,0\n2027-02-20,1\n")
LONGER = WorkCalendar.of([*SEED, *NOTICE_2027], version=2)
POLICY = policy_of(builtin.policies()["DL-G-ANY"])  # 7 days, in all 30, two extensions
WORKING = replace(POLICY, counting=Counting.WORKING)
GENERAL, SUSPECTED, MAJOR = Severity.GENERAL, Severity.SUSPECTED_MAJOR, Severity.MAJOR


def due(base_on, days, severity=GENERAL, calendar=REAL, policy=POLICY):
    return first_due(Term(policy, days), base_on, severity, calendar)


class TestFirstDue:
    @pytest.mark.parametrize(
        ("base_on", "days", "severity", "expected"),
        [
            (date(2026, 11, 24), 7, GENERAL, date(2026, 12, 1)),  # the day of the order does not count
            (date(2026, 11, 24), 0, GENERAL, date(2026, 11, 24)),
            (date(2026, 11, 24), 4, GENERAL, date(2026, 11, 28)),  # Saturday: too short to move
            (date(2026, 11, 23), 5, GENERAL, date(2026, 11, 30)),  # the same Saturday moves
            (date(2026, 11, 23), 5, SUSPECTED, date(2026, 11, 28)),
            (date(2026, 11, 23), 5, MAJOR, date(2026, 11, 28)),
            (date(2026, 9, 24), 7, GENERAL, date(2026, 10, 8)),  # ends on National Day
            (date(2026, 9, 28), 4, GENERAL, date(2026, 10, 2)),
            (date(2026, 9, 28), 5, GENERAL, date(2026, 10, 8)),
            (date(2026, 10, 3), 7, GENERAL, date(2026, 10, 10)),  # a Saturday, made up
            (date(2026, 10, 4), 7, GENERAL, date(2026, 10, 12)),
            (date(2025, 9, 21), 7, GENERAL, date(2025, 9, 28)),  # a Sunday, made up
            (date(2025, 1, 19), 7, GENERAL, date(2025, 1, 26)),  # a Sunday, made up
            (date(2025, 12, 25), 7, GENERAL, date(2026, 1, 4)),  # New Year, ended by a make-up Sunday
            (date(2025, 12, 25), 7, SUSPECTED, date(2026, 1, 1)),
            (date(2024, 2, 22), 7, GENERAL, date(2024, 2, 29)),
        ],
    )
    def test_calendar_days(self, base_on, days, severity, expected):
        made = due(base_on, days, severity)
        assert (made.due_on, made.provisional) == (expected, False)
        assert made.unrolled_on == base_on + timedelta(days=days)

    @pytest.mark.parametrize(
        ("base_on", "days", "expected"),
        [
            (date(2026, 9, 30), 3, date(2026, 10, 10)),
            (date(2025, 12, 31), 1, date(2026, 1, 4)),
            (date(2026, 11, 27), 1, date(2026, 11, 30)),
        ],
    )
    @pytest.mark.parametrize("severity", Severity)
    def test_working_days(self, base_on, days, expected, severity):
        made = due(base_on, days, severity, policy=WORKING)
        assert (made.due_on, made.unrolled_on, made.counting) == (expected, expected, Counting.WORKING)

    def test_carries_its_derivation(self):
        made = due(date(2026, 9, 24), 7)
        assert (made.base_on, made.days, made.counting) == (date(2026, 9, 24), 7, Counting.CALENDAR)
        assert (made.policy_code, made.policy_version, made.calendar_version) == ("DL-G-ANY", 1, 1)

    def test_a_catalogue_term_goes_before_the_policy_even_when_it_is_zero(self):
        assert Term.of(POLICY).days == 7
        assert Term.of(POLICY, 15).days == 15
        assert Term.of(POLICY, 0).days == 0

    @pytest.mark.parametrize("base_on", [date(2026, 12, 25), date(2026, 12, 26), date(2027, 3, 1)])
    def test_beyond_the_calendar_stays_as_computed_and_provisional(self, base_on):
        made = due(base_on, 7)
        assert (made.due_on, made.provisional) == (base_on + timedelta(days=7), True)

    def test_is_provisional_where_only_rolling_leaves_the_known_years(self):
        to_2023 = WorkCalendar.of([row for row in SEED if row.day.year <= 2023], version=1)
        made = due(date(2023, 12, 23), 7, calendar=to_2023)
        assert (made.due_on, made.provisional) == (date(2023, 12, 30), True)
        assert reroll(made, GENERAL, REAL).due_on == date(2024, 1, 2)
        assert not due(date(2023, 12, 23), 7, SUSPECTED, calendar=to_2023).provisional

    def test_working_days_beyond_the_calendar_are_not_guessed(self):
        made = due(date(2026, 12, 30), 2, policy=WORKING)
        assert (made.due_on, made.unrolled_on, made.provisional) == (None, None, True)
        assert due(date(2026, 12, 30), 1, policy=WORKING).due_on == date(2026, 12, 31)


class TestExplicitDue:
    BY_POLICY = due(date(2026, 9, 28), 5)  # Saturday 3 October, rolled to the 8th

    @pytest.mark.parametrize(
        ("explicit_on", "unrolled_on", "days"),
        [
            (date(2026, 9, 28), date(2026, 9, 28), 0),
            (date(2026, 10, 2), date(2026, 10, 2), 4),
            (date(2026, 10, 3), date(2026, 10, 3), 5),
            (date(2026, 10, 7), date(2026, 10, 3), 5),  # the total counts from the unrolled end
        ],
    )
    def test_earlier_stands_as_set(self, explicit_on, unrolled_on, days):
        made = explicit_due(explicit_on, self.BY_POLICY, POLICY)
        assert (made.due_on, made.unrolled_on, made.days) == (explicit_on, unrolled_on, days)
        assert made.policy_code == "DL-G-ANY"

    def test_the_policys_own_date_is_the_policys(self):
        assert explicit_due(date(2026, 10, 8), self.BY_POLICY, POLICY) == self.BY_POLICY

    def test_later_is_refused(self):
        with pytest.raises(DueTooLate) as refusal:
            explicit_due(date(2026, 10, 9), self.BY_POLICY, POLICY)
        assert refusal.value.members == {"latest_due_on": date(2026, 10, 8)}

    def test_before_the_finding_is_refused(self):
        with pytest.raises(DueTooEarly) as refusal:
            explicit_due(date(2026, 9, 27), self.BY_POLICY, POLICY)
        assert refusal.value.members == {"earliest_due_on": date(2026, 9, 28)}

    def test_never_moves_when_the_year_is_imported(self):
        made = explicit_due(date(2027, 1, 1), due(date(2026, 12, 25), 10), POLICY)
        assert reroll(made, GENERAL, LONGER) == made

    def test_beyond_an_empty_clock_the_total_is_the_limit(self):
        empty = due(date(2026, 12, 28), 7, policy=WORKING)
        made = explicit_due(date(2027, 1, 6), empty, WORKING)
        assert (made.due_on, made.days, made.counting) == (date(2027, 1, 6), 9, Counting.CALENDAR)
        with pytest.raises(DueTooLate):
            explicit_due(date(2026, 12, 28) + timedelta(days=31), empty, WORKING)


class TestRenewedDue:
    FIRST = due(date(2026, 10, 12), 7)  # to the 19th; in all to 11 November

    def renewed(self, current, new_base_on, days=7, severity=GENERAL, calendar=REAL, policy=POLICY):
        return renewed_due(current, Term(policy, days), new_base_on, date(2026, 10, 12), severity, calendar)

    @pytest.mark.parametrize(
        ("new_base_on", "days", "expected"),
        [
            (date(2026, 10, 14), 7, date(2026, 10, 21)),
            (date(2026, 10, 24), 7, date(2026, 11, 2)),  # Saturday, rolled
            (date(2026, 10, 24), 3, date(2026, 10, 27)),
            (date(2026, 11, 4), 7, date(2026, 11, 11)),
            (date(2026, 11, 5), 7, date(2026, 11, 11)),  # cut by the total
            (date(2026, 11, 20), 7, date(2026, 11, 11)),  # the total is used up
            (date(2026, 10, 13), 2, date(2026, 10, 19)),  # never earlier than the current one
        ],
    )
    def test_by_policy_from_the_new_base(self, new_base_on, days, expected):
        assert self.renewed(self.FIRST, new_base_on, days).due_on == expected

    def test_cut_by_the_total_carries_that_derivation(self):
        made = self.renewed(self.FIRST, date(2026, 11, 5))
        assert (made.base_on, made.days, made.unrolled_on) == (date(2026, 10, 12), 30, date(2026, 11, 11))

    def test_the_cap_is_compared_unrolled_and_then_rolls(self):
        policy = replace(POLICY, max_total_days=33)  # Saturday 14 November
        assert self.renewed(self.FIRST, date(2026, 11, 10), policy=policy).due_on == date(2026, 11, 16)

    def test_the_current_one_is_kept_as_it_is(self):
        assert self.renewed(self.FIRST, date(2026, 10, 12)) is self.FIRST

    def test_an_extended_date_beyond_the_new_one_stands(self):
        extended = extended_due(self.FIRST, 7, first=self.FIRST, policy=POLICY, severity=GENERAL, calendar=REAL)
        assert self.renewed(extended, date(2026, 10, 15)) is extended

    def test_beyond_the_calendar_it_is_provisional(self):
        first = due(date(2026, 12, 14), 7)
        made = renewed_due(first, Term(POLICY, 7), date(2026, 12, 25), date(2026, 12, 14), GENERAL, REAL)
        assert (made.due_on, made.provisional) == (date(2027, 1, 1), True)

    def test_an_empty_clock_is_later_than_any_known_date(self):
        empty = due(date(2026, 12, 28), 7, policy=WORKING)
        renew = Term(WORKING, 1)
        assert renewed_due(empty, renew, date(2026, 12, 29), date(2026, 12, 28), GENERAL, REAL) is empty
        made = renewed_due(empty, renew, date(2027, 1, 20), date(2026, 12, 28), GENERAL, LONGER)
        assert made.due_on == date(2027, 1, 21)
        known = due(date(2026, 12, 28), 1, policy=WORKING)
        assert renewed_due(known, renew, date(2026, 12, 31), date(2026, 12, 28), GENERAL, REAL).due_on is None


class TestExtendedDue:
    FIRST = due(date(2026, 9, 24), 7)  # 1 October, rolled to the 8th

    def extended(self, current, days, policy=POLICY, severity=GENERAL):
        return extended_due(current, days, first=self.FIRST, policy=policy, severity=severity, calendar=REAL)

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            (1, date(2026, 10, 8)),  # from the unrolled 1 October: within the holiday
            (7, date(2026, 10, 8)),
            (3, date(2026, 10, 8)),
        ],
    )
    def test_counts_from_the_unrolled_date_and_rolls(self, days, expected):
        made = self.extended(self.FIRST, days)
        assert made.due_on == expected
        assert made.unrolled_on == date(2026, 10, 1) + timedelta(days=days)

    def test_twice(self):
        made = self.extended(self.extended(self.FIRST, 7), 5)
        assert (made.unrolled_on, made.due_on) == (date(2026, 10, 13), date(2026, 10, 13))
        assert (made.base_on, made.days) == (date(2026, 9, 24), 19)

    def test_other_severity_does_not_roll(self):
        assert self.extended(due(date(2026, 9, 24), 7, SUSPECTED), 2, severity=SUSPECTED).due_on == date(2026, 10, 3)

    @pytest.mark.parametrize("days", [-1, 0, 8])
    def test_has_at_most_the_first_terms_days(self, days):
        with pytest.raises(ExtensionTooLong) as refusal:
            self.extended(self.FIRST, days)
        assert refusal.value.members == {"max_days": 7}

    def test_ends_within_the_total(self):
        policy = replace(POLICY, max_total_days=12)
        assert self.extended(self.FIRST, 5, policy).unrolled_on == date(2026, 10, 6)
        with pytest.raises(ExtensionTooLong) as refusal:
            self.extended(self.FIRST, 6, policy)
        assert refusal.value.members == {"max_total_days": 12}

    def test_working_days_go_on_where_they_ended(self):
        first = due(date(2026, 9, 29), 2, policy=WORKING)
        made = extended_due(first, 2, first=first, policy=WORKING, severity=GENERAL, calendar=REAL)
        assert (first.due_on, made.due_on, made.days) == (date(2026, 10, 8), date(2026, 10, 10), 4)

    def test_an_empty_clock_stays_empty(self):
        first = due(date(2026, 12, 30), 2, policy=WORKING)
        made = extended_due(first, 2, first=first, policy=WORKING, severity=GENERAL, calendar=REAL)
        assert (made.due_on, made.days) == (None, 4)


class TestExtensionApprover:
    @pytest.mark.parametrize(
        ("granted", "total_days", "role"),
        [(0, 14, Role.OFFICE), (0, 30, Role.OFFICE), (0, 31, Role.LEADER), (1, 20, Role.LEADER)],
    )
    def test_by_count_and_total(self, granted, total_days, role):
        assert extension_approver(POLICY, granted=granted, total_days=total_days) == role

    def test_major_goes_to_the_district(self):
        policy = policy_of(builtin.policies()["DL-M-EVAC"])
        assert extension_approver(policy, granted=0, total_days=400) == Role.DISTRICT

    @pytest.mark.parametrize(("code", "granted"), [("DL-G-ANY", 2), ("DL-G-IMM", 0)])
    def test_no_more_than_the_policy_allows(self, code, granted):
        with pytest.raises(ExtensionsUsedUp):
            extension_approver(policy_of(builtin.policies()[code]), granted=granted, total_days=1)


class TestReroll:
    @pytest.mark.parametrize(
        ("base_on", "days", "severity", "expected"),
        [
            (date(2026, 12, 25), 7, GENERAL, date(2027, 1, 4)),  # New Year's Friday
            (date(2026, 12, 28), 7, GENERAL, date(2027, 1, 4)),  # a workday already
            (date(2026, 12, 28), 4, GENERAL, date(2027, 1, 1)),
            (date(2026, 12, 25), 7, SUSPECTED, date(2027, 1, 1)),
            (date(2027, 2, 1), 7, GENERAL, date(2027, 2, 10)),
            (date(2027, 2, 13), 7, GENERAL, date(2027, 2, 20)),  # a make-up Saturday
        ],
    )
    def test_settles_a_provisional_date(self, base_on, days, severity, expected):
        before = due(base_on, days, severity)
        after = reroll(before, severity, LONGER)
        assert before.provisional
        assert after == replace(before, due_on=expected, calendar_version=2, provisional=False)

    def test_fills_an_empty_clock(self):
        made = reroll(due(date(2026, 12, 30), 2, policy=WORKING), GENERAL, LONGER)
        assert (made.due_on, made.unrolled_on, made.provisional) == (date(2027, 1, 4), date(2027, 1, 4), False)

    @pytest.mark.parametrize("policy", [POLICY, WORKING])
    def test_leaves_what_is_still_unknown(self, policy):
        before = due(date(2027, 12, 30), 7, policy=policy)
        assert reroll(before, GENERAL, LONGER) is before

    def test_leaves_what_was_settled(self):
        before = due(date(2026, 11, 24), 7)
        assert reroll(before, GENERAL, LONGER) is before

    def test_never_moves_earlier(self):
        before = replace(due(date(2026, 12, 28), 7), due_on=date(2027, 1, 8))
        assert reroll(before, GENERAL, LONGER).due_on == date(2027, 1, 8)


@pytest.mark.parametrize(
    ("due_on", "today", "days"),
    [
        (date(2026, 11, 24), date(2026, 11, 23), 0),
        (date(2026, 11, 24), date(2026, 11, 24), 0),  # until 24:00
        (date(2026, 11, 24), date(2026, 11, 25), 1),
        (date(2026, 12, 31), date(2027, 1, 31), 31),
        (None, date(2027, 1, 31), 0),
    ],
)
def test_days_overdue_start_the_day_after(due_on, today, days):
    assert days_overdue(due_on, today) == days


OFF = {row.day for row in (*SEED, *NOTICE_2027) if not row.is_workday}
base_dates = st.dates(date(2020, 1, 1), date(2027, 6, 30))
terms = st.integers(0, 90)
severities = st.sampled_from(Severity)


def modelled(base_on, days, severity, *, working=False):
    """The date found by walking day by day, with every year known."""
    day, left = base_on, days
    while left > 0:
        day += timedelta(days=1)
        if not (working and day in OFF):
            left -= 1
    while not working and severity is Severity.GENERAL and days >= 5 and day in OFF:
        day += timedelta(days=1)
    return day


class TestAgainstTheModel:
    @given(base_dates, terms, severities)
    def test_calendar_days(self, base_on, days, severity):
        expected = modelled(base_on, days, severity)
        assert due(base_on, days, severity, LONGER).due_on == expected
        before = due(base_on, days, severity)
        assert before.provisional == (before.unrolled_on.year > 2026)
        assert before.due_on <= expected
        assert reroll(before, severity, LONGER).due_on == expected

    @given(base_dates, terms)
    def test_working_days(self, base_on, days):
        expected = modelled(base_on, days, GENERAL, working=True)
        before = due(base_on, days, policy=WORKING)
        assert before.due_on in {expected, None}
        assert (before.due_on is None) == (days > 0 and expected.year > 2026)
        assert reroll(before, GENERAL, LONGER).due_on == expected

    @given(base_dates, terms, st.integers(0, 120), st.integers(1, 120), severities)
    def test_renewed(self, first_base_on, days, waited, max_total_days, severity):
        policy = replace(POLICY, max_total_days=max_total_days)
        current = due(first_base_on, days, severity, LONGER, policy)
        new_base_on = first_base_on + timedelta(days=waited)
        made = renewed_due(current, Term(policy, days), new_base_on, first_base_on, severity, LONGER)
        capped = waited + days > max_total_days
        by_policy = (first_base_on, max_total_days) if capped else (new_base_on, days)
        assert made.due_on == max(current.due_on, modelled(*by_policy, severity))
        assert made.unrolled_on == made.base_on + timedelta(days=made.days)

    @given(base_dates, st.integers(1, 45), st.lists(st.integers(1, 45), max_size=3), severities)
    def test_extended(self, base_on, days, extensions, severity):
        policy = replace(POLICY, max_total_days=60)
        first = current = due(base_on, days, severity, LONGER, policy)
        total = days
        for extra in extensions:
            if extra > days or total + extra > 60:
                with pytest.raises(ExtensionTooLong):
                    extended_due(current, extra, first=first, policy=policy, severity=severity, calendar=LONGER)
                continue
            current = extended_due(current, extra, first=first, policy=policy, severity=severity, calendar=LONGER)
            total += extra
        assert current.due_on == modelled(base_on, total, severity)

    @given(base_dates, terms, st.integers(-5, 100), severities)
    def test_explicit(self, base_on, days, offset, severity):
        by_policy = due(base_on, days, severity, LONGER)
        explicit_on = base_on + timedelta(days=offset)
        if base_on <= explicit_on <= by_policy.due_on:
            made = explicit_due(explicit_on, by_policy, POLICY)
            assert made.due_on == explicit_on
            assert made.unrolled_on == base_on + timedelta(days=made.days) <= by_policy.unrolled_on
        else:
            with pytest.raises((DueTooLate, DueTooEarly)):
                explicit_due(explicit_on, by_policy, POLICY)
