"""Plain submissions written in one transaction: one look, one wait for the disk.

Only what is accepted comes back with an answer. What is not plain, is refused or clashes is left to ``submit``, which
does the same for one submission and is the only one that refuses. Source: choices.md, section 3, «Coalescing commits».
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.actor import Actor
from app.core.errors import DomainError
from app.queries.submissions import Met, meet_each
from app.services.changes import insert_and_publish
from app.services.inspections.context import question_of
from app.services.inspections.office import open_office
from app.services.inspections.submission import Submission
from app.services.inspections.submit import Draft, draft_plain, is_met_plainly, is_plain
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission, its sender and its receipt."""

    actor: Actor
    submission: Submission
    received_at: datetime

    @property
    def key(self) -> UUID:
        """The phone's id of it."""
        return self.submission.id


def submit_together(runtime: Runtime, sent: Sequence[Sent], *, now: datetime) -> Mapping[UUID, str]:
    """The answers of those that were accepted, by inspection; they are durable.

    No two may have one id. Raises what the database raises; then none was written.
    """
    plain = [one for one in sent if is_plain(one.submission)]
    with runtime.db.autocommit() as connection:
        met = meet_each(connection, [(one.actor, question_of(one.submission, now)) for one in plain])
    drafted = [(one, _draft(runtime, one, found, now)) for one, found in zip(plain, met, strict=True)]
    drafts = {one.submission.id: draft for one, draft in drafted if draft is not None}
    if drafts:
        with runtime.db.write_briefly() as session:
            insert_and_publish(session, [draft.writing for draft in drafts.values()], now=now)
    return {inspection_id: draft.answer for inspection_id, draft in drafts.items()}


def _draft(runtime: Runtime, sent: Sent, met: Met, now: datetime) -> Draft | None:
    office = open_office(runtime, sent.actor, sent.submission, met, now=now) if is_met_plainly(met) else None
    if office is None:
        return None
    with suppress(DomainError):
        return draft_plain(sent.actor, sent.submission, met=met, office=office, now=now)
    return None
