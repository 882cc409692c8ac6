"""Visits as somebody reads them."""

from dataclasses import dataclass
from typing import Any  # columns of any table
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.clock import rfc3339
from app.core.errors import NotFound
from app.models import Answer, Hazard, Inspection, Photo, Premises
from app.models.types import Id, UtcDateTime
from app.queries.paging import Page, bad_cursor, cut, decode_cursor, encode_cursor, instant_of
from app.queries.photos import photo_in_reach


@dataclass(frozen=True, slots=True)
class InspectionDetail:
    """A visit with everything that came with it."""

    inspection: Inspection
    premises: Premises
    answers: list[Answer]
    hazards: list[Hazard]
    photos: list[Photo]


def list_inspections(
    session: Session,
    actor: Actor,
    *,
    premises_id: UUID | None,
    reporter_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[tuple[Inspection, Premises, int]]:
    """A page of (inspection, premises, number of hazards), the latest received first. Raises ``BadCursor``."""
    counted = (
        select(func.count())
        .select_from(Hazard)
        .where(in_area_of(actor, Hazard.area_path), col(Hazard.inspection_id) == col(Inspection.id))
        .correlate(Inspection)
        .scalar_subquery()
    )
    query = (
        select(Inspection, Premises, counted)
        .join(Premises, col(Premises.id) == col(Inspection.premises_id))
        .where(in_area_of(actor, Inspection.area_path))
        .order_by(col(Inspection.received_at).desc(), col(Inspection.id).desc())
    )
    if premises_id is not None:
        query = query.where(col(Inspection.premises_id) == premises_id)
    if reporter_id is not None:
        query = query.where(col(Inspection.reporter_id) == reporter_id)
    if cursor is not None:
        query = query.where(tuple_(col(Inspection.received_at), col(Inspection.id)) < _after(actor, cursor))
    found = [(row[0], row[1], row[2]) for row in session.execute(query.limit(limit + 1))]
    rows, more = cut(found, limit)
    next_cursor = None
    if more:
        last = rows[-1][0]
        next_cursor = encode_cursor(actor, "inspections", rfc3339(last.received_at), str(last.id))
    return Page(rows, next_cursor)


def get_inspection(session: Session, actor: Actor, inspection_id: UUID) -> InspectionDetail:
    """One visit; five statements. A photo that nothing names is its uploader's alone. Raises ``NotFound``."""
    row = session.execute(
        select(Inspection, Premises)
        .join(Premises, col(Premises.id) == col(Inspection.premises_id))
        .where(in_area_of(actor, Inspection.area_path), col(Inspection.id) == inspection_id)
    ).one_or_none()
    if row is None:
        raise NotFound("No such inspection in your area.", "在您的辖区内未找到该检查记录。")

    def all_of(entity: type[Any], order: Any, *conditions: Any) -> list[Any]:
        found = select(entity).where(*conditions, entity.inspection_id == inspection_id).order_by(order)
        return list(session.execute(found).scalars())

    return InspectionDetail(
        inspection=row[0],
        premises=row[1],
        answers=all_of(Answer, col(Answer.item_no)),
        hazards=all_of(Hazard, col(Hazard.number), in_area_of(actor, Hazard.area_path)),
        photos=all_of(Photo, col(Photo.id), photo_in_reach(actor)),
    )


def _after(actor: Actor, cursor: str) -> Any:
    moment, inspection_id = decode_cursor(actor, "inspections", cursor, 2)
    try:
        return tuple_(literal(instant_of(moment), UtcDateTime()), literal(UUID(inspection_id), Id()))
    except ValueError as error:
        raise bad_cursor() from error
