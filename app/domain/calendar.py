"""Working days (工作日): which days of the known years people work on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol, Self

from app.core.errors import Rejected

_ONE_DAY = timedelta(days=1)


class CalendarTooShort(Rejected):
    """The notice of that year has not been imported; a working day there is not guessed."""

    code, title, title_zh = "calendar-too-short", "The working calendar ends earlier", "工作日历未覆盖该年份"


class DayRow(Protocol):
    """A day of the calendar table, a built-in or an imported one alike."""

    @property
    def day(self) -> date: ...
    @property
    def is_workday(self) -> bool: ...


@dataclass(frozen=True)
class WorkCalendar:
    """The working calendar as it stood at ``version``; only whole years are known.

    Follows the State Council's yearly notice with make-up workdays (调休). Source: lifecycle.md, «Deadlines».
    """

    version: int
    years: frozenset[int] = field(repr=False)
    days_off: frozenset[date] = field(repr=False)

    @classmethod
    def of(cls, days: Iterable[DayRow], version: int) -> Self:
        """Built from all days of the known years, in any order. ``ValueError`` when a year lacks or repeats days."""
        rows = list(days)
        counts = Counter(row.day.year for row in rows)
        incomplete = sorted(year for year, count in counts.items() if count != days_in_year(year))
        if incomplete or len({row.day for row in rows}) != len(rows):
            raise ValueError(f"calendar days missing or doubled in {incomplete or sorted(counts)}")
        return cls(version, frozenset(counts), frozenset(row.day for row in rows if not row.is_workday))

    def knows(self, year: int) -> bool:
        return year in self.years

    def is_workday(self, day: date) -> bool:
        """Raises ``CalendarTooShort`` outside the known years."""
        if not self.knows(day.year):
            raise CalendarTooShort(
                f"The working calendar does not know {day.year}; import that year's notice.",
                f"工作日历尚无{day.year}年数据，请先导入该年放假安排。",
                year=day.year,
            )
        return day not in self.days_off

    def next_workday(self, day: date) -> date:
        """``day`` itself when it is a workday, else the first one after it. Raises ``CalendarTooShort``."""
        while not self.is_workday(day):
            day += _ONE_DAY
        return day

    def add_working_days(self, day: date, n: int) -> date:
        """The ``n``-th working day after ``day``, which itself does not count. Raises ``CalendarTooShort``."""
        if n < 0:
            raise ValueError("working days are counted forward")
        for _ in range(n):
            day = self.next_workday(day + _ONE_DAY)
        return day


def days_in_year(year: int) -> int:
    return (date(year, 12, 31) - date(year, 1, 1)).days + 1
