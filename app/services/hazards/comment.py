"""A remark in the history; it does not raise the version."""

from uuid import UUID

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.services.hazards.turn import Asked, Stamp, Turn


def comment(actor: Actor, hazard_id: UUID, stamp: Stamp) -> Asked:
    """Add the stamp's note to the history, in any status."""
    return Asked(actor, hazard_id, stamp, Action.COMMENT, _nothing)


def _nothing(_turn: Turn) -> None:
    """The note is the event's own."""
