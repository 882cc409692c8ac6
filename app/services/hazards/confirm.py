"""销号审批: a second person confirms the close-out, or refuses it."""

from uuid import UUID

from app.access.actor import Actor
from app.core.clock import business_date
from app.domain.lifecycle import Action, next_status
from app.domain.vocabulary import CloseReason
from app.services.hazards.due import renew_due
from app.services.hazards.reinspect import begin_round
from app.services.hazards.turn import Asked, CalendarOf, Stamp, Turn, move


def decide_close_out(actor: Actor, hazard_id: UUID, stamp: Stamp, *, confirms: bool, calendar_of: CalendarOf) -> Asked:
    """Confirm or refuse; never the reporter, claimant, re-inspector, nor who determined it general."""

    def refuse(turn: Turn) -> None:
        turn.detail = {"due_on": str(turn.hazard.due_on)}
        begin_round(turn)
        renew_due(turn.hazard, business_date(turn.now), calendar_of(turn.session))

    action, deed = (Action.CONFIRM, _confirm) if confirms else (Action.REFUSE, refuse)
    return Asked(actor, hazard_id, stamp, action, deed)


def _confirm(turn: Turn) -> None:
    turn.hazard.close_reason = CloseReason.RECTIFIED
    turn.hazard.closed_at = turn.now
    move(turn, next_status(turn.case, turn.action, turn.parts))
