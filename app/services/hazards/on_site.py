"""What the system does when evidence arrives: completeness, and the close-out of 即查即改."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from app.core.prepared import Prepared
from app.domain.lifecycle import TRANSITIONS, Action
from app.domain.vocabulary import CloseReason, Flag, PhotoRole, Severity, Status
from app.models import Hazard, HazardPhoto, Photo
from app.queries.hazards import find_pending_void
from app.queries.photos import KnownPhoto, find_known
from app.services.hazards.flags import add_flag
from app.services.hazards.history import add_system_event, withdraw_void


class PhotoJustNamed(Exception):
    """Something named the photo between our locks; try again with the hazards it serves now."""


def lock_photo(session: Session, photo_id: UUID) -> tuple[KnownPhoto | None, list[Hazard]]:
    """A photo and the hazards it serves, all locked: the hazards first, in id order. Raises ``PhotoJustNamed``."""
    serves = _served_by(session, photo_id)
    hazards = _lock(session, serves) if serves else []
    photo = find_known(session, photo_id, lock=True)
    if photo is not None and _served_by(session, photo_id) != serves:
        raise PhotoJustNamed
    return photo, hazards


def _served_by(session: Session, photo_id: UUID) -> set[UUID]:
    return {row.hazard_id for row in _SERVED.rows(session, {"photo_id": photo_id})}


_SERVED = Prepared(select(col(HazardPhoto.hazard_id)).where(col(HazardPhoto.photo_id) == bindparam("photo_id")))


def _lock(session: Session, hazard_ids: Collection[UUID]) -> list[Hazard]:
    return list(
        session.execute(
            select(Hazard)
            .where(col(Hazard.id).in_(hazard_ids))
            .order_by(col(Hazard.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).scalars()
    )


def settle_evidence(session: Session, hazards: Sequence[Hazard], *, now: datetime) -> list[UUID]:
    """Bring locked hazards in line with their photos; the ids of those that changed, for the caller to publish.

    Complete when every photo is stored and none is damaged. A hazard fixed on the spot that its
    catalogue says can be is closed, effective at the visit, once its before- and after-photos are
    stored and readable. Source: lifecycle.md, «report, fixed on the spot».
    """
    session.flush()
    changed = []
    for hazard in hazards:
        photos = session.execute(
            select(col(HazardPhoto.role), col(Photo.stored_at), col(Photo.readable))
            .join(Photo, col(Photo.id) == col(HazardPhoto.photo_id))
            .where(col(HazardPhoto.hazard_id) == hazard.id)
        ).all()
        before = hazard.version
        complete = all(photo.stored_at is not None and photo.readable is not False for photo in photos)
        if complete and not hazard.evidence_complete:
            hazard.evidence_complete = True
            add_system_event(session, hazard, Action.COMPLETE_EVIDENCE, now=now)
        damaged = any(photo.readable is False for photo in photos)
        if damaged and (hazard.evidence_complete or Flag.PHOTO_UNREADABLE not in hazard.flags):
            hazard.evidence_complete = False
            add_flag(hazard, Flag.PHOTO_UNREADABLE)
            add_system_event(session, hazard, Action.LOSE_EVIDENCE, now=now)
        readable = {photo.role for photo in photos if photo.readable}
        if complete and _closes_itself(hazard) and {PhotoRole.BEFORE, PhotoRole.AFTER} <= readable:
            _close(session, hazard, now)
        if hazard.version != before:
            changed.append(hazard.id)
    return changed


def _closes_itself(hazard: Hazard) -> bool:
    return (
        hazard.fixed_on_site
        and hazard.immediate_fix
        and hazard.severity is Severity.GENERAL
        and hazard.claimant_id is None
        and hazard.round == 1
        and hazard.status is Status.AWAITING_REINSPECTION
    )


def _close(session: Session, hazard: Hazard, now: datetime) -> None:
    withdraw_void(session, hazard, find_pending_void(session, hazard.id), now=now)
    before, hazard.status = hazard.status, TRANSITIONS[hazard.status, Action.CLOSE_ON_SITE]
    hazard.close_reason = CloseReason.ON_SITE
    hazard.closed_at = hazard.found_at
    add_system_event(session, hazard, Action.CLOSE_ON_SITE, now=now, from_status=before)
