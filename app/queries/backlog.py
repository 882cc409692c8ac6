"""What waits in the whole database, for whoever watches the service: counts and instants, nobody's data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, func, literal_column, select
from sqlmodel import col

from app.core.prepared import Prepared
from app.models import Feed, Job, Photo

MOST_COUNTED = 100_000
"""A longer queue is told as this long."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits and since when; ``None``: nothing does."""

    unsealed: int
    """Changes in the outbox, without a position yet; at most ``MOST_COUNTED``."""
    unchained: int
    """Positions that no page may tell yet."""
    oldest_unread_at: datetime | None
    """Of all these changes."""
    jobs: Mapping[tuple[str, str], int]
    """By kind and queued, retrying or running."""
    oldest_due_at: datetime | None
    """When the oldest job was due that nobody has taken, or whose worker has lost it."""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What no index counts."""

    awaited_photos: int
    """Declared, not stored."""
    undecoded_photos: int
    """Stored, not decoded."""
    dead_jobs: Mapping[str, int]
    """By kind."""


def read_backlog(on: Connection, *, now: datetime) -> Backlog:
    """Three statements by primary keys and the index of waiting jobs; as many rows as wait."""
    feed = _FEED.rows(on, {})[0]
    due = _OLDEST_DUE.rows(on, {"now": now})
    return Backlog(
        unsealed=feed.unsealed,
        unchained=feed.unchained,
        oldest_unread_at=min(filter(None, (feed.unsealed_at, feed.unchained_at)), default=None),
        jobs={(row.kind, row.state): row.jobs for row in _JOBS.rows(on, {})},
        oldest_due_at=due[0].run_at if due else None,
    )


def count_without_index(on: Connection) -> Uncounted:
    """Two statements over all photos and all jobs: to be asked seldom."""
    photos = _PHOTOS.rows(on, {})[0]
    return Uncounted(photos.awaited or 0, photos.undecoded or 0, {row.kind: row.jobs for row in _DEAD.rows(on, {})})


_tables = Feed.metadata.tables
_outbox, _seal, _feed, _head = _tables["outbox"], _tables["seal"], _tables["feed"], _tables["chain_head"]

_counted = select(_outbox.c.seq).limit(literal_column(str(MOST_COUNTED))).subquery()
_FEED = Prepared(
    select(
        (_seal.c.next - 1 - _head.c.position).label("unchained"),
        select(func.count()).select_from(_counted).scalar_subquery().label("unsealed"),
        select(_outbox.c.changed_at)
        .order_by(_outbox.c.seq)
        .limit(literal_column("1"))
        .scalar_subquery()
        .label("unsealed_at"),
        select(_feed.c.changed_at)
        .where(_feed.c.position == _head.c.position + 1)
        .correlate(_head)
        .scalar_subquery()
        .label("unchained_at"),
    ).where(_seal.c.one == _head.c.one)
)

_WAITS = col(Job.state).in_([literal_column("'queued'"), literal_column("'running'")])  # the index of those
_state = case(
    (and_(col(Job.state) == literal_column("'queued'"), col(Job.attempts) > 0), literal_column("'retrying'")),
    else_=col(Job.state),
).label("state")
_JOBS = Prepared(
    select(col(Job.kind), _state, func.count().label("jobs")).where(_WAITS).group_by(col(Job.kind), _state)
)
_OLDEST_DUE = Prepared(
    select(col(Job.run_at))
    .where(_WAITS, col(Job.run_at) <= bindparam("now"))
    .order_by(col(Job.run_at))
    .limit(literal_column("1"))
)

_is_awaited = and_(col(Photo.named_at).is_not(None), col(Photo.stored_at).is_(None))
_is_undecoded = and_(col(Photo.stored_at).is_not(None), col(Photo.readable).is_(None))
_PHOTOS = Prepared(
    select(
        func.sum(case((_is_awaited, 1), else_=0)).label("awaited"),
        func.sum(case((_is_undecoded, 1), else_=0)).label("undecoded"),
    ).select_from(Photo)
)
_DEAD = Prepared(
    select(col(Job.kind), func.count().label("jobs"))
    .where(col(Job.state) == literal_column("'dead'"))
    .group_by(col(Job.kind))
)
