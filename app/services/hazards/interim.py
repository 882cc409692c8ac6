"""防范措施: what keeps people safe until the hazard is rectified."""

from uuid import UUID

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.domain.vocabulary import Flag
from app.services.hazards.flags import drop_flag
from app.services.hazards.turn import Asked, Stamp, Turn


def set_interim_measures(actor: Actor, hazard_id: UUID, stamp: Stamp, *, measures: str) -> Asked:
    """Set or replace the interim measures; the old ones stay in the history."""

    def write(turn: Turn) -> None:
        turn.detail = {"before": turn.hazard.interim_measures, "interim_measures": measures}
        turn.hazard.interim_measures = measures
        drop_flag(turn.hazard, Flag.INTERIM_MEASURES_MISSING)

    return Asked(actor, hazard_id, stamp, Action.SET_INTERIM_MEASURES, write)
