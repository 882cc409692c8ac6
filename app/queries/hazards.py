"""Hazards as somebody reads them: one, or a page, as JSON text made by the database.

What depends on the reader or the day (days overdue, allowed actions) is put at the end of each record here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any  # columns of any type
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, literal_column, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import bounds_of, in_some_of
from app.core.clock import rfc3339
from app.core.errors import NotFound
from app.core.prepared import Prepared
from app.core.sqljson import as_text, fixed, json_stored
from app.domain.deadlines import days_overdue
from app.domain.lifecycle import Case, Part, allowed_actions
from app.domain.vocabulary import CHASED, Role, Severity, Status
from app.models import Hazard, Premises, VoidRequest
from app.queries.hazard_filters import FilterShape, HazardFilter, hazard_conditions, shape_of
from app.queries.hazard_json import hazard_members
from app.queries.hazard_order import Sort, Stretch, ordered, sort_key, stretches
from app.queries.paging import bad_cursor, decode_cursor, encode_cursor, instant_of

_RECORD = fixed(as_text(hazard_members()))

_GUARDED = (
    col(Hazard.id),
    col(Hazard.version),
    col(Hazard.status),
    col(Hazard.severity),
    col(Hazard.due_on),
    col(Hazard.original_due_on),
    as_text(json_stored(Hazard.reporter_ids)).label("reporter_ids"),
    col(Hazard.registered_at),
    col(Hazard.claimant_id),
    col(Hazard.claimed_at),
    col(Hazard.reinspector_id),
    col(Hazard.reinspected_at),
    col(Hazard.determined_by_id),
    col(Hazard.determined_at),
    col(VoidRequest.asked_by_id),
    col(VoidRequest.asked_at),
)
"""What the guards ask about each row."""


def get_hazard(session: Session, actor: Actor, hazard_id: UUID, *, lock: bool = False) -> Hazard:
    """The hazard within the actor's area, locked for a change if asked; raises ``NotFound``."""
    query = _locking(len(actor.areas)) if lock else _getting(len(actor.areas))
    hazard: Hazard | None = session.execute(query, bounds_of(actor) | {"hazard_id": hazard_id}).scalar_one_or_none()
    if hazard is None:
        raise no_such_hazard()
    return hazard


@lru_cache
def _getting(areas: int) -> Any:
    """Made once for actors with so many areas."""
    return select(Hazard).where(in_some_of(Hazard.area_path, areas), col(Hazard.id) == bindparam("hazard_id"))


@lru_cache
def _locking(areas: int) -> Any:
    return _getting(areas).with_for_update().execution_options(populate_existing=True)


def no_such_hazard() -> NotFound:
    """The same for a hazard that is not there and one outside the area."""
    return NotFound("No such hazard in your area.", "在您的辖区内未找到该隐患。")


def find_pending_void(session: Session, hazard_id: UUID) -> VoidRequest | None:
    """The request to void that waits for its decision."""
    pending = _PENDING.rows(session, {"hazard_id": hazard_id})
    return session.get_one(VoidRequest, UUID(str(pending[0].id)), populate_existing=True) if pending else None


_PENDING = Prepared(
    select(col(VoidRequest.id)).where(
        col(VoidRequest.hazard_id) == bindparam("hazard_id"), col(VoidRequest.state) == literal_column("'pending'")
    )
)


def read_hazard(session: Session, actor: Actor, hazard_id: UUID, *, today: date) -> tuple[str, int]:
    """The read shape as JSON text, and the version; one statement. Raises ``NotFound``."""
    rows = _reading(len(actor.areas)).rows(session, bounds_of(actor) | {"hazard_id": hazard_id})
    if not rows:
        raise no_such_hazard()
    return _as_read(actor, rows[0], today), rows[0].version


def read_locked(session: Session, locked: Mapping[UUID, Actor], *, today: date) -> dict[UUID, str]:
    """The read shapes of hazards that the caller has locked within each one's area; one statement."""
    rows = _OF_MANY.rows(session, {"hazard_ids": list(locked)})
    return {row.id: _as_read(locked[row.id], row, today) for row in rows}


@lru_cache
def _reading(areas: int) -> Prepared:
    scope = in_some_of(Hazard.area_path, areas)
    return Prepared(_readable().where(scope, col(Hazard.id) == bindparam("hazard_id")))


def list_hazards(
    on: Session | Connection,
    actor: Actor,
    wanted: HazardFilter,
    *,
    sort: Sort = "due_on",
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[str], str | None]:
    """A page of read shapes as JSON texts, and the next cursor; stable while rows are written.

    ``due_on`` and ``-overdue_days`` put the oldest due date first, ``found_at`` the newest find. One
    statement, ``limit + 1`` rows, and another where the dated (the overdue) do not fill the page. Today
    is the day of the first page, also when midnight passes.
    Raises ``BadCursor``, and ``NotFound`` for an area outside the actor's.
    """
    after: dict[str, Any] = {}
    if cursor is not None:
        as_of, value, last_id = decode_cursor(actor, f"hazards:{sort}", cursor, 3)
        wanted = replace(wanted, as_of=_day_of(wanted, as_of))
        after = _after(sort, value, last_id)
    rows = _rows(on, shape_of(on, actor, wanted), sort, limit, wanted.values() | after)
    page = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        last = page[-1]
        key = (str(wanted.as_of), _sort_text(last.sort_key or date.max), str(last.id))
        next_cursor = encode_cursor(actor, f"hazards:{sort}", *key)
    return [_as_read(actor, row, wanted.as_of) for row in page], next_cursor


def _rows(
    on: Session | Connection, shape: FilterShape, sort: Sort, limit: int, values: dict[str, Any]
) -> list[Row[Any]]:
    """At least ``limit + 1`` rows, or what there is: of the first stretch, then of the next."""
    rows: list[Row[Any]] = []
    is_last = values.get("after") == date.max  # the page before ended where no date orders
    for stretch in stretches(shape, sort):
        if len(rows) <= limit and not (stretch.has_key and is_last):
            is_after = "after" in values and (stretch.has_key or is_last)
            listed = {row.id for row in rows}  # one may have moved to this stretch a moment ago
            more = _page(shape, stretch, limit, is_after).rows(on, values)
            rows += [row for row in more if row.id not in listed]
    return rows


def _day_of(wanted: HazardFilter, made_on: str) -> date:
    """The business date of the cursor: the one asked for, or when today is meant, at most a day ago."""
    try:
        as_of = date.fromisoformat(made_on)
    except ValueError as error:
        raise bad_cursor() from error
    if as_of != wanted.as_of and not (wanted.is_today and as_of == wanted.as_of - timedelta(days=1)):
        raise bad_cursor()
    return as_of


@lru_cache(maxsize=1024)
def _page(shape: FilterShape, stretch: Stretch, limit: int, is_after: bool) -> Prepared:
    """The statement for a page of a stretch, made once."""
    query = _readable(sort_key(stretch).label("sort_key")).where(*hazard_conditions(shape))
    return Prepared(ordered(query, shape, stretch, is_after=is_after).limit(literal_column(str(limit + 1))))


def case_of(row: Hazard | Row[Any], void: VoidRequest | Row[Any] | None) -> Case:
    """What the guards ask, from a row with the columns of ``Hazard`` and its pending request to void."""
    return Case(
        status=Status(row.status),
        severity=Severity(row.severity),
        has_claim=row.claimant_id is not None,
        is_claimed_by_report=row.claimant_id is not None and row.fixed_on_site and row.round == 1,
        has_determination=row.determined_at is not None,
        void_pending=void is not None and void.asked_by_id is not None,
    )


def parts_of(actor: Actor, row: Hazard | Row[Any], void: VoidRequest | Row[Any] | None) -> frozenset[Part]:
    """What this natural person has done with the hazard; ``reporter_ids`` may be their JSON text.

    Source: lifecycle.md, «Four eyes».
    """
    asked_by_id = void.asked_by_id if void is not None else None
    reported = str(actor.id) in row.reporter_ids
    others = (row.claimant_id, row.reinspector_id, row.determined_by_id, asked_by_id)
    if not reported and not actor.credential_links and actor.id not in others:
        return frozenset()
    parts = set()
    if reported or any(actor.is_same_person(reporter, row.registered_at) for reporter in _reporters(row)):
        parts.add(Part.REPORTER)
    if actor.is_same_person(row.claimant_id, row.claimed_at):
        parts.add(Part.CLAIMANT)
    if actor.is_same_person(row.reinspector_id, row.reinspected_at):
        parts.add(Part.REINSPECTOR)
    if row.severity == Severity.GENERAL and actor.is_same_person(row.determined_by_id, row.determined_at):
        parts.add(Part.DETERMINED_GENERAL)
    if void is not None and actor.is_same_person(asked_by_id, void.asked_at):
        parts.add(Part.ASKED_VOID)
    return frozenset(parts)


def _reporters(row: Hazard | Row[Any]) -> Iterator[UUID]:
    ids = row.reporter_ids
    return map(UUID, orjson.loads(ids) if isinstance(ids, str) else ids)


def _readable(*more: ColumnElement[Any]) -> Any:
    return (
        select(_RECORD.label("record"), *_GUARDED, *more)
        .join(Premises, col(Premises.id) == col(Hazard.premises_id))
        .outerjoin(VoidRequest, and_(col(VoidRequest.hazard_id) == col(Hazard.id), col(VoidRequest.state) == "pending"))
    )


_OF_MANY = Prepared(_readable().where(col(Hazard.id).in_(bindparam("hazard_ids", expanding=True))))


def _as_read(actor: Actor, row: Row[Any], as_of: date) -> str:
    chased = row.status in CHASED
    late = days_overdue(row.due_on, as_of) if chased else 0
    late_originally = days_overdue(row.original_due_on, as_of) if chased else 0
    actions = "[]"
    if not actor.is_client:
        facts = (row.status, row.severity, row.claimant_id is None, row.determined_at is None, row.asked_by_id is None)
        actions = _actions_json(actor.role, facts, parts_of(actor, row, row))
    record: str = row.record
    return (
        f'{record[:-1]},"days_overdue":{late},"days_overdue_original":{late_originally},"allowed_actions":{actions}}}'
    )


@lru_cache(maxsize=4096)
def _actions_json(role: Role, facts: tuple[str, str, bool, bool, bool], parts: frozenset[Part]) -> str:
    status, severity, unclaimed, undetermined, unasked = facts
    case = Case(
        Status(status),
        Severity(severity),
        has_claim=not unclaimed,
        has_determination=not undetermined,
        void_pending=not unasked,
    )
    return orjson.dumps(allowed_actions(role, case, parts)).decode()


def _sort_text(value: date | datetime) -> str:
    return rfc3339(value) if isinstance(value, datetime) else value.isoformat()


def _after(sort: Sort, value: str, last_id: str) -> dict[str, Any]:
    try:
        moment = instant_of(value) if sort == "found_at" else date.fromisoformat(value)
        return {"after": moment, "after_id": UUID(last_id)}
    except ValueError as error:
        raise bad_cursor() from error
