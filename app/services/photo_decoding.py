"""What decoding a photo tells: its thumbnail is there, or the photo is damaged. Source: contract.md, «Photos»."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.domain.vocabulary import FeedType
from app.models import HazardPhoto, Photo
from app.services.changes import publish
from app.services.hazards.on_site import lock_hazards_of_photo, settle_evidence


class PhotoJustNamed(Exception):
    """Another action named the photo between our locks; try again with the hazards it serves now."""


def record_decoded(session: Session, photo_id: UUID, *, readable: bool, now: datetime) -> None:
    """Write down what decoding told, and bring the hazards that the photo serves up to date.

    A hazard fixed on the spot may close itself here; one whose photo is damaged loses its evidence. The second time
    nothing changes. Raises ``PhotoJustNamed``.
    """
    hazards = lock_hazards_of_photo(session, photo_id)
    photo = session.execute(
        select(Photo).where(col(Photo.id) == photo_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if photo is None or photo.readable is not None:
        return
    serves = set(
        session.execute(select(col(HazardPhoto.hazard_id)).where(col(HazardPhoto.photo_id) == photo_id)).scalars()
    )
    if serves != {hazard.id for hazard in hazards}:
        raise PhotoJustNamed
    photo.readable = photo.thumbnail_ready = readable
    tells = photo.named_at is not None and not readable
    if tells:
        photo.version += 1
    changed = settle_evidence(session, hazards, now=now)
    publish(session, FeedType.PHOTO, [photo.id] if tells else [], now=now)
    publish(session, FeedType.HAZARD, changed, now=now)
