"""A hazard's history, oldest first: by the version it led to, so that no two clocks can turn it round."""

from dataclasses import dataclass
from typing import Any  # a row of joined columns
from uuid import UUID

from sqlalchemy import Row, literal, select, tuple_
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.clock import rfc3339
from app.models import Hazard, HazardEvent, HazardPhoto, User
from app.models.types import Id, UtcDateTime
from app.queries.hazards import no_such_hazard
from app.queries.paging import Page, bad_cursor, cut, decode_cursor, encode_cursor, instant_of


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event, who did it, and the photos it named."""

    event: HazardEvent
    actor_name: str | None
    photo_ids: list[UUID]


def list_events(
    session: Session, actor: Actor, hazard_id: UUID, *, cursor: str | None, limit: int
) -> Page[TimelineEvent]:
    """A page of the history; three statements. Raises ``NotFound`` and ``BadCursor``."""
    found = select(col(Hazard.id)).where(in_area_of(actor, Hazard.area_path), col(Hazard.id) == hazard_id)
    if session.execute(found).first() is None:
        raise no_such_hazard()
    key = (col(HazardEvent.version), col(HazardEvent.recorded_at), col(HazardEvent.id))
    query = (
        select(HazardEvent, col(User.name))
        .join(Hazard, col(Hazard.id) == col(HazardEvent.hazard_id))
        .outerjoin(User, col(User.id) == col(HazardEvent.actor_id))
        .where(in_area_of(actor, Hazard.area_path), col(HazardEvent.hazard_id) == hazard_id)
        .order_by(*key)
    )
    if cursor is not None:
        query = query.where(tuple_(*key) > _after(actor, hazard_id, cursor))
    rows, more = cut(list(session.execute(query.limit(limit + 1)).all()), limit)
    photos = _photos(session, actor, hazard_id, [row[0].id for row in rows])
    items = [TimelineEvent(row[0], row[1], photos.get(row[0].id, [])) for row in rows]
    return Page(items, _cursor(actor, hazard_id, rows[-1]) if more else None)


def _photos(session: Session, actor: Actor, hazard_id: UUID, event_ids: list[UUID]) -> dict[UUID, list[UUID]]:
    query = (
        select(col(HazardPhoto.event_id), col(HazardPhoto.photo_id))
        .join(Hazard, col(Hazard.id) == col(HazardPhoto.hazard_id))
        .where(
            in_area_of(actor, Hazard.area_path),
            col(HazardPhoto.hazard_id) == hazard_id,
            col(HazardPhoto.event_id).in_(event_ids),
        )
        .order_by(col(HazardPhoto.position))
    )
    photos: dict[UUID, list[UUID]] = {}
    for event_id, photo_id in session.execute(query):
        photos.setdefault(event_id, []).append(photo_id)
    return photos


def _cursor(actor: Actor, hazard_id: UUID, row: Row[Any]) -> str:
    event: HazardEvent = row[0]
    key = (str(event.version), rfc3339(event.recorded_at), str(event.id))
    return encode_cursor(actor, f"timeline:{hazard_id}", *key)


def _after(actor: Actor, hazard_id: UUID, cursor: str) -> Any:
    version, moment, event_id = decode_cursor(actor, f"timeline:{hazard_id}", cursor, 3)
    try:
        if not 0 < (led_to := int(version)) < 2**31:
            raise bad_cursor()
        recorded_at = literal(instant_of(moment), UtcDateTime())
        return tuple_(literal(led_to), recorded_at, literal(UUID(event_id), Id()))
    except ValueError as error:
        raise bad_cursor() from error
