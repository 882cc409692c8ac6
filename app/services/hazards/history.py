"""The lines that an action leaves in a hazard's history, and what the system itself adds."""

from datetime import datetime
from typing import Any  # column values of any type

from sqlmodel import Session

from app.domain.lifecycle import Action
from app.domain.vocabulary import Status
from app.models import Hazard, HazardEvent, VoidRequest
from app.services.hazards.turn import Turn


def count_version(turn: Turn) -> None:
    """What others read has changed; a remark changes nothing."""
    if turn.action is not Action.COMMENT:
        turn.hazard.version += 1
        turn.hazard.last_event_at = max(turn.hazard.last_event_at, turn.when.at)


def event_row(turn: Turn, *, answer: str | None) -> dict[str, Any]:
    """The columns of the turn's event, once its deed is done and its version counted."""
    hazard, stamp, place = turn.hazard, turn.stamp, turn.stamp.place
    return {
        "id": stamp.action_id,
        "hazard_id": hazard.id,
        "version": hazard.version,
        "action": turn.action,
        "actor_id": turn.actor.id,
        "actor_role": turn.actor.role,
        "occurred_at": turn.when.at,
        "recorded_at": turn.now,
        "stated_at": stamp.at,
        "offset_ms": stamp.offset_ms,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "accuracy_m": place.accuracy_m if place else None,
        "from_status": turn.case.status,
        "to_status": hazard.status,
        "round": hazard.round,
        "was_stale": stamp.base_version is not None and stamp.base_version != turn.version_before,
        "clock_suspect": turn.when.clock_suspect,
        "note": stamp.note,
        "detail": turn.detail,
        "request_hash": stamp.request_hash,
        "answer": answer,
    }


def add_system_event(
    session: Session,
    hazard: Hazard,
    action: Action,
    *,
    now: datetime,
    detail: dict[str, object] | None = None,
    from_status: Status | None = None,
) -> None:
    """What the system itself did to a locked hazard whose fields are set already; the caller publishes.

    ``from_status`` is the status before, where it changed. ``last_event_at`` stays: people's times are held
    against what people did.
    """
    hazard.version += 1
    session.add(
        HazardEvent(
            hazard_id=hazard.id,
            version=hazard.version,
            action=action,
            occurred_at=now,
            recorded_at=now,
            from_status=from_status or hazard.status,
            to_status=hazard.status,
            round=hazard.round,
            detail=detail or {},
        )
    )
    session.flush()


def withdraw_void(session: Session, hazard: Hazard, void: VoidRequest | None, *, now: datetime) -> None:
    """What was done in the field withdraws a pending request to void the locked hazard."""
    if void is None:
        return
    void.state = "withdrawn"
    void.decided_at = now
    add_system_event(session, hazard, Action.WITHDRAW_VOID, now=now, detail={"void_id": str(void.id)})
