"""Photos arriving: their bytes under their own id, before or after what names them. Source: contract.md, «Photos»."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor, require_role
from app.core.errors import IdTaken, Rejected, at
from app.core.images import ImageFacts
from app.domain.vocabulary import FeedType, PhotoRole, PhotoSource, Role
from app.models import Hazard, Photo
from app.services.changes import publish
from app.services.hazards.on_site import lock_photo, settle_evidence
from app.services.inspections.submission import NotADocument, PhotoDiffers
from app.services.jobs import enqueue

THUMBNAIL_JOB = "thumbnail"
UPLOADERS = (Role.INSPECTOR, Role.OFFICER, Role.OFFICE, Role.LEADER, Role.DISTRICT)


class HashMismatch(Rejected):
    code, title, title_zh = "hash-mismatch", "The bytes do not have the stated hash", "照片内容与声明的哈希不一致"


@dataclass(frozen=True, slots=True)
class Uploader:
    """Who delivers: a signed-in person, or the holder of a submission's upload grant."""

    owner_id: UUID
    actor: Actor | None
    """None: by a grant for ``inspection_id``."""
    inspection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A photo whose bytes lie in the storage, with what the client states of it."""

    id: UUID
    sha256: str
    bytes: int
    role: PhotoRole
    source: PhotoSource
    taken_at: datetime
    facts: ImageFacts


def check_delivery(session: Session, uploader: Uploader, photo_id: UUID, sha256: str) -> Photo | None:
    """Whether these bytes may come under this id; the photo when it is known already, declared or stored.

    Raises ``Forbidden`` for a role that uploads nothing, ``IdTaken`` for somebody else's id,
    ``PhotoDiffers`` for other bytes than were declared or stored.
    """
    photo = session.execute(select(Photo).where(col(Photo.id) == photo_id)).scalar_one_or_none()
    _check(uploader, photo, sha256)
    return photo


def store_photo(session: Session, uploader: Uploader, delivery: Delivery, *, now: datetime) -> tuple[Photo, bool]:
    """Record a delivered photo, and whether it is new; hazards that wait for it are brought up to date.

    Its bytes are on disk. A thumbnail is made by a job. Raises what ``check_delivery`` raises,
    ``NotADocument`` and ``PhotoJustNamed``.
    """
    photo, hazards = lock_photo(session, delivery.id)
    _check(uploader, photo, delivery.sha256)
    if photo is not None and photo.stored_at is not None:
        return photo, False
    check_document(photo.role if photo is not None else delivery.role, delivery.facts)
    if photo is None:
        photo = _unnamed(uploader, delivery, now)
        session.add(photo)
    elif photo.named_at is not None:
        photo.version += 1
    _keep_facts(photo, delivery, now)
    session.flush()
    if delivery.facts.is_image:
        enqueue(session, THUMBNAIL_JOB, f"{THUMBNAIL_JOB}:{photo.id}", {"photo_id": str(photo.id)}, now=now)
    _settle_and_publish(session, photo, hazards, now)
    return photo, True


def _settle_and_publish(session: Session, photo: Photo, hazards: Sequence[Hazard], now: datetime) -> None:
    changed = settle_evidence(session, hazards, now=now)
    publish(session, FeedType.PHOTO, [photo.id] if photo.named_at is not None else [], now=now)
    publish(session, FeedType.HAZARD, changed, now=now)


def _check(uploader: Uploader, photo: Photo | None, sha256: str) -> None:
    is_own = photo is not None and photo.owner_id == uploader.owner_id
    if uploader.actor is not None and not (is_own and photo is not None and photo.inspection_id is not None):
        require_role(uploader.actor, *UPLOADERS)
    if uploader.actor is None and (photo is None or photo.inspection_id != uploader.inspection_id):
        fault = at("/id", "id-taken", "id")
        raise IdTaken("The grant is for the photos of its submission.", "上传凭证不包含该照片。", errors=[fault])
    if photo is None:
        return
    if not is_own:
        raise IdTaken("The photo id is in use.", "照片编号已被占用。", errors=[at("/id", "id-taken", "id")])
    if photo.sha256 != sha256:
        fault = at("/sha256", "photo-differs", sha256)
        raise PhotoDiffers(
            "Other bytes were declared or stored under this id.", "同一照片编号的内容不一致。", errors=[fault]
        )


def check_document(role: PhotoRole, facts: ImageFacts) -> None:
    """Raise ``NotADocument`` for a PDF that plays another role than document."""
    if not facts.is_image and role is not PhotoRole.DOCUMENT:
        fault = at("/role", "not-a-document", role)
        raise NotADocument("Send a PDF with the role document.", "PDF 请以资料（document）上传。", errors=[fault])


def _unnamed(uploader: Uploader, delivery: Delivery, now: datetime) -> Photo:
    return Photo(
        id=delivery.id,
        sha256=delivery.sha256,
        bytes=delivery.bytes,
        role=delivery.role,
        source=delivery.source,
        taken_at=delivery.taken_at,
        owner_id=uploader.owner_id,
        created_at=now,
    )


def _keep_facts(photo: Photo, delivery: Delivery, now: datetime) -> None:
    facts = delivery.facts
    photo.bytes = delivery.bytes
    photo.stored_at = now
    photo.media_type = facts.media_type
    photo.width, photo.height = facts.width, facts.height
    photo.readable = None if facts.is_image else True
    photo.exif_taken_at = facts.taken_at_device.isoformat()[:19] if facts.taken_at_device else None
    photo.exif_latitude, photo.exif_longitude = facts.latitude, facts.longitude
    photo.exif_make, photo.exif_model = facts.camera_make, facts.camera_model
    photo.exif_orientation = facts.orientation
