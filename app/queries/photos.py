"""Photos within somebody's reach: named ones in his area, and his own that nothing names yet."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.errors import NotFound
from app.core.prepared import Prepared
from app.domain.vocabulary import PhotoRole
from app.models import Hazard, HazardPhoto, Photo


def photo_in_reach(actor: Actor) -> ColumnElement[bool]:
    """Named and in the actor's area, or his own that nothing names yet (such a photo has no area)."""
    named = and_(in_area_of(actor, Photo.area_path), col(Photo.named_at).is_not(None))
    return or_(named, and_(col(Photo.named_at).is_(None), col(Photo.owner_id) == actor.id))


def get_photo(session: Session, actor: Actor, photo_id: UUID) -> Photo:
    """The photo; raises ``NotFound`` outside the area, and for another's photo that nothing names yet."""
    query = select(Photo).where(photo_in_reach(actor), col(Photo.id) == photo_id)
    photo: Photo | None = session.execute(query).scalar_one_or_none()
    if photo is None:
        raise NotFound("No such photo in your area.", "在您的辖区内未找到该照片。")
    return photo


def handles_photo(session: Session, actor: Actor, photo_id: UUID) -> bool:
    """Whether the actor handles a hazard that the photo serves."""
    query = (
        select(col(HazardPhoto.photo_id))
        .join(Hazard, col(Hazard.id) == col(HazardPhoto.hazard_id))
        .where(
            in_area_of(actor, Hazard.area_path),
            col(HazardPhoto.photo_id) == photo_id,
            col(Hazard.handler_id) == actor.id,
        )
        .limit(1)
    )
    return session.execute(query).first() is not None


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """What an upload is held against, and what it answers when the bytes are there already."""

    id: UUID
    sha256: str
    bytes: int
    role: PhotoRole
    owner_id: UUID
    inspection_id: UUID | None
    named_at: datetime | None
    stored_at: datetime | None
    readable: bool | None
    media_type: str | None
    width: int | None
    height: int | None


def find_known(on: Session | Connection, photo_id: UUID, *, lock: bool = False) -> KnownPhoto | None:
    """The photo with this id, whoever named it; locked for a change if asked."""
    rows = (_LOCKED if lock else _KNOWN).rows(on, {"photo_id": photo_id})
    return replace(KnownPhoto(*rows[0]), role=PhotoRole(rows[0].role)) if rows else None


_BY_ID = select(*(getattr(Photo, field.name) for field in fields(KnownPhoto))).where(
    col(Photo.id) == bindparam("photo_id")
)
_KNOWN, _LOCKED = Prepared(_BY_ID), Prepared(_BY_ID.with_for_update())


def find_undecoded(on: Session | Connection, photo_id: UUID) -> str | None:
    """The hash of a photo that nobody has decoded yet; None when it is decoded or gone."""
    rows = _UNDECODED.rows(on, {"photo_id": photo_id})
    return rows[0].sha256 if rows else None


_UNDECODED = Prepared(
    select(col(Photo.sha256)).where(col(Photo.id) == bindparam("photo_id"), col(Photo.readable).is_(None))
)
