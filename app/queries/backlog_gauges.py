"""What waits in the whole database as gauges, read when somebody asks for ``/metrics``, however often he asks.

Every node tells the same of one database: their names begin with ``xiaohao_shared_``.
Source: contract.md, «Operations».
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from time import perf_counter

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import Clock
from app.core.database import Database
from app.queries.backlog import Backlog, Uncounted, count_without_index, read_backlog

KEPT_FOR = timedelta(seconds=5)
COUNTED_EVERY = timedelta(seconds=60)
"""What no index counts; seldomer where it takes long, so that it never takes more than a hundredth of the time."""


class BacklogGauges(Collector):
    """A collector for the process's registry; asks the database at most every ``KEPT_FOR``."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._lock = Lock()
        self._backlog: Backlog | None = None
        self._counted: Uncounted | None = None
        self._read_at = self._counted_at = datetime.min.replace(tzinfo=clock().tzinfo)
        self._count_every = COUNTED_EVERY

    def describe(self) -> list[Metric]:
        """Nothing, so that registering it asks nothing of the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The pool of this process, then what the database tells; only that it does not answer when it does not."""
        in_use, size = self._db.pool_use()
        yield GaugeMetricFamily("xiaohao_pool_connections_in_use", "Database connections in use here.", value=in_use)
        yield GaugeMetricFamily("xiaohao_pool_connections", "Database connections there may be here.", value=size)
        now = self._clock()
        with self._lock:
            self._read(now)
            if self._backlog is not None:
                self._count(now)
            backlog, counted = self._backlog, self._counted
        yield _shared("up", "Whether the database answers this process.", value=int(backlog is not None))
        if backlog is not None:
            yield from _waiting(backlog, counted, now)

    def _read(self, now: datetime) -> None:
        if timedelta(0) <= now - self._read_at < KEPT_FOR:
            return
        self._backlog, self._read_at = None, now
        with suppress(SQLAlchemyError), self._db.autocommit() as connection:
            self._backlog = read_backlog(connection, now=now)

    def _count(self, now: datetime) -> None:
        """What is told stays as it was where counting outlasts the statement's time limit."""
        if timedelta(0) <= now - self._counted_at < self._count_every:
            return
        began, self._counted_at = perf_counter(), now
        with suppress(SQLAlchemyError), self._db.autocommit() as connection:
            self._counted = count_without_index(connection)
        self._count_every = max(COUNTED_EVERY, 100 * timedelta(seconds=perf_counter() - began))


def _waiting(backlog: Backlog, counted: Uncounted | None, now: datetime) -> Iterator[Metric]:
    yield _shared("feed_unsealed", "Changes that wait for their position.", value=backlog.unsealed)
    yield _shared("feed_unchained", "Positions that no page tells yet.", value=backlog.unchained)
    oldest_s = _age_s(backlog.oldest_unread_at, now)
    yield _shared("feed_lag_seconds", "Age of the oldest change that no client can read yet.", value=oldest_s)
    jobs = _shared(
        "jobs", "Jobs queued, retrying (failed before), running or dead (given up).", labels=("kind", "state")
    )
    for labels, count in sorted(backlog.jobs.items()):
        jobs.add_metric(labels, count)
    for kind, count in sorted(counted.dead_jobs.items() if counted else ()):
        jobs.add_metric((kind, "dead"), count)
    yield jobs
    due_s = _age_s(backlog.oldest_due_at, now)
    yield _shared("job_lag_seconds", "Since when the oldest job is due that nobody does.", value=due_s)
    if counted is None:
        return
    photos = _shared("photos_pending", "Photos awaited (declared, not stored) or undecoded.", labels=("state",))
    photos.add_metric(("awaited",), counted.awaited_photos)
    photos.add_metric(("undecoded",), counted.undecoded_photos)
    yield photos


def _shared(name: str, means: str, *, value: float | None = None, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"xiaohao_shared_{name}", f"Whole database: {means}", value=value, labels=labels or None)


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0
