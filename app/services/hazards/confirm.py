"""销号审批: a second person confirms the close-out, or refuses it."""

from uuid import UUID

from sqlmodel import Session

from app.access.actor import Actor
from app.core.clock import business_date
from app.domain.calendar import WorkCalendar
from app.domain.lifecycle import Action, next_status
from app.domain.vocabulary import CloseReason
from app.services.hazards.act import ActionAnswer, Stamp, Turn, act, move
from app.services.hazards.due import renew_due
from app.services.hazards.reinspect import begin_round


def decide_close_out(
    session: Session,
    actor: Actor,
    hazard_id: UUID,
    stamp: Stamp,
    *,
    confirms: bool,
    calendar: WorkCalendar,
) -> ActionAnswer:
    """Confirm or refuse; never the reporter, claimant, re-inspector, nor who determined it general.

    Raises what ``act`` raises, among it ``FourEyes`` and ``DeterminationMissing``.
    """

    def refuse(turn: Turn) -> None:
        turn.detail = {"due_on": str(turn.hazard.due_on)}
        begin_round(turn)
        renew_due(turn.hazard, business_date(turn.now), calendar)

    action, deed = (Action.CONFIRM, _confirm) if confirms else (Action.REFUSE, refuse)
    return act(session, actor, hazard_id, stamp, action=action, deed=deed)


def _confirm(turn: Turn) -> None:
    turn.hazard.close_reason = CloseReason.RECTIFIED
    turn.hazard.closed_at = turn.now
    move(turn, next_status(turn.case, turn.action, turn.parts))
