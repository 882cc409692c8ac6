"""What the feed says of an object, as JSON made by the database in the transaction that changes it.

Without what depends on the reader or the day, and without phone numbers: the feed is kept for ever, and nothing can
be taken out of it. Source: contract.md, «District».
"""

from dataclasses import dataclass
from typing import Any  # SQL expressions of any type
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    Uuid,
    bindparam,
    case,
    false,
    func,
    literal_column,
    null,
    select,
)
from sqlmodel import col

from app.core.database import Dialect
from app.core.sqljson import as_text, json_array, json_bool, json_object, json_stored, json_time
from app.domain.vocabulary import FeedType, Status
from app.models import Answer, Hazard, HazardPhoto, Inspection, Market, Photo, Premises
from app.queries.hazard_json import hazard_record


@dataclass(frozen=True, slots=True)
class _Source:
    """The table of a type, what is joined to it, and the record over both."""

    table: Any
    joined: Any
    record: ColumnElement[str]


def published_rows(type: FeedType, dialect: Dialect, ids: str = "ids") -> Select[Any]:
    """``place``, ``id``, ``version``, ``area_path``, ``record`` and ``is_voided`` of objects; one statement.

    The value ``ids`` names them. On PostgreSQL it is an array and ``place`` the place in it; on SQLite the JSON text
    of an array of id, place and commit each, and there is a ``commit_id`` too.
    """
    source = _SOURCES[type]
    place, given_id, given, further = _given(dialect, ids)
    table = source.table
    voided = col(Hazard.status) == literal_column(f"'{Status.VOIDED.value}'") if type is FeedType.HAZARD else false()
    return select(
        place.label("place"),
        table.id,
        table.version,
        table.area_path,
        as_text(source.record).label("record"),
        voided.label("is_voided"),
        *further,
    ).select_from(source.joined.join(given, given_id == table.id))


def _given(
    dialect: Dialect, name: str
) -> tuple[ColumnElement[int], ColumnElement[UUID], FromClause, list[ColumnElement[UUID]]]:
    if dialect == "sqlite":
        rows = func.json_each(bindparam(name)).table_valued("value", name="given")
        given_id, place, commit_id = (
            func.json_extract(rows.c.value, literal_column(f"'$[{index}]'")) for index in range(3)
        )
        return place, given_id, rows, [commit_id.label("commit_id")]
    ids = bindparam(name, type_=ARRAY(Uuid()))
    rows = func.unnest(ids).table_valued("id", with_ordinality="place", name="given").render_derived()
    return rows.c.place, rows.c.id, rows, []


def premises_record() -> ColumnElement[str]:
    """The register's entry of a place, over premises LEFT JOIN market."""
    market = {
        "operator": col(Market.operator),
        "floors": col(Market.floors),
        "floor_area_m2": col(Market.floor_area_m2),
        "built_year": col(Market.built_year),
    }
    return json_object(
        {
            "id": col(Premises.id),
            "version": col(Premises.version),
            "kind": col(Premises.kind),
            "name": col(Premises.name),
            "area_id": col(Premises.area_id),
            "address": col(Premises.address),
            "parent_id": col(Premises.parent_id),
            "enterprise_id": col(Premises.enterprise_id),
            "place": json_object(
                {
                    "floor": col(Premises.floor),
                    "compartment": col(Premises.compartment),
                    "stall": col(Premises.stall),
                }
            ),
            "location": _unless_null(
                Premises.latitude, {"lat": col(Premises.latitude), "lng": col(Premises.longitude)}
            ),
            "attributes": json_stored(Premises.attributes),
            "status": col(Premises.status),
            "registered_at": json_time(Premises.registered_at),
            "market": _unless_null(Market.id, market),
        }
    )


def inspection_record() -> ColumnElement[str]:
    """A visit with its answers, and the hazards and photos it names, over inspection JOIN premises."""
    return json_object(
        {
            "id": col(Inspection.id),
            "number": col(Inspection.number),
            "version": col(Inspection.version),
            "premises": json_object({"id": col(Premises.id), "name": col(Premises.name), "kind": col(Premises.kind)}),
            "area_id": col(Inspection.area_id),
            "kind": col(Inspection.kind),
            "reporter_id": col(Inspection.reporter_id),
            "inspector_ids": json_stored(Inspection.inspector_ids),
            "started_at": json_time(Inspection.started_at),
            "ended_at": json_time(Inspection.ended_at),
            "clock_suspect": json_bool(Inspection.clock_suspect),
            "location": _unless_null(
                Inspection.latitude,
                {
                    "lat": col(Inspection.latitude),
                    "lng": col(Inspection.longitude),
                    "accuracy_m": col(Inspection.accuracy_m),
                },
            ),
            "checklist": _unless_null(
                Inspection.checklist_code,
                {"code": col(Inspection.checklist_code), "version": col(Inspection.checklist_version)},
            ),
            "answers": _answers(),
            "hazards": _own_rows(Hazard, {"id": col(Hazard.id), "number": col(Hazard.number)}, by=Hazard.number),
            "photos": _own_rows(
                Photo,
                {"id": col(Photo.id), "sha256": col(Photo.sha256), "role": col(Photo.role)},
                col(Photo.named_at).is_not(None),
                by=Photo.id,
            ),
            "note": col(Inspection.note),
            "received_at": json_time(Inspection.received_at),
        }
    )


def photo_record() -> ColumnElement[str]:
    """A named photo's facts and the hazards it serves; what the camera wrote into the file stays with us."""
    hazards = (
        select(json_object({"id": col(HazardPhoto.hazard_id)}))
        .where(col(HazardPhoto.photo_id) == col(Photo.id))
        .order_by(col(HazardPhoto.hazard_id))
        .correlate(Photo)
    )
    return json_object(
        {
            "id": col(Photo.id),
            "version": col(Photo.version),
            "sha256": col(Photo.sha256),
            "bytes": col(Photo.bytes),
            "role": col(Photo.role),
            "source": col(Photo.source),
            "taken_at": json_time(Photo.taken_at),
            "inspection_id": col(Photo.inspection_id),
            "hazards": json_array(hazards),
            "named_at": json_time(Photo.named_at),
            "stored_at": json_time(Photo.stored_at),
            "media_type": col(Photo.media_type),
            "width": col(Photo.width),
            "height": col(Photo.height),
            "readable": json_bool(col(Photo.readable).is_not(False)),
        }
    )


def _answers() -> ColumnElement[str]:
    answer = {
        "item_no": col(Answer.item_no),
        "result": col(Answer.result),
        "reason": col(Answer.reason),
        "photo_ids": json_stored(Answer.photo_ids),
    }
    return json_array(
        select(json_object(answer))
        .where(col(Answer.inspection_id) == col(Inspection.id))
        .order_by(col(Answer.item_no))
        .correlate(Inspection)
    )


def _own_rows(table: Any, members: dict[str, Any], *conditions: ColumnElement[bool], by: Any) -> ColumnElement[str]:
    """What of ``table`` came with the inspection."""
    own = select(json_object(members)).where(table.inspection_id == col(Inspection.id), *conditions)
    return json_array(own.order_by(by).correlate(Inspection))


def _unless_null(column: Any, members: dict[str, Any]) -> ColumnElement[str]:
    return json_stored(case((col(column).is_not(None), json_object(members)), else_=null()))


def _table(entity: Any) -> FromClause:
    table: FromClause = entity.__table__
    return table


def _with_premises(entity: Any) -> FromClause:
    return _table(entity).join(_table(Premises), col(Premises.id) == entity.premises_id)


_SOURCES = {
    FeedType.HAZARD: _Source(Hazard, _with_premises(Hazard), hazard_record()),
    FeedType.INSPECTION: _Source(Inspection, _with_premises(Inspection), inspection_record()),
    FeedType.PREMISES: _Source(
        Premises, _table(Premises).outerjoin(_table(Market), col(Market.id) == col(Premises.id)), premises_record()
    ),
    FeedType.PHOTO: _Source(Photo, _table(Photo), photo_record()),
}
