"""整改反馈: said to be fixed; somebody must look."""

from uuid import UUID

from app.access.actor import Actor
from app.domain.lifecycle import Action, next_status
from app.services.evidence import require_proof_of_fix
from app.services.hazards.flags import flag_sources
from app.services.hazards.turn import Asked, Stamp, Turn, move


def claim_rectified(actor: Actor, hazard_id: UUID, stamp: Stamp) -> Asked:
    """Record that the hazard is said to be fixed, with a stored after-photo (a document for paper findings).

    The deed raises ``EvidenceMissing``.
    """
    return Asked(actor, hazard_id, stamp, Action.CLAIM_RECTIFIED, _claim)


def _claim(turn: Turn) -> None:
    require_proof_of_fix(turn.hazard, turn.photos)
    flag_sources(turn.hazard, turn.photos)
    turn.hazard.claimant_id = turn.actor.id
    turn.hazard.claimed_at = turn.when.at
    move(turn, next_status(turn.case, turn.action, turn.parts))
