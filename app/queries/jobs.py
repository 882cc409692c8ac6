"""What waits to be done, and what was given up."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session, col

from app.models import Job


def is_due(kinds: Collection[str], now: datetime) -> ColumnElement[bool]:
    """Of these kinds, and waiting since before ``now``, or left by a worker whose lease has ended."""
    return and_(col(Job.state).in_(["queued", "running"]), col(Job.run_at) <= now, col(Job.kind).in_(sorted(kinds)))


def has_due_jobs(session: Session, kinds: Collection[str], *, now: datetime) -> bool:
    """Whether there is anything to claim; one row of the index of waiting jobs."""
    return session.execute(select(col(Job.id)).where(is_due(kinds, now)).limit(1)).first() is not None


def count_jobs(session: Session) -> dict[str, int]:
    """How many jobs there are in each state."""
    rows = session.execute(select(col(Job.state), func.count()).group_by(col(Job.state)))
    return {row[0]: row[1] for row in rows}


def list_dead_jobs(session: Session, *, limit: int = 100) -> Sequence[Job]:
    """Jobs that were given up, the oldest first."""
    query = select(Job).where(col(Job.state) == "dead").order_by(col(Job.created_at), col(Job.id)).limit(limit)
    return session.execute(query).scalars().all()
