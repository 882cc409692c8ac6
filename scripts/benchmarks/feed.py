"""The feed: sealing against the rate of submissions, what a pull at rest pays for it, and what stays in tables."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote, urlsplit

import orjson
import psycopg

from app.core.database import Database, make_engine
from app.services.sealer import extend_chain, seal
from scripts.benchmarks.ground import DISTRICT_CLIENT
from scripts.benchmarks.server import Server
from scripts.benchmarks.submission import settle, submission_case
from scripts.benchmarks.world import World

EVENTS = 1_000_000
PORTION = 5000
BACKLOG = 50_000
PULLS = 200
MOST_MS = 50.0
"""That sealing may add to a pull at rest."""
MOST_BLOAT = 1.5
"""Of the feed's tables, over the bytes of its rows."""

_COMMIT = 7
_FILL = """
INSERT INTO outbox (commit_id, type, object_id, version, op, area_path, changed_at, data)
SELECT md5(%(seed)s || (n / 7))::uuid, 'hazard', md5(%(seed)s || n || 'h')::uuid, 1, 'upsert', area_path, now(), data
FROM generate_series(0, %(rows)s::int - 1) n JOIN (
 SELECT row_number() OVER (ORDER BY position DESC) - 1 AS place, area_path, data
 FROM feed ORDER BY position DESC LIMIT 7
) f ON place = n %% 7 ORDER BY n
"""
_SIZES = """
SELECT pg_table_size('outbox'), pg_indexes_size('outbox'), pg_table_size('feed'), pg_indexes_size('feed'),
 pg_total_relation_size('feed_chain'), pg_total_relation_size('seal') + pg_total_relation_size('chain_head'),
 (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'outbox')
"""
_LIVE = "SELECT sum(pg_column_size(f.*)) FROM (SELECT * FROM feed WHERE position > %s) f"


@dataclass
class FeedReport:
    """Lines to print, and whether something asked for was missed."""

    lines: list[str] = field(default_factory=list)
    is_missed: bool = False

    def add(self, text: str, *, is_reached: bool = True) -> None:
        self.lines.append(text if is_reached else f"{text}  MISSED")
        self.is_missed |= not is_reached


def feed_report(world: World, server: Server, folder: Path, *, seconds: float, events: int = EVENTS) -> FeedReport:
    """Measure all three; submissions come first, so that the feed's rows are real ones."""
    report = FeedReport()
    with psycopg.connect(world.url, autocommit=True) as connection:
        _throughput(report, world, server, folder, seconds, connection)
        _at_rest(report, server, connection)
        _bloat(report, world, server, events, connection)
    return report


def _throughput(
    report: FeedReport, world: World, server: Server, folder: Path, seconds: float, connection: psycopg.Connection
) -> None:
    case = submission_case(world, server, folder, seconds)
    settle(world.url)
    before = _position(connection)
    submitted = case.ours(1).per_s
    ended = time.perf_counter()
    settle(world.url)
    late = time.perf_counter() - ended
    told = (_position(connection) - before) / max(1, round(seconds))
    with server.standing_still(), own_database(world.url) as db:
        connection.execute(_FILL, {"seed": "backlog", "rows": BACKLOG})
        began = time.perf_counter()
        while seal(db):
            pass
        sealed = BACKLOG / (time.perf_counter() - began)
        began = time.perf_counter()
        while extend_chain(db):
            pass
        hashed = BACKLOG / (time.perf_counter() - began)
    both = 1 / (1 / sealed + 1 / hashed)
    report.add(f"submissions {submitted:.0f}/s tell {told:.0f} changes/s; at rest {late:.2f} s after the last one")
    report.add(
        f"a backlog of {BACKLOG}: sealed at {sealed:.0f}/s, hashed at {hashed:.0f}/s, both {both:.0f}/s:"
        f" {both / told:.1f} times what is told (asked ≥ 1)",
        is_reached=both >= told,
    )


def _at_rest(report: FeedReport, server: Server, connection: psycopg.Connection) -> None:
    puller = _Puller(server)
    puller.to_the_end()
    rest = [puller.timed() for _ in range(PULLS)]
    sealing = []
    for number in range(PULLS):
        connection.execute(_FILL, {"seed": f"rest{number}", "rows": _COMMIT})
        sealing.append(puller.timed())
    added = median(sealing) - median(rest)
    p99 = quantiles(sealing, n=100)[98] - quantiles(rest, n=100)[98]
    report.add(
        f"a pull at rest takes {median(rest):.1f} ms, one that seals, hashes and brings {_COMMIT} changes"
        f" {median(sealing):.1f} ms: {added:.1f} ms more, {p99:.1f} ms at the 99th of a hundred"
        f" (asked < {MOST_MS:.0f})",
        is_reached=added < MOST_MS,
    )


def _bloat(report: FeedReport, world: World, server: Server, events: int, connection: psycopg.Connection) -> None:
    first = _position(connection)
    began, largest = time.perf_counter(), 0
    before = _sizes(connection)
    with server.standing_still(), own_database(world.url) as db:
        for number in range(events // PORTION):
            connection.execute(_FILL, {"seed": f"portion{number}", "rows": PORTION})
            while seal(db) or extend_chain(db):
                pass
            largest = max(largest, sum(_sizes(connection)[:2]))
    took = time.perf_counter() - began
    sizes = _sizes(connection)
    row = connection.execute(_LIVE, [first]).fetchone()
    assert row is not None
    live = int(row[0])
    grown = sizes[2] - before[2]
    report.add(f"{events} changes through the outbox in portions of {PORTION}: {took:.0f} s")
    report.add(
        f"outbox at most {_mb(largest)}, at the end {_mb(sizes[0])} and {_mb(sizes[1])} of indexes,"
        f" {sizes[6]} dead rows not yet counted away; the two single rows {sizes[5] // 1024} kB"
    )
    report.add(
        f"feed {_mb(grown)} for rows of {_mb(live)}: {grown / live:.2f} (asked ≤ {MOST_BLOAT}),"
        f" its index {_mb(sizes[3] - before[3])}, the running hashes {_mb(sizes[4] - before[4])}",
        is_reached=grown <= MOST_BLOAT * live,
    )


class _Puller:
    """A machine client of the district over one kept connection."""

    def __init__(self, server: Server) -> None:
        address = urlsplit(server.url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        self._cursor: str | None = None

    def to_the_end(self) -> None:
        while self._pull():
            pass

    def timed(self) -> float:
        """Milliseconds of a pull to the end."""
        began = time.perf_counter()
        self.to_the_end()
        return 1000 * (time.perf_counter() - began)

    def _pull(self) -> bool:
        place = f"&cursor={quote(self._cursor)}" if self._cursor else ""
        headers = {"Authorization": f"Bearer {DISTRICT_CLIENT}"}
        self._connection.request("GET", f"/api/v1/district/changes?limit=1000{place}", headers=headers)
        answer = self._connection.getresponse()
        page = orjson.loads(answer.read())
        assert answer.status == 200, page
        self._cursor = page["next_cursor"]
        has_more: bool = page["has_more"]
        return has_more


@contextmanager
def own_database(url: str) -> Iterator[Database]:
    """Connections like the server's own."""
    engine = make_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=1)
    try:
        yield Database(engine)
    finally:
        engine.dispose()


def _position(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT next - 1 FROM seal").fetchone()
    assert row is not None
    return int(row[0])


def _sizes(connection: psycopg.Connection) -> list[int]:
    row = connection.execute(_SIZES).fetchone()
    assert row is not None
    return [int(size or 0) for size in row]


def _mb(size: int) -> str:
    return f"{size / 2**20:.0f} MB"
