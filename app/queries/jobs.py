"""What waits to be done, and what was given up."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any  # parameters that stand for the values

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, literal_column, select
from sqlmodel import Session, col

from app.core.prepared import Prepared
from app.models import Job


def are_due(kinds: Any, now: Any) -> ColumnElement[bool]:
    """Of these kinds, and waiting since before ``now``, or left by a worker whose lease has ended."""
    waits = col(Job.state).in_([literal_column("'queued'"), literal_column("'running'")])  # the index of those
    return and_(waits, col(Job.run_at) <= now, col(Job.kind).in_(kinds))


def has_due_jobs(on: Session | Connection, kinds: Collection[str], *, now: datetime) -> bool:
    """Whether there is anything to claim; one row of the index of waiting jobs."""
    return bool(_FIRST_DUE.rows(on, {"kinds": sorted(kinds), "now": now}))


_FIRST_DUE = Prepared(
    select(col(Job.id)).where(are_due(bindparam("kinds", expanding=True), bindparam("now"))).limit(literal_column("1"))
)


def count_jobs(session: Session) -> dict[str, int]:
    """How many jobs there are in each state."""
    rows = session.execute(select(col(Job.state), func.count()).group_by(col(Job.state)))
    return {row[0]: row[1] for row in rows}


def list_dead_jobs(session: Session, *, limit: int = 100) -> Sequence[Job]:
    """Jobs that were given up, the oldest first."""
    query = select(Job).where(col(Job.state) == "dead").order_by(col(Job.created_at), col(Job.id)).limit(limit)
    return session.execute(query).scalars().all()
