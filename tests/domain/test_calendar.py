"""The working calendar: real make-up workdays, the edge of what is known, and the import of a notice."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.builtin import seed_calendar_days
from app.core.workdays import CalendarDay
from app.domain.calendar import CalendarTooShort, WorkCalendar
from app.domain.notices import NoticeRejected, parse_calendar_notice

REAL = WorkCalendar.of(seed_calendar_days(), version=1)

NOTICE_2027 = """\
date,is_workday,note
2027-01-01,0,元旦
2027-02-05,0,春节
2027-02-08,0,春节
2027-02-20,1,春节调休
2027-02-27,0,落在周六
"""


class TestWorkdays:
    @pytest.mark.parametrize(
        ("day", "is_workday"),
        [
            (date(2025, 1, 26), True),  # Sunday, made up for the Spring Festival
            (date(2025, 2, 8), True),  # Saturday, likewise
            (date(2025, 9, 28), True),  # Sunday, for National Day
            (date(2025, 10, 11), True),  # Saturday, likewise
            (date(2025, 10, 8), False),  # the eighth day of that holiday, a Wednesday
            (date(2026, 2, 14), True),  # Saturday before the Spring Festival
            (date(2026, 2, 28), True),
            (date(2026, 2, 23), False),  # Monday
            (date(2026, 5, 9), True),
            (date(2026, 9, 20), True),
            (date(2026, 10, 7), False),  # Wednesday
            (date(2026, 10, 10), True),
            (date(2026, 10, 11), False),
            (date(2026, 11, 24), True),
            (date(2026, 11, 28), False),
        ],
    )
    def test_follow_the_notices_of_2025_and_2026(self, day, is_workday):
        assert REAL.is_workday(day) is is_workday

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            (date(2026, 9, 30), date(2026, 9, 30)),
            (date(2026, 10, 1), date(2026, 10, 8)),
            (date(2026, 10, 10), date(2026, 10, 10)),
            (date(2026, 10, 11), date(2026, 10, 12)),
            (date(2026, 1, 1), date(2026, 1, 4)),  # a make-up Sunday ends the New Year holiday
            (date(2025, 12, 31), date(2025, 12, 31)),
        ],
    )
    def test_the_next_one_is_the_day_itself_or_the_first_after_it(self, day, expected):
        assert REAL.next_workday(day) == expected

    @pytest.mark.parametrize(
        ("day", "n", "expected"),
        [
            (date(2026, 9, 30), 1, date(2026, 10, 8)),
            (date(2026, 9, 30), 3, date(2026, 10, 10)),
            (date(2026, 9, 30), 4, date(2026, 10, 12)),
            (date(2026, 10, 3), 1, date(2026, 10, 8)),
            (date(2025, 12, 30), 2, date(2026, 1, 4)),  # across the year
            (date(2026, 10, 3), 0, date(2026, 10, 3)),
        ],
    )
    def test_are_counted_from_the_day_after(self, day, n, expected):
        assert REAL.add_working_days(day, n) == expected

    def test_are_not_counted_backwards(self):
        with pytest.raises(ValueError, match="forward"):
            REAL.add_working_days(date(2026, 1, 5), -1)

    @given(st.dates(date(2020, 1, 1), date(2026, 6, 30)), st.integers(0, 100))
    def test_counting_agrees_with_a_list_of_all_workdays(self, day, n):
        after = [row.day for row in seed_calendar_days() if row.is_workday and row.day > day]
        assert REAL.add_working_days(day, n) == ([day, *after])[n]


class TestTheEdge:
    def test_known_years_run_from_2020_to_the_last_notice(self):
        assert [year for year in range(2015, 2040) if REAL.knows(year)] == list(range(2020, 2027))

    @pytest.mark.parametrize("day", [date(2019, 12, 31), date(2027, 1, 1)])
    def test_beyond_it_nothing_is_guessed(self, day):
        with pytest.raises(CalendarTooShort) as refusal:
            REAL.is_workday(day)
        assert refusal.value.members == {"year": day.year}
        assert str(day.year) in refusal.value.detail_zh

    def test_counting_over_it_is_refused(self):
        assert REAL.add_working_days(date(2026, 12, 30), 1) == date(2026, 12, 31)
        with pytest.raises(CalendarTooShort):
            REAL.add_working_days(date(2026, 12, 30), 2)

    def test_a_year_with_a_day_missing_is_refused(self):
        with pytest.raises(ValueError, match="2026"):
            WorkCalendar.of(seed_calendar_days()[:-1], version=1)

    def test_a_year_with_a_day_twice_is_refused(self):
        days = [row for row in seed_calendar_days() if row.day.year == 2026]
        with pytest.raises(ValueError, match="2026"):
            WorkCalendar.of([*days[1:], days[1]], version=1)

    def test_order_of_days_does_not_matter(self):
        assert WorkCalendar.of(reversed(seed_calendar_days()), version=1) == REAL


class TestSeed:
    def test_has_every_day_once_in_order(self):
        days = [row.day for row in seed_calendar_days()]
        assert days == [date(2020, 1, 1) + timedelta(days=n) for n in range(len(days))]
        assert days[-1] == date(2026, 12, 31)

    @pytest.mark.parametrize(("year", "workdays"), [(2024, 251), (2025, 248), (2026, 248)])
    def test_has_the_workdays_of_the_notices(self, year, workdays):
        assert sum(row.is_workday for row in seed_calendar_days() if row.day.year == year) == workdays

    def test_names_its_source(self):
        assert {row.source.split()[0] for row in seed_calendar_days()} == {"chinesecalendar"}


class TestNotice:
    def test_is_expanded_to_the_whole_year(self):
        days = parse_calendar_notice(NOTICE_2027, "国办发明电〔2026〕7号")
        assert len(days) == 365
        assert days[0] == CalendarDay(date(2027, 1, 1), False, "国办发明电〔2026〕7号")
        assert {row.day for row in days if row.is_workday != (row.day.weekday() < 5)} == {
            date(2027, 1, 1),
            date(2027, 2, 5),
            date(2027, 2, 8),
            date(2027, 2, 20),
        }

    def test_extends_the_calendar(self):
        longer = WorkCalendar.of([*seed_calendar_days(), *parse_calendar_notice(NOTICE_2027)], version=2)
        assert longer.next_workday(date(2027, 1, 1)) == date(2027, 1, 4)
        assert longer.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)

    def test_may_speak_of_two_years_one_of_them_a_leap_year(self):
        days = parse_calendar_notice("date,is_workday\n2028-01-03,0\n2027-10-01,0\n")
        assert [row.day for row in days] == [date(2027, 1, 1) + timedelta(days=n) for n in range(365 + 366)]

    @pytest.mark.parametrize(
        "text", ["\ufeffdate,is_workday\r\n2027-01-01,0\r\n\r\n", 'date,is_workday\n"2027-01-01","0"']
    )
    def test_may_come_from_a_spreadsheet(self, text):
        assert not parse_calendar_notice(text)[0].is_workday

    @pytest.mark.parametrize(
        ("text", "line", "code"),
        [
            ("", 1, "bad-header"),
            ("2027-01-01,0\n", 1, "bad-header"),
            ("day,is_workday\n2027-01-01,0\n", 1, "bad-header"),
            ("date,is_workday\n", 1, "no-rows"),
            ("date,is_workday\n2027-01-01,0,元旦\n", 2, "bad-columns"),
            ("date,is_workday\n2027-1-1,0\n", 2, "bad-date"),
            ("date,is_workday\n20270101,0\n", 2, "bad-date"),
            ("date,is_workday\n2027-02-29,0\n", 2, "bad-date"),
            ("date,is_workday\n２０２７-01-01,0\n", 2, "bad-date"),
            ("date,is_workday\n1999-01-01,0\n", 2, "bad-year"),
            ("date,is_workday\n2101-01-03,0\n", 2, "bad-year"),
            ("date,is_workday\n2027-01-01,yes\n", 2, "bad-flag"),
            ("date,is_workday\n2027-01-01,0\n2027-02-22,1\n", 3, "not-a-weekend"),
            ("date,is_workday\n2027-01-01,0\n2027-01-02,0\n2027-01-01,0\n", 4, "doubled-date"),
            ("date,is_workday\n2027-02-20,1\n", 1, "no-day-off"),
            ("date,is_workday\n2026-12-26,1\n2027-01-01,0\n", 1, "no-day-off"),
            ('date,is_workday\n"2027-01-01"x,0\n', 2, "bad-csv"),
        ],
    )
    def test_with_a_fault_is_refused_by_line(self, text, line, code):
        with pytest.raises(NoticeRejected) as refusal:
            parse_calendar_notice(text)
        assert refusal.value.members["errors"] == [{"pointer": f"/lines/{line}", "code": code, "message": ""}]
        assert f"Line {line}: " in refusal.value.detail
        assert f"第{line}行：" in refusal.value.detail_zh

    def test_tells_all_faults_at_once_but_no_more_than_twenty(self):
        with pytest.raises(NoticeRejected) as refusal:
            parse_calendar_notice("date,is_workday\n" + "x,0\n" * 50)
        assert [error["pointer"] for error in refusal.value.members["errors"]] == [f"/lines/{n}" for n in range(2, 22)]

    @given(st.sets(st.dates(date(2027, 1, 1), date(2027, 12, 31)), min_size=1))
    def test_of_the_same_year_is_what_it_lists_and_the_weekday_otherwise(self, off):
        text = "date,is_workday\n" + "".join(f"{day},0\n" for day in off)
        assert all(
            row.is_workday == (row.day not in off and row.day.isoweekday() <= 5) for row in parse_calendar_notice(text)
        )
