"""Photos within somebody's reach: named ones in his area, and his own that nothing names yet."""

from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.errors import NotFound
from app.models import Hazard, HazardPhoto, Photo


def get_photo(session: Session, actor: Actor, photo_id: UUID) -> Photo:
    """The photo; raises ``NotFound`` outside the area, and for another's photo that nothing names yet."""
    unnamed_own = and_(col(Photo.named_at).is_(None), col(Photo.owner_id) == actor.id)
    named = and_(in_area_of(actor, Photo.area_path), col(Photo.named_at).is_not(None))
    photo: Photo | None = session.execute(
        select(Photo).where(or_(named, unnamed_own), col(Photo.id) == photo_id)
    ).scalar_one_or_none()
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
