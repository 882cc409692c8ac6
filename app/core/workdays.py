"""One day of the working calendar as plain data, wherever it came from."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """Whether people work on ``day``: weekends, public holidays and make-up workdays (调休) are already in it."""

    day: date
    is_workday: bool
    source: str
