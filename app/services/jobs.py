"""Work to do later: claimed with a lease, done together with its effect, never dropped.

A job is written in the transaction that needs it. A worker that dies loses its lease and another one takes over;
whoever lost his lease cannot write its effect any more. What keeps failing ends as ``dead``, visible and replayable.
Source: choices.md, section 1, «jobs».
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import PurePath
from typing import Any  # the dialects' inserts
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, CursorResult, Integer, and_, bindparam, delete, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from app.core.database import dump_json
from app.core.ids import uuid7
from app.core.prepared import Prepared
from app.models import Job
from app.queries.jobs import are_due

MAX_ATTEMPTS = 12
"""With the back-off, a job is given up after about three hours."""
FIRST_DELAY_S = 5
LONGEST_DELAY_S = 3600


class LeaseLost(Exception):
    """Another worker has taken the job over; nothing may be written for it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in work; only who holds its newest token may finish it."""

    id: UUID
    kind: str
    payload: dict[str, str]
    attempts: int
    token: UUID


def enqueue(
    session: Session,
    kind: str,
    dedupe_key: str,
    payload: dict[str, str],
    *,
    now: datetime,
    run_at: datetime | None = None,
) -> None:
    """Write a job down, unless one with this key ever was; it runs at ``run_at`` (None: at once)."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    values = {
        "id": uuid7(),
        "kind": kind,
        "dedupe_key": dedupe_key,
        "payload": payload if is_sqlite else dump_json(payload),
        "run_at": run_at or now,
        "created_at": now,
    }
    _enqueueing(is_sqlite=is_sqlite).rows(session, values)


@cache
def _enqueueing(*, is_sqlite: bool) -> Prepared:
    insert: Any = sqlite.insert if is_sqlite else postgresql.insert
    names = ("id", "kind", "dedupe_key", "payload", "run_at", "created_at")
    values = {name: bindparam(name, type_=getattr(Job, name).type) for name in names}
    return Prepared(
        insert(Job).values(state="queued", attempts=0, **values).on_conflict_do_nothing(index_elements=["dedupe_key"])
    )


def claim(session: Session, kinds: Collection[str], *, now: datetime, lease_s: int, most: int) -> list[Claim]:
    """Take at most ``most`` jobs of these kinds that are due, or whose worker has lost its lease; the oldest first.

    The lease ends ``lease_s`` after ``now``. A job that took every attempt and never came back is dead.
    """
    due = _DUE.rows(session, {"kinds": sorted(kinds), "now": now, "most": most})
    if spent := [job.id for job in due if job.attempts >= MAX_ATTEMPTS]:
        dead = {"state": "dead", "lease_token": None, "last_error": "the worker never came back"}
        _count(session, update(Job).where(col(Job.id).in_(spent)).values(dead))
    token = uuid4()
    claims = [Claim(job.id, job.kind, job.payload, job.attempts + 1, token) for job in due if job.id not in spent]
    if claims:
        until = now + timedelta(seconds=lease_s)
        _TAKE.rows(session, {"job_ids": [job.id for job in claims], "token": token, "until": until})
    return claims


_DUE = Prepared(
    select(col(Job.id), col(Job.kind), col(Job.payload), col(Job.attempts))
    .where(are_due(bindparam("kinds", expanding=True), bindparam("now")))
    .order_by(col(Job.run_at), col(Job.id))
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_TAKE = Prepared(
    update(Job)
    .where(col(Job.id).in_(bindparam("job_ids", expanding=True)))
    .values(
        state="running",
        lease_token=bindparam("token"),
        run_at=bindparam("until"),
        attempts=Job.attempts + literal_column("1"),
    )
)


def renew(session: Session, jobs: Sequence[Claim], *, now: datetime, lease_s: int) -> None:
    """Leases that were claimed together end ``lease_s`` after ``now``; what is done or was taken over stays so."""
    until = now + timedelta(seconds=lease_s)
    _RENEW.rows(session, {"job_ids": [job.id for job in jobs], "token": jobs[0].token, "until": until})


_RENEW = Prepared(
    update(Job)
    .where(col(Job.id).in_(bindparam("job_ids", expanding=True)), col(Job.lease_token) == bindparam("token"))
    .values(run_at=bindparam("until"))
)


def finish(session: Session, job: Claim, *, now: datetime) -> None:
    """The job is done; called in the transaction that writes its effect. Raises ``LeaseLost``."""
    if not _FINISH.rows(session, {"job_id": job.id, "token": job.token, "now": now}):
        raise LeaseLost(f"{job.kind} {job.id}")


_FINISH = Prepared(
    update(Job)
    .where(col(Job.id) == bindparam("job_id"), col(Job.lease_token) == bindparam("token"))
    .values(state="done", done_at=bindparam("now"), last_error=None, lease_token=None)
    .returning(col(Job.id))
)


def fail(session: Session, job: Claim, error: Exception, *, now: datetime) -> bool:
    """Note that it failed: it is tried again later, or dead after ``MAX_ATTEMPTS``; whether it is dead.

    Keeps the kind of the error and its place, never its text, which may quote somebody's data. Raises ``LeaseLost``.
    """
    is_dead = job.attempts >= MAX_ATTEMPTS
    values: dict[str, object] = {"state": "dead" if is_dead else "queued", "last_error": place_of(error)}
    if not is_dead:
        values["run_at"] = now + _delay(job.attempts)
    _settle(session, job, values)
    return is_dead


def release(session: Session, jobs: Sequence[Claim], *, now: datetime) -> None:
    """Give back jobs that were claimed and not begun: any worker may take them at once."""
    for job in jobs:
        _settle(session, job, {"state": "queued", "run_at": now, "attempts": job.attempts - 1})


def replay_dead(session: Session, *, now: datetime, job_id: UUID | None = None) -> int:
    """Queue dead jobs (or the one) again with all their attempts; how many."""
    condition = col(Job.state) == "dead"
    if job_id is not None:
        condition = and_(condition, col(Job.id) == job_id)
    return _count(session, update(Job).where(condition).values(state="queued", attempts=0, run_at=now))


def forget_done(session: Session, *, before: datetime) -> int:
    """Remove jobs done before that instant; how many."""
    return _count(session, delete(Job).where(col(Job.state) == "done", col(Job.done_at) < before))


def place_of(error: BaseException) -> str:
    """Kind of an error and where it was raised, for logs: its text is left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def _settle(session: Session, job: Claim, values: dict[str, Any]) -> None:
    mine: ColumnElement[bool] = and_(col(Job.id) == job.id, col(Job.lease_token) == job.token)
    if _count(session, update(Job).where(mine).values(lease_token=None, **values)) != 1:
        raise LeaseLost(f"{job.kind} {job.id}")


def _count(session: Session, statement: Any) -> int:
    session.flush()
    result: CursorResult[Any] = session.connection().execute(statement)  # jobs in work are no entities of a session
    return result.rowcount


def _delay(attempts: int) -> timedelta:
    """Doubles with each attempt; half of it by chance, so that what failed together does not come back together."""
    full_ms = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempts - 1)) * 1000
    return timedelta(milliseconds=full_ms // 2 + secrets.randbelow(full_ms // 2))
