"""Plain actions written in one transaction: one look, one wait for the disk.

Only what is done comes back with an answer. What is not plain, is refused or clashes is left to ``act``, which does
the same for one action and is the only one that refuses. Source: choices.md, section 3, «Coalescing commits».
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core.bulk import update_rows
from app.core.clock import business_date
from app.core.errors import DomainError
from app.domain.lifecycle import ROLES_OF, Action
from app.domain.vocabulary import FeedType
from app.models import Hazard
from app.queries.hazard_locks import Locked, lock_each
from app.queries.hazards import read_locked
from app.services.changes import Writing, insert_and_publish
from app.services.hazards.act import EVENTS, answer_of, open_turn
from app.services.hazards.history import count_version, event_row
from app.services.hazards.turn import Asked, Turn
from app.services.runtime import Runtime

PLAIN = frozenset(
    {
        Action.FAIL_REINSPECTION,
        Action.CONFIRM,
        Action.REFUSE,
        Action.SET_INTERIM_MEASURES,
        Action.DETERMINE_MAJOR,
        Action.DETERMINE_GENERAL,
    }
)
"""Their deeds change the hazard's own row and nothing else."""

CHANGED = (
    *("status", "version", "close_reason", "severity", "round", "round_began_at", "last_event_at", "closed_at"),
    *("claimant_id", "claimed_at", "reinspector_id", "reinspected_at", "determined_by_id", "determined_at"),
    *("due_on", "due_unrolled_on", "due_base_on", "due_days", "due_counting", "due_on_provisional"),
    *("policy_code", "policy_version", "calendar_version", "interim_measures", "flags"),
)
"""The columns that are written; whoever changes another one goes alone."""


def act_together(runtime: Runtime, asked: Sequence[Asked], *, now: datetime) -> Mapping[UUID, str]:
    """The answers of those that were done, by action; they are durable.

    No two may have one id. Raises what the database raises; then none was written.
    """
    plain: dict[UUID, Asked] = {}
    for one in asked:
        if is_plain(one):
            plain.setdefault(one.hazard_id, one)
    if not plain:
        return {}
    with runtime.db.write_briefly() as session:
        asking = [(one.actor, one.hazard_id) for one in plain.values()]
        locked = lock_each(session, asking, [one.stamp.action_id for one in plain.values()])
        turns = [turn for one in plain.values() if (turn := _take_turn(session, one, locked)) is not None]
        return _write(session, turns, now) if turns else {}


def is_plain(asked: Asked) -> bool:
    """Whether it can be done with a look at the hazard alone."""
    is_allowed = not asked.actor.is_client and asked.actor.role in ROLES_OF[asked.action]
    return is_allowed and asked.action in PLAIN and not asked.stamp.photo_ids


def _take_turn(session: Session, asked: Asked, locked: Locked) -> Turn | None:
    hazard = locked.hazards.get(asked.hazard_id)
    if hazard is None or hazard.id in locked.with_void or asked.stamp.action_id in locked.served:
        return None
    with suppress(DomainError):
        before = dict(vars(hazard))
        turn = open_turn(session, asked, hazard, None)
        asked.deed(turn)
        count_version(turn)
        if all(name in CHANGED for name, value in before.items() if getattr(hazard, name) != value):
            return turn
    return None


def _write(session: Session, turns: Sequence[Turn], now: datetime) -> dict[UUID, str]:
    rows = [{name: getattr(turn.hazard, name) for name in ("id", *CHANGED)} for turn in turns]
    update_rows(session, Hazard.metadata.tables["hazard"], CHANGED, rows)
    records = read_locked(session, {turn.hazard.id: turn.actor for turn in turns}, today=business_date(now))
    answers = {turn.stamp.action_id: answer_of(turn.stamp, records[turn.hazard.id]) for turn in turns}
    writings = [
        Writing(
            tables=[(EVENTS, [event_row(turn, answer=answers[turn.stamp.action_id])])],
            told={FeedType.HAZARD: [turn.hazard.id]},
        )
        for turn in turns
    ]
    insert_and_publish(session, writings, now=now)
    return answers
