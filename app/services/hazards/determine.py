"""重大判定: a person records whether the hazard is major, by which edition and from which facts."""

from dataclasses import asdict, dataclass
from uuid import UUID

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.domain.vocabulary import Severity
from app.services.hazards.flags import flag_interim_measures
from app.services.hazards.turn import Asked, Stamp, Turn


@dataclass(frozen=True, slots=True)
class Determination:
    """The judgement as recorded: verdict, standard and edition, facts, members of the deciding body."""

    verdict: Severity  # major or general
    standard: str
    edition: str
    clauses: tuple[str, ...]
    facts_used: tuple[str, ...]
    facts_missing: tuple[str, ...]
    members: tuple[str, ...]


def determine(actor: Actor, hazard_id: UUID, stamp: Stamp, *, determination: Determination) -> Asked:
    """Record a determination; severity becomes its verdict, the status stays."""

    def record(turn: Turn) -> None:
        hazard = turn.hazard
        turn.detail = asdict(determination) | {"severity_before": hazard.severity}
        hazard.severity = determination.verdict
        hazard.determined_by_id = actor.id
        hazard.determined_at = stamp.received_at
        flag_interim_measures(hazard)

    action = Action.DETERMINE_MAJOR if determination.verdict is Severity.MAJOR else Action.DETERMINE_GENERAL
    return Asked(actor, hazard_id, stamp, action, record)
