"""The working calendar: seeded once, read by every process, extended by each year's notice."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from app.core.builtin import seed_calendar_days
from app.core.database import Database
from app.core.prepared import Prepared
from app.domain.calendar import DayRow, WorkCalendar
from app.models import CalendarDay, CalendarNotice


class Calendars:
    """The calendar in force, kept in memory for as long as no newer notice is imported."""

    def __init__(self) -> None:
        self._known = WorkCalendar.of([], 0)

    def current(self, session: Session) -> WorkCalendar:
        """One statement a transaction asks for the newest version; the days are read only when it changed."""
        version: int | None = session.info.get("calendar_version")
        if version is None:
            version = session.info["calendar_version"] = _NEWEST.rows(session, {})[0].version or 0
        return self._known_as(version) or self._load(session, version)

    def of_version(self, db: Database, version: int) -> WorkCalendar:
        """The calendar whose newest notice has that version; no statement while it is the known one."""
        if (known := self._known_as(version)) is not None:
            return known
        with db.read() as session:
            return self._load(session, version)

    def _known_as(self, version: int) -> WorkCalendar | None:
        known = self._known
        return known if known.version == version else None

    def _load(self, session: Session, version: int) -> WorkCalendar:
        self._known = loaded = load_calendar(session, version)
        return loaded


_NEWEST = Prepared(select(func.max(CalendarNotice.version).label("version")))


def load_calendar(session: Session, version: int) -> WorkCalendar:
    """The calendar up to ``version``: of each year, its newest notice."""
    newest = (
        select(func.max(CalendarNotice.version).label("version"))
        .where(col(CalendarNotice.version) <= version)
        .group_by(col(CalendarNotice.year))
        .subquery()
    )
    rows = session.execute(select(CalendarDay).join(newest, col(CalendarDay.version) == newest.c.version)).scalars()
    return WorkCalendar.of(rows, version)


def seed_calendar(session: Session, *, now: datetime) -> None:
    """Write the years that the calendar library knows, unless a calendar is there."""
    if session.execute(select(func.max(CalendarNotice.version))).scalar() is not None:
        return
    by_year: dict[int, list[DayRow]] = {}
    for day in seed_calendar_days():
        by_year.setdefault(day.day.year, []).append(day)
    for version, year in enumerate(sorted(by_year), start=1):
        add_notice(session, version, by_year[year], source="国务院办公厅节假日安排", now=now)


def add_notice(session: Session, version: int, days: Sequence[DayRow], *, source: str, now: datetime) -> None:
    """Store a whole year's days as notice ``version``."""
    year: int = days[0].day.year
    session.add(CalendarNotice(version=version, year=year, source=source, imported_at=now))
    session.flush()
    rows: list[dict[str, int | date | bool]] = [
        {"version": version, "day": day.day, "is_workday": day.is_workday} for day in days
    ]
    session.execute(insert(CalendarDay), rows)
