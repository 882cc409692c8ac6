"""What decoding a photo tells: its thumbnail is there, or the photo is damaged. Source: contract.md, «Photos»."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, bindparam, update
from sqlmodel import Session, col

from app.core.prepared import Prepared
from app.domain.vocabulary import FeedType
from app.models import Photo
from app.services.changes import publish
from app.services.hazards.on_site import lock_photo, settle_evidence


def record_decoded(session: Session, photo_id: UUID, *, readable: bool, now: datetime) -> None:
    """Write down what decoding told, and bring the hazards that the photo serves up to date.

    A hazard fixed on the spot may close itself here; one whose photo is damaged loses its evidence. The second time
    nothing changes. Raises ``PhotoJustNamed``.
    """
    photo, hazards = lock_photo(session, photo_id)
    if photo is None or photo.readable is not None:
        return
    tells = photo.named_at is not None and not readable
    _DECODED.rows(session, {"photo_id": photo_id, "is_readable": readable, "told": int(tells)})
    changed = settle_evidence(session, hazards, now=now)
    publish(session, FeedType.PHOTO, [photo.id] if tells else [], now=now)
    publish(session, FeedType.HAZARD, changed, now=now)


_DECODED = Prepared(
    update(Photo)
    .where(col(Photo.id) == bindparam("photo_id"))
    .values(
        readable=bindparam("is_readable"),
        thumbnail_ready=bindparam("is_readable"),
        version=Photo.version + bindparam("told", type_=Integer),
    )
)
