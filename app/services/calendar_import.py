"""A year's holiday notice comes in: the calendar grows, and dates that waited for it are settled.

Source: lifecycle.md, «Deadlines» (importing the year may move a provisional date later, never earlier).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.core.database import Database
from app.core.workdays import CalendarDay as NoticeDay
from app.domain.calendar import WorkCalendar
from app.domain.deadlines import reroll
from app.domain.lifecycle import Action
from app.domain.notices import parse_calendar_notice
from app.domain.vocabulary import FINAL, FeedType
from app.models import CalendarDay, CalendarNotice, Hazard
from app.services.calendar import add_notice, load_calendar
from app.services.changes import publish
from app.services.hazards.due import due_of, set_due
from app.services.hazards.history import add_system_event

SETTLED_AT_ONCE = 200
_SOURCE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: the years it wrote, those known word for word before, and the hazards it settled."""

    years: tuple[int, ...]
    known_years: tuple[int, ...]
    settled: int
    moved: int
    """Of those settled, how many got a later date."""


def import_notice(
    db: Database, text: str, source: str, *, now: datetime, at_once: int = SETTLED_AT_ONCE
) -> ImportReport:
    """Take in a notice, then settle provisional dates of open hazards in transactions of ``at_once``.

    A year that stands in the calendar just so is left alone, so the same file twice changes nothing, and an import
    that was interrupted is finished by running it again. Raises ``NoticeRejected``.
    """
    days = parse_calendar_notice(text, source[:_SOURCE_LENGTH])
    with db.write() as session:
        years, known = _add_years(session, days, source[:_SOURCE_LENGTH], now)
        calendar = load_calendar(session, _newest_version(session))
    settled = moved = 0
    after: UUID | None = None
    while True:
        with db.write() as session:
            hazards = _lock_provisional(session, after, at_once)
            changes = _settle(session, hazards, calendar, now)
        settled += len(changes)
        moved += sum(changes)
        if len(hazards) < at_once:
            return ImportReport(tuple(years), tuple(known), settled, moved)
        after = hazards[-1].id


def _add_years(session: Session, days: Sequence[NoticeDay], source: str, now: datetime) -> tuple[list[int], list[int]]:
    """The years written, and those that stand there already."""
    added, known = [], []
    version = _newest_version(session)
    for year, rows in groupby(days, key=lambda row: row.day.year):
        of_year = list(rows)
        if _is_known(session, year, of_year):
            known.append(year)
            continue
        version += 1
        add_notice(session, version, of_year, source=source, now=now)
        added.append(year)
    return added, known


def _newest_version(session: Session) -> int:
    return session.execute(select(func.max(CalendarNotice.version))).scalar() or 0


def _is_known(session: Session, year: int, days: Sequence[NoticeDay]) -> bool:
    newest = select(func.max(CalendarNotice.version)).where(col(CalendarNotice.year) == year).scalar_subquery()
    rows = session.execute(
        select(col(CalendarDay.day), col(CalendarDay.is_workday)).where(col(CalendarDay.version) == newest)
    )
    known: dict[date, bool] = {row.day: row.is_workday for row in rows}
    return known == {row.day: row.is_workday for row in days}


def _lock_provisional(session: Session, after: UUID | None, most: int) -> Sequence[Hazard]:
    """The next open hazards whose date is provisional, locked in id order."""
    query = select(Hazard).where(col(Hazard.due_on_provisional), col(Hazard.status).not_in(FINAL))
    if after is not None:
        query = query.where(col(Hazard.id) > after)
    query = query.order_by(col(Hazard.id)).limit(most).with_for_update()
    return session.execute(query).scalars().all()


def _settle(session: Session, hazards: Sequence[Hazard], calendar: WorkCalendar, now: datetime) -> list[bool]:
    """For each hazard whose date is now certain: whether it moved."""
    changes, changed = [], []
    for hazard in hazards:
        before, current = hazard.due_on, due_of(hazard)
        due = reroll(current, hazard.severity, calendar)
        if due is current:
            continue
        set_due(hazard, due)
        if hazard.original_due_on is None:  # working days that ran beyond the calendar: this is their first date
            hazard.original_due_on = due.due_on
        detail: dict[str, object] = {"before": _iso(before), "after": _iso(due.due_on)}
        add_system_event(session, hazard, Action.MOVE_DUE_DATE, now=now, detail=detail)
        changes.append(due.due_on != before)
        changed.append(hazard.id)
    publish(session, FeedType.HAZARD, changed, now=now)
    return changes


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
