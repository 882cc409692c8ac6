"""The State Council's yearly notice on public holidays (放假安排通知) as a file for ``xiaohao import calendar``."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

from app.core.errors import Rejected, at
from app.core.workdays import CalendarDay
from app.domain.calendar import days_in_year

_HEADERS = (["date", "is_workday"], ["date", "is_workday", "note"])
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(2000, 2101)
_MAX_ERRORS = 20
_SATURDAY = 5

_Fault = tuple[int, str, str, str]  # line, code, English, Chinese


class NoticeRejected(Rejected):
    """The file is not a usable notice; ``errors`` name the lines, nothing of it is taken."""

    code, title, title_zh = "notice-rejected", "The holiday notice cannot be used", "放假安排文件有误"


def parse_calendar_notice(text: str, source: str = "notice") -> list[CalendarDay]:
    """Every day of each year the notice speaks of, in order.

    The file is CSV with the header ``date,is_workday`` or ``date,is_workday,note`` and one line for each
    exception: ``2027-01-01,0,元旦`` for a day off, ``2027-02-20,1,春节调休`` for a make-up workday on a weekend.
    Days not listed follow the weekday. Dates are ISO; days off that fall on a weekend may be listed. All
    exceptions of a year belong in one file: a year without any day off is refused, since the file replaces it.
    Raises ``NoticeRejected`` with up to 20 faults. Source: lifecycle.md, «Deadlines».
    """
    exceptions: dict[date, bool] = {}
    faults = [fault for fault in _read(text, exceptions) if fault is not None]
    years = sorted({day.year for day in exceptions})
    if not faults:
        faults = [
            (
                1,
                "no-day-off",
                f"{year} has no day off: list all exceptions of the year.",
                f"{year}年没有放假日，请列全该年安排。",
            )
            for year in years
            if not any(day.year == year and not works for day, works in exceptions.items())
        ]
    if not faults and not years:
        faults = [(1, "no-rows", "The notice lists no day.", "文件中没有任何日期。")]
    if faults:
        raise _rejected(faults)
    return [day for year in years for day in _whole_year(year, exceptions, source)]


def _read(text: str, exceptions: dict[date, bool]) -> Iterator[_Fault | None]:
    """Fill ``exceptions`` line by line and yield what is wrong with each."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        if (header := next(reader, [])) not in _HEADERS:
            yield (
                1,
                "bad-header",
                "The first line must be date,is_workday or date,is_workday,note.",
                "首行应为 date,is_workday 或 date,is_workday,note。",
            )
            return
        for cells in reader:
            if cells:
                yield _read_line(reader.line_num, cells, len(header), exceptions)
    except csv.Error as error:
        yield reader.line_num, "bad-csv", f"Not CSV: {error}.", "不是有效的CSV格式。"


def _read_line(line: int, cells: list[str], width: int, exceptions: dict[date, bool]) -> _Fault | None:
    if len(cells) != width:
        return line, "bad-columns", f"{len(cells)} cells instead of {width}.", f"应有{width}列，实有{len(cells)}列。"
    written, works = cells[0], cells[1]
    if (day := _iso_date(written)) is None:
        return line, "bad-date", f"{written!r} is not a date YYYY-MM-DD.", f"“{written}”不是YYYY-MM-DD格式的日期。"
    if day.year not in _YEARS:
        return (
            line,
            "bad-year",
            f"The year {day.year} is not between 2000 and 2100.",
            f"年份{day.year}不在2000至2100之间。",
        )
    if works not in {"0", "1"}:
        return line, "bad-flag", f"is_workday is {works!r}, neither 0 nor 1.", f"is_workday应为0或1，实为“{works}”。"
    if works == "1" and day.weekday() < _SATURDAY:
        return (
            line,
            "not-a-weekend",
            f"{day} is no weekend: only make-up workdays are 1.",
            f"{day}不是周末，只有调休上班日填1。",
        )
    if day in exceptions:
        return line, "doubled-date", f"{day} is listed twice.", f"{day}重复出现。"
    exceptions[day] = works == "1"
    return None


def _iso_date(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if _ISO_DATE.fullmatch(written) else None
    except ValueError:
        return None


def _whole_year(year: int, exceptions: dict[date, bool], source: str) -> Iterator[CalendarDay]:
    for n in range(days_in_year(year)):
        day = date(year, 1, 1) + timedelta(days=n)
        yield CalendarDay(day, exceptions.get(day, day.weekday() < _SATURDAY), source)


def _rejected(faults: list[_Fault]) -> NoticeRejected:
    shown = faults[:_MAX_ERRORS]
    return NoticeRejected(
        " ".join(f"Line {line}: {english}" for line, _, english, _ in shown),
        "".join(f"第{line}行：{chinese}" for line, _, _, chinese in shown),
        errors=[at(f"/lines/{line}", code) for line, code, _, _ in shown],
    )
