"""Evidence counts when it is stored: what an action may name, and what naming writes.

Source: lifecycle.md, «Evidence counts when stored».
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.errors import Conflict, at
from app.domain.vocabulary import PhotoRole
from app.models import Hazard, HazardPhoto, Photo


class PhotoMissing(Conflict):
    code, title, title_zh = "photo-missing", "A photo has not arrived yet", "照片尚未上传"
    retryable = True


class PhotoReused(Conflict):
    code, title, title_zh = "photo-reused", "This photo has served before", "照片已被使用过，请重新拍摄"


class PhotoUnreadable(Conflict):
    code, title, title_zh = "photo-unreadable", "A photo cannot be read", "照片已损坏，无法读取"


class EvidenceMissing(Conflict):
    code, title, title_zh = "evidence-missing", "Evidence of the needed kind is missing", "缺少必要的照片或材料"


def check_evidence(session: Session, actor: Actor, photo_ids: Sequence[UUID]) -> list[Photo]:
    """The photos, locked in id order: stored by this actor, readable, never named, never seen before.

    Raises ``PhotoMissing`` (retryable), ``PhotoUnreadable`` or ``PhotoReused`` (without saying where).
    """
    wanted = sorted(set(photo_ids))
    if not wanted:
        return []
    photos = list(
        session.execute(
            select(Photo)
            .where(col(Photo.id).in_(wanted))
            .order_by(col(Photo.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).scalars()
    )
    found = {photo.id: photo for photo in photos}
    missing = [
        photo_id
        for photo_id in wanted
        if photo_id not in found
        or found[photo_id].owner_id != actor.id
        or (found[photo_id].stored_at is None and found[photo_id].named_at is None)
    ]
    if missing:
        faults = [at(f"/photo_ids/{photo_id}", "photo-missing", str(photo_id)) for photo_id in missing]
        raise PhotoMissing("Send the photos first, then again this.", "请先上传照片，再重新提交。", errors=faults)
    if any(photo.named_at is not None for photo in photos) or _is_known(session, [photo.sha256 for photo in photos]):
        raise PhotoReused("Take a new photo of the place as it is now.", "该照片已作为证据使用过，请现场重新拍摄。")
    if any(photo.readable is False for photo in photos):
        raise PhotoUnreadable("A photo is damaged; take it again.", "照片已损坏，请重新拍摄。")
    return photos


def require_role_of_photo(photos: Sequence[Photo], *roles: PhotoRole) -> None:
    """Raise ``EvidenceMissing`` unless one of ``photos`` plays one of ``roles``."""
    if not any(photo.role in roles for photo in photos):
        wanted = ", ".join(roles)
        raise EvidenceMissing(
            f"At least one stored photo of these kinds is needed: {wanted}.",
            "至少需要一张已上传的整改后照片（资料类隐患可为文件）。",
            photo_roles=list(roles),
        )


def name_for_action(
    session: Session,
    hazard: Hazard,
    photo_ids: Sequence[UUID],
    *,
    checked: Sequence[Photo],
    event_id: UUID,
    now: datetime,
) -> None:
    """Bind checked photos, in the order of ``photo_ids``, to the hazard and the event that named them."""
    if not checked:
        return
    by_id = {photo.id: photo for photo in checked}
    first = session.execute(
        select(func.coalesce(func.max(col(HazardPhoto.position)), -1)).where(col(HazardPhoto.hazard_id) == hazard.id)
    ).scalar_one()
    session.execute(
        update(Photo)
        .where(col(Photo.id).in_(list(by_id)))
        .values(named_at=now, area_path=hazard.area_path, version=Photo.version + 1)
    )
    rows = [
        {
            "hazard_id": hazard.id,
            "photo_id": photo_id,
            "event_id": event_id,
            "role": by_id[photo_id].role,
            "position": int(first) + 1 + place,
        }
        for place, photo_id in enumerate(dict.fromkeys(photo_ids))
    ]
    session.execute(insert(HazardPhoto), rows)


def _is_known(session: Session, hashes: Sequence[str]) -> bool:
    """Whether bytes like these were named anywhere in this database, or stand twice among them."""
    named = select(col(Photo.id)).where(col(Photo.sha256).in_(hashes), col(Photo.named_at).is_not(None)).limit(1)
    return len(set(hashes)) != len(hashes) or session.execute(named).first() is not None


def require_proof_of_fix(hazard: Hazard, photos: Sequence[Photo]) -> None:
    """Raise ``EvidenceMissing`` without an after-photo; a document will do where the finding is about paper."""
    roles = (PhotoRole.AFTER, PhotoRole.DOCUMENT) if hazard.paper_type else (PhotoRole.AFTER,)
    require_role_of_photo(photos, *roles)
