"""What a submission meets in the database, in one statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any  # SQL expressions of any type
from uuid import UUID

import orjson
from sqlalchemy import Connection, and_, bindparam, exists, func, literal_column, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import bounds_of, in_some_of
from app.core.prepared import Prepared
from app.core.sqljson import as_text, json_array, json_object
from app.domain.vocabulary import Status
from app.models import CalendarNotice, Hazard, Inspection, Photo, Premises
from app.models.types import Id


@dataclass(frozen=True, slots=True)
class Site:
    """The premises of a visit, as far as its rows copy them."""

    id: UUID
    area_id: UUID
    area_path: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The inspection that has the id already, whoever sent it."""

    request_hash: str
    answer: str
    reporter_id: UUID


@dataclass(frozen=True, slots=True)
class Question:
    """What a submission names."""

    inspection_id: UUID
    premises_id: UUID | None
    photo_ids: Collection[UUID]
    hashes: Collection[str]
    """Of the photos that the visit itself uses."""
    hazard_ids: Collection[UUID]
    finding_codes: Collection[str]
    closed_since: datetime


@dataclass(frozen=True, slots=True)
class Met:
    """What there was a moment before the submission is written; what changes meanwhile clashes with its rows."""

    calendar_version: int
    earlier: Earlier | None
    site: Site | None
    """None outside the actor's area."""
    photos_came: bool
    """Whether one of the photos has a row."""
    bytes_served: bool
    """Whether a photo with one of the hashes has been named anywhere."""
    taken_hazard_ids: Collection[UUID]
    closed: Mapping[str, UUID]
    """By finding code, the hazard of these premises that was closed last, since the instant asked for."""


def meet(on: Session | Connection, actor: Actor, asked: Question) -> Met:
    """Look all of it up; one statement, one row."""
    return _met(_statement(len(actor.areas)).rows(on, _values(actor, asked))[0])


def meet_each(on: Session | Connection, asking: Sequence[tuple[Actor, Question]]) -> list[Met]:
    """The same for several; statements that are alike are waited for once."""
    met: dict[int, Met] = {}
    alike: dict[int, list[int]] = {}
    for place, (actor, _) in enumerate(asking):
        alike.setdefault(len(actor.areas), []).append(place)
    for areas, places in alike.items():
        rows = _statement(areas).rows_of_each(on, [_values(*asking[place]) for place in places])
        met |= {place: _met(found[0]) for place, found in zip(places, rows, strict=True)}
    return [met[place] for place in range(len(asking))]


def _values(actor: Actor, asked: Question) -> dict[str, Any]:
    return bounds_of(actor) | {
        "inspection_id": asked.inspection_id,
        "premises_id": asked.premises_id,
        "photo_ids": list(asked.photo_ids),
        "hashes": list(asked.hashes),
        "hazard_ids": list(asked.hazard_ids),
        "codes": list(asked.finding_codes),
        "since": asked.closed_since,
    }


def _met(row: Any) -> Met:
    return Met(
        calendar_version=row.calendar_version or 0,
        earlier=None if row.request_hash is None else Earlier(row.request_hash, row.answer, row.reporter_id),
        site=None if row.site_id is None else Site(row.site_id, row.area_id, row.area_path),
        photos_came=bool(row.photos_came),
        bytes_served=bool(row.bytes_served),
        taken_hazard_ids={UUID(found["id"]) for found in orjson.loads(row.taken)},
        closed={found["code"]: UUID(found["id"]) for found in orjson.loads(row.closed)},
    )


@lru_cache
def _statement(areas: int) -> Prepared:
    """For an actor with so many areas."""
    one: Any = select(literal_column("1").label("one")).subquery("one")
    visit = col(Inspection.id) == bindparam("inspection_id", type_=Id())
    site = and_(in_some_of(Premises.area_path, areas), col(Premises.id) == bindparam("premises_id", type_=Id()))
    known = col(Photo.id).in_(bindparam("photo_ids", expanding=True, type_=Id()))
    served = and_(col(Photo.sha256).in_(bindparam("hashes", expanding=True)), col(Photo.named_at).is_not(None))
    taken = col(Hazard.id).in_(bindparam("hazard_ids", expanding=True, type_=Id()))
    return Prepared(
        select(
            select(func.max(CalendarNotice.version)).scalar_subquery().label("calendar_version"),
            col(Inspection.request_hash),
            col(Inspection.answer),
            col(Inspection.reporter_id),
            col(Premises.id).label("site_id"),
            col(Premises.area_id),
            col(Premises.area_path),
            exists(select(col(Photo.id)).where(known)).label("photos_came"),
            exists(select(col(Photo.id)).where(served)).label("bytes_served"),
            as_text(json_array(select(json_object({"id": col(Hazard.id)})).where(taken))).label("taken"),
            as_text(json_array(_closed(areas))).label("closed"),
        ).select_from(one.outerjoin(Inspection, visit).outerjoin(Premises, site))
    )


def _closed(areas: int) -> Any:
    return (
        select(json_object({"code": col(Hazard.finding_code), "id": col(Hazard.id)}))
        .where(
            in_some_of(col(Hazard.area_path).concat(""), areas),  # not by an index: that one holds the whole street
            col(Hazard.premises_id) == bindparam("premises_id", type_=Id()),
            col(Hazard.finding_code).in_(bindparam("codes", expanding=True)),
            col(Hazard.status) == Status.CLOSED,
            col(Hazard.closed_at) >= bindparam("since"),
        )
        .order_by(col(Hazard.closed_at))
    )
