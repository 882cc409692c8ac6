"""重大判定: a person records whether the hazard is major, by which edition and from which facts."""

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlmodel import Session

from app.access.actor import Actor
from app.domain.lifecycle import Action
from app.domain.vocabulary import Flag, Severity
from app.services.hazards.act import ActionAnswer, Stamp, Turn, act
from app.services.hazards.flags import add_flag, drop_flag


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


def determine(
    session: Session, actor: Actor, hazard_id: UUID, stamp: Stamp, *, determination: Determination
) -> ActionAnswer:
    """Record a determination; severity becomes its verdict, the status stays. Raises what ``act`` raises."""

    def record(turn: Turn) -> None:
        hazard = turn.hazard
        turn.detail = asdict(determination) | {"severity_before": hazard.severity}
        hazard.severity = determination.verdict
        hazard.determined_by_id = actor.id
        hazard.determined_at = stamp.received_at
        if determination.verdict is Severity.MAJOR and not hazard.interim_measures:
            add_flag(hazard, Flag.INTERIM_MEASURES_MISSING)
        if determination.verdict is Severity.GENERAL and hazard.due_days <= INTERIM_FROM_DAYS:
            drop_flag(hazard, Flag.INTERIM_MEASURES_MISSING)

    action = Action.DETERMINE_MAJOR if determination.verdict is Severity.MAJOR else Action.DETERMINE_GENERAL
    return act(session, actor, hazard_id, stamp, action=action, deed=record)


INTERIM_FROM_DAYS = 15
"""Longer terms need interim measures even for general hazards. Source: lifecycle.md, «set interim measures»."""
