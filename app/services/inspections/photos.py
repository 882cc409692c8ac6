"""The photos a submission declares: against those that came before it, and as rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any  # column values of any type
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.errors import IdTaken, at
from app.domain.vocabulary import PhotoRole
from app.models import Photo
from app.queries.submissions import Met
from app.services.evidence import PhotoReused
from app.services.inspections.submission import (
    DuplicateId,
    NotADocument,
    PhotoDeclaration,
    PhotoDiffers,
    Submission,
    UnknownPhoto,
)

PDF = "application/pdf"


def declared_photos(submission: Submission) -> dict[UUID, PhotoDeclaration]:
    """The declared photos by id; raises ``DuplicateId``, ``PhotoReused`` or ``UnknownPhoto``."""
    photos = {photo.id: photo for photo in submission.photos}
    if len(photos) != len(submission.photos):
        raise DuplicateId("A photo id stands twice.", "照片编号重复。", errors=[at("/photos", "duplicate-id", "id")])
    if len({photo.sha256 for photo in submission.photos}) != len(photos):
        raise PhotoReused("Two photos have the same bytes.", "两张照片内容相同，请重新拍摄。")
    for pointer, photo_ids in _used(submission):
        for photo_id in photo_ids:
            if photo_id not in photos:
                fault = at(f"{pointer}/photo_ids", "unknown-photo", str(photo_id))
                raise UnknownPhoto("Declare every photo in photos.", "照片未在 photos 中声明。", errors=[fault])
    return photos


def _used(submission: Submission) -> list[tuple[str, tuple[UUID, ...]]]:
    """Where the visit itself uses photos, and which."""
    by_hazards = [(f"/hazards/{place}", report.photo_ids) for place, report in enumerate(submission.hazards)]
    return by_hazards + [(f"/answers/{place}", answer.photo_ids) for place, answer in enumerate(submission.answers)]


def find_earlier(
    session: Session, actor: Actor, photos: Mapping[UUID, PhotoDeclaration], met: Met
) -> dict[UUID, Photo]:
    """The rows of declared photos that were uploaded before, locked.

    Raises ``IdTaken`` for an id of somebody else's or one that serves already, ``PhotoDiffers`` for
    other bytes, ``NotADocument`` for a PDF as a photo, ``PhotoReused`` for bytes named anywhere before
    (without saying where; those of rechecks are the re-inspection's to judge).
    """
    earlier = _lock(session, photos) if met.photos_came else {}
    for row in earlier.values():
        if row.owner_id != actor.id or row.named_at is not None or row.inspection_id is not None:
            fault = at("/photos", "id-taken", str(row.id))
            raise IdTaken("A photo id is in use.", "照片编号已被占用。", errors=[fault])
        if row.sha256 != photos[row.id].sha256:
            fault = at("/photos", "photo-differs", str(row.id))
            raise PhotoDiffers(
                "The uploaded bytes have another hash.", "已上传的照片与声明的哈希不一致。", errors=[fault]
            )
        if row.media_type == PDF and photos[row.id].role is not PhotoRole.DOCUMENT:
            fault = at("/photos", "not-a-document", str(row.id))
            raise NotADocument(
                "Declare a PDF with the role document.", "PDF 请声明为资料（document）。", errors=[fault]
            )
    if met.bytes_served:
        raise PhotoReused("Take a new photo of the place as it is now.", "该照片已使用过，请现场重新拍摄。")
    return earlier


def _lock(session: Session, photos: Mapping[UUID, PhotoDeclaration]) -> dict[UUID, Photo]:
    rows = session.execute(
        select(Photo).where(col(Photo.id).in_(sorted(photos))).order_by(col(Photo.id)).with_for_update()
    ).scalars()
    return {row.id: row for row in rows}


def photo_row(
    photo: PhotoDeclaration, submission: Submission, actor: Actor, *, area_path: str | None, now: datetime
) -> dict[str, Any]:
    """The columns of a photo declared but not stored; without ``area_path`` it is not named yet."""
    return {
        "id": photo.id,
        "version": 1,
        "sha256": photo.sha256,
        "bytes": photo.bytes,
        "role": photo.role,
        "source": photo.source,
        "taken_at": photo.taken_at,
        "owner_id": actor.id,
        "created_at": now,
        "named_at": None if area_path is None else now,
        "inspection_id": submission.id,
        "area_path": area_path,
        "stored_at": None,
        "media_type": None,
        "width": None,
        "height": None,
        "readable": None,
        "thumbnail_ready": False,
        "exif_taken_at": None,
        "exif_latitude": None,
        "exif_longitude": None,
        "exif_make": None,
        "exif_model": None,
        "exif_orientation": None,
    }


def name_earlier(submission: Submission, earlier: Mapping[UUID, Photo], area_path: str, now: datetime) -> None:
    """Bind photos that were uploaded before the submission."""
    served = served_photos(submission)
    for photo in submission.photos:
        row = earlier.get(photo.id)
        if row is None:
            continue
        row.inspection_id = submission.id
        row.role, row.source, row.taken_at = photo.role, photo.source, photo.taken_at
        if photo.id in served:
            row.named_at, row.area_path = now, area_path
            row.version += 1


def served_photos(submission: Submission) -> frozenset[UUID]:
    """The declared photos that the visit itself uses; those of rechecks are named by the re-inspection."""
    by_rechecks = {photo_id for recheck in submission.rechecks for photo_id in recheck.photo_ids}
    used = {photo_id for _, photo_ids in _used(submission) for photo_id in photo_ids}
    return frozenset(photo.id for photo in submission.photos if photo.id in used or photo.id not in by_rechecks)
