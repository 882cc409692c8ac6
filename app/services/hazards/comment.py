"""A remark in the history; it does not raise the version."""

from uuid import UUID

from sqlmodel import Session

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.services.hazards.act import ActionAnswer, Stamp, Turn, act


def comment(session: Session, actor: Actor, hazard_id: UUID, stamp: Stamp) -> ActionAnswer:
    """Add the stamp's note to the history, in any status. Raises what ``act`` raises."""
    return act(session, actor, hazard_id, stamp, action=Action.COMMENT, deed=_nothing)


def _nothing(_turn: Turn) -> None:
    """The note is the event's own."""
