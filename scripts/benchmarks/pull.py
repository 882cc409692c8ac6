"""A page of the feed: the district's client at any place of a long feed, against the database sending the same rows."""

from pathlib import Path
from urllib.parse import quote

import httpx

from app.core.clock import utc_now
from app.core.database import Database, make_engine
from app.domain.vocabulary import FeedType
from app.services.changes import Writing, insert_and_publish
from scripts.benchmarks.ground import DISTRICT_CLIENT
from scripts.benchmarks.history import HAZARDS_A_VISIT, hazard_id, photo_id, visit_id
from scripts.benchmarks.programs import Load, run_pgbench, run_wrk
from scripts.benchmarks.reads import write_load
from scripts.benchmarks.server import Server
from scripts.benchmarks.submission import settle
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 0.40
PAGE = 500
VISITS = 4000
AT_ONCE = 200
_COLUMNS = "position, commit_id, type, object_id, version, op, changed_at, data"


def pull_case(world: World, server: Server, folder: Path, seconds: float) -> Case:
    """The case; the feed is told of some thousand visits first."""
    _tell(world)
    settle(world.url)
    cursors, rows, last = _walk(server)
    paths = [f"/district/changes?limit={PAGE}&cursor={quote(cursor)}" for cursor in cursors]
    load = write_load(folder / "pull.lua", DISTRICT_CLIENT, paths)
    script = folder / "pull.sql"
    script.write_text(
        f"\\set after random(0, {last - PAGE})\n"
        f"SELECT {_COLUMNS} FROM feed WHERE position > :after ORDER BY position LIMIT {rows};\n"
    )

    def limit(number: int) -> Load:
        return run_pgbench(world.url, script, seconds=seconds if number else 1)

    def ours(number: int) -> Load:
        return run_wrk(server.url, load, seconds=seconds if number else 1, server_pid=server.pid, seed=number)

    return Case(f"GET /district/changes, {rows} changes", "database: the same rows, prepared", limit, ours, asked=ASKED)


def _tell(world: World) -> None:
    """Visits with their hazards and photos, each a commit of seven changes."""
    engine = make_engine(world.settings.sqlalchemy_url, pool_size=1)
    last = min(VISITS, world.hazards // HAZARDS_A_VISIT)
    for start in range(1, last + 1, AT_ONCE):
        with Database(engine).write() as session:
            visits = [_visit(number) for number in range(start, min(start + AT_ONCE, last + 1))]
            insert_and_publish(session, visits, now=utc_now())
    engine.dispose()


def _visit(number: int) -> Writing:
    found = range((number - 1) * HAZARDS_A_VISIT + 1, number * HAZARDS_A_VISIT + 1)
    told = {
        FeedType.INSPECTION: [visit_id(number)],
        FeedType.PHOTO: [photo_id(n) for n in found],
        FeedType.HAZARD: [hazard_id(n) for n in found],
    }
    return Writing(tables=(), told=told)


def _walk(server: Server) -> tuple[list[str], int, int]:
    """Cursors before full pages, the rows of such a page, and the last position."""
    cursors: list[str] = []
    counts: list[int] = []
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {DISTRICT_CLIENT}"}) as client:
        page = {"has_more": True, "next_cursor": None}
        while page["has_more"]:
            given = {"limit": PAGE} | ({"cursor": page["next_cursor"]} if page["next_cursor"] else {})
            page = client.get("/api/v1/district/changes", params=given).raise_for_status().json()
            counts.append(len(page["items"]))
            cursors.append(page["next_cursor"])
    return cursors[:-2], sorted(counts)[len(counts) // 2], int(page["position"])
