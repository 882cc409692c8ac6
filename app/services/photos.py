"""Photos arriving: their bytes under their own id, before or after what names them. Source: contract.md, «Photos»."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any  # column values
from uuid import UUID

from sqlalchemy import Connection, Integer, bindparam, insert, update
from sqlmodel import Session, col

from app.access.actor import Actor, require
from app.core.errors import IdTaken, Rejected, at
from app.core.images import ImageFacts
from app.core.prepared import Prepared
from app.domain.vocabulary import FeedType, PhotoRole, PhotoSource
from app.models import Hazard, Photo
from app.queries.photos import KnownPhoto, find_known
from app.services.changes import publish
from app.services.hazards.on_site import lock_photo, settle_evidence
from app.services.inspections.submission import NotADocument, PhotoDiffers
from app.services.jobs import enqueue

THUMBNAIL_JOB = "thumbnail"


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


def check_delivery(on: Session | Connection, uploader: Uploader, photo_id: UUID, sha256: str) -> KnownPhoto | None:
    """Whether these bytes may come under this id; the photo when it is known already, declared or stored.

    Raises ``Forbidden`` for a role that uploads nothing, ``IdTaken`` for somebody else's id,
    ``PhotoDiffers`` for other bytes than were declared or stored.
    """
    photo = find_known(on, photo_id)
    _check(uploader, photo, sha256)
    return photo


def store_photo(
    session: Session, uploader: Uploader, delivery: Delivery, *, now: datetime, is_unknown: bool = False
) -> tuple[KnownPhoto, bool]:
    """Record a delivered photo, and whether it is new; hazards that wait for it are brought up to date.

    Its bytes are on disk. A thumbnail is made by a job. ``is_unknown``: nobody had spoken of it a moment ago, so
    there is nothing to lock. Raises what ``check_delivery`` raises, ``NotADocument``, ``PhotoJustNamed``, and
    ``IntegrityError`` when somebody spoke of it since.
    """
    photo, hazards = (None, list[Hazard]()) if is_unknown else lock_photo(session, delivery.id)
    _check(uploader, photo, delivery.sha256)
    if photo is not None and photo.stored_at is not None:
        return photo, False
    check_document(photo.role if photo is not None else delivery.role, delivery.facts)
    columns = _fact_columns(delivery, now)
    if photo is None:
        photo = _unnamed(uploader, delivery)
        _INSERT.rows(session, _unnamed_columns(photo, delivery, now) | columns)
    else:
        _UPDATE.rows(session, columns | {"photo_id": photo.id, "told": int(photo.named_at is not None)})
    if delivery.facts.is_image:
        enqueue(session, THUMBNAIL_JOB, f"{THUMBNAIL_JOB}:{photo.id}", {"photo_id": str(photo.id)}, now=now)
    _settle_and_publish(session, photo, hazards, now)
    return replace(photo, **{name: columns[name] for name in ("bytes", "stored_at", *_SHOWN)}), True


def _settle_and_publish(session: Session, photo: KnownPhoto, hazards: Sequence[Hazard], now: datetime) -> None:
    changed = settle_evidence(session, hazards, now=now)
    publish(session, FeedType.PHOTO, [photo.id] if photo.named_at is not None else [], now=now)
    publish(session, FeedType.HAZARD, changed, now=now)


def _check(uploader: Uploader, photo: KnownPhoto | None, sha256: str) -> None:
    is_own = photo is not None and photo.owner_id == uploader.owner_id
    if uploader.actor is not None and not (is_own and photo is not None and photo.inspection_id is not None):
        require(uploader.actor, "post_photo")
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


def _unnamed(uploader: Uploader, delivery: Delivery) -> KnownPhoto:
    return KnownPhoto(
        id=delivery.id,
        sha256=delivery.sha256,
        bytes=delivery.bytes,
        role=delivery.role,
        owner_id=uploader.owner_id,
        inspection_id=None,
        named_at=None,
        stored_at=None,
        readable=None,
        media_type=None,
        width=None,
        height=None,
    )


def _unnamed_columns(photo: KnownPhoto, delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "id": photo.id,
        "version": 1,
        "sha256": photo.sha256,
        "role": photo.role.value,
        "source": delivery.source.value,
        "taken_at": delivery.taken_at,
        "owner_id": photo.owner_id,
        "created_at": now,
        "thumbnail_ready": False,
    }


def _fact_columns(delivery: Delivery, now: datetime) -> dict[str, Any]:
    facts = delivery.facts
    return {
        "bytes": delivery.bytes,
        "stored_at": now,
        "media_type": facts.media_type,
        "width": facts.width,
        "height": facts.height,
        "readable": None if facts.is_image else True,
        "exif_taken_at": facts.taken_at_device.isoformat()[:19] if facts.taken_at_device else None,
        "exif_latitude": facts.latitude,
        "exif_longitude": facts.longitude,
        "exif_make": facts.camera_make,
        "exif_model": facts.camera_model,
        "exif_orientation": facts.orientation,
    }


_SHOWN = ("media_type", "width", "height", "readable")
_FACTS = (
    "bytes",
    "stored_at",
    *_SHOWN,
    "exif_taken_at",
    "exif_latitude",
    "exif_longitude",
    "exif_make",
    "exif_model",
    "exif_orientation",
)
_UNNAMED = ("id", "version", "sha256", "role", "source", "taken_at", "owner_id", "created_at", "thumbnail_ready")


def _bound(names: Sequence[str]) -> dict[str, Any]:
    return {name: bindparam(name, type_=getattr(Photo, name).type) for name in names}


_INSERT = Prepared(insert(Photo).values(**_bound([*_UNNAMED, *_FACTS])))
_UPDATE = Prepared(
    update(Photo)
    .where(col(Photo.id) == bindparam("photo_id"))
    .values(version=Photo.version + bindparam("told", type_=Integer), **_bound(_FACTS))
)
