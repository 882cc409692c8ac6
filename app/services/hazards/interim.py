"""防范措施: what keeps people safe until the hazard is rectified."""

from uuid import UUID

from sqlmodel import Session

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.domain.vocabulary import Flag
from app.services.hazards.act import ActionAnswer, Stamp, Turn, act
from app.services.hazards.flags import drop_flag


def set_interim_measures(
    session: Session, actor: Actor, hazard_id: UUID, stamp: Stamp, *, measures: str
) -> ActionAnswer:
    """Set or replace the interim measures; the old ones stay in the history. Raises what ``act`` raises."""

    def write(turn: Turn) -> None:
        turn.detail = {"before": turn.hazard.interim_measures, "interim_measures": measures}
        turn.hazard.interim_measures = measures
        drop_flag(turn.hazard, Flag.INTERIM_MEASURES_MISSING)

    return act(session, actor, hazard_id, stamp, action=Action.SET_INTERIM_MEASURES, deed=write)
