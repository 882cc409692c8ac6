"""The server dies at each marked point; the phone sends again what was not acknowledged.

Nothing acknowledged may be missing, nothing doubled, no photo served that is not recorded, and work goes on.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.crashes.service import Frozen
from tests.crashes.world import Patrol, World, ago, snap, until
from tests.factories import Shot, found

COMMIT = "sqlalchemy.engine.default:DefaultDialect.do_commit"
LANE_WRITES = "app.services.inspections.together:insert_and_publish"
ACTIONS_WRITE = "app.services.hazards.together:insert_and_publish"
SEND = "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.send"


@dataclass(frozen=True)
class Point:
    """Where the server dies while it does ``what``: at the last step of ``way``."""

    what: str
    name: str
    way: tuple[str, ...]
    is_kept: bool
    """Whether the change is there after the death, so that sent again it gets its first answer."""
    only: str = ""
    """The database that has this point."""


def lost(what: str, name: str, *way: str, only: str = "") -> Point:
    return Point(what, name, way, is_kept=False, only=only)


def kept(what: str, name: str, *way: str, only: str = "") -> Point:
    return Point(what, name, way, is_kept=True, only=only)


POINTS = [
    lost("visit", "nothing looked at", "before app.api.inspections:meet"),
    lost("visit", "looked at, no number drawn", "before app.services.numbers:_draw"),
    lost("visit", "number drawn, not committed", "after app.services.numbers:_draw"),
    lost("visit", "number drawn and committed", "after app.services.numbers:_draw", f"after {COMMIT}"),
    lost("visit", "all numbers drawn", "after app.api.inspections:open_office"),
    lost("visit", "rows written, nothing told", "after app.services.changes:insert_rows", only="sqlite"),
    lost("visit", "positions taken", "after app.services.changes:_take_positions", only="sqlite"),
    lost(
        "visit",
        "half of the pipeline sent",
        "before app.services.changes:run_together",
        "after psycopg:Connection.execute",
        only="postgresql",
    ),
    lost("visit", "rows written and told", "after app.services.inspections.submit:insert_and_publish"),
    lost("visit", "before the commit", "after app.api.inspections:submit", f"before {COMMIT}"),
    kept("visit", "after the commit", "after app.api.inspections:submit", f"after {COMMIT}"),
    kept("visit", "answer made", "before app.api.lane:json_response"),
    kept("visit", "answer on its way", f"before {SEND}"),
    lost("visit in the lane", "nothing looked at", "before app.services.inspections.together:meet_each"),
    lost("visit in the lane", "numbers drawn", "after app.services.inspections.together:open_office"),
    lost("visit in the lane", "before the commit", f"after {LANE_WRITES}", f"before {COMMIT}"),
    kept("visit in the lane", "after the commit", f"after {LANE_WRITES}", f"after {COMMIT}"),
    kept("visit in the lane", "answer made", "before app.api.lane:json_response"),
    lost("visit with a recheck", "rows written", "after app.services.inspections.submit:insert_rows"),
    lost("visit with a recheck", "earlier photo named", "after app.services.inspections.submit:name_earlier"),
    lost("visit with a recheck", "recheck done", "after app.services.inspections.submit:execute_rechecks"),
    lost("visit with a recheck", "before the commit", "after app.api.inspections:submit", f"before {COMMIT}"),
    kept("visit with a recheck", "after the commit", "after app.api.inspections:submit", f"after {COMMIT}"),
    lost("declared photo", "half of the bytes written", "after app.core.storage:Incoming.write"),
    lost("declared photo", "bytes written, not flushed", "before app.core.storage:Incoming._flush"),
    lost("declared photo", "bytes flushed, no folder", "after app.core.storage:Incoming._flush"),
    lost("declared photo", "folder made, not renamed", "before pathlib:Path.replace"),
    lost("declared photo", "renamed, folder not flushed", "after pathlib:Path.replace"),
    lost("declared photo", "bytes kept, nothing recorded", "after app.core.storage:Incoming.keep"),
    lost("declared photo", "recorded, hazards not settled", "before app.services.photos:settle_evidence"),
    lost("declared photo", "hazards settled, nothing told", "after app.services.photos:settle_evidence"),
    lost("declared photo", "before the commit", "after app.api.photos:store_photo", f"before {COMMIT}"),
    kept("declared photo", "after the commit", "after app.api.photos:store_photo", f"after {COMMIT}"),
    kept("declared photo", "answer on its way", f"before {SEND}"),
    lost("loose photo", "bytes kept, nothing recorded", "after app.core.storage:Incoming.keep"),
    lost("loose photo", "before the commit", "after app.api.photos:store_photo", f"before {COMMIT}"),
    kept("loose photo", "after the commit", "after app.api.photos:store_photo", f"after {COMMIT}"),
    lost("claim", "hazard locked", "after app.services.hazards.act:get_hazard"),
    lost("claim", "hazard changed, no event", "before app.services.hazards.act:_record"),
    lost("claim", "event written", "before app.services.hazards.act:name_for_action"),
    lost("claim", "evidence named", "after app.services.hazards.act:name_for_action"),
    lost("claim", "photo told, hazard not", "after app.services.hazards.act:publish"),
    lost("claim", "before the commit", "after app.api.hazard_actions:act", f"before {COMMIT}"),
    kept("claim", "after the commit", "after app.api.hazard_actions:act", f"after {COMMIT}"),
    kept("claim", "answer on its way", f"before {SEND}"),
    lost("re-inspection", "before the commit", "after app.api.hazard_actions:act", f"before {COMMIT}"),
    kept("re-inspection", "after the commit", "after app.api.hazard_actions:act", f"after {COMMIT}"),
    lost("fail in the lane", "hazard locked", "after app.services.hazards.together:lock_each"),
    lost("fail in the lane", "row changed, no event", "after app.services.hazards.together:update_rows"),
    lost("fail in the lane", "before the commit", f"after {ACTIONS_WRITE}", f"before {COMMIT}"),
    kept("fail in the lane", "after the commit", f"after {ACTIONS_WRITE}", f"after {COMMIT}"),
    kept("fail in the lane", "answer made", "before app.api.lane:json_response"),
    kept("sealing", "waits", "before app.services.sealer:_seal", only="postgresql"),
    kept("sealing", "sealed, not hashed", "after app.services.sealer:_seal", only="postgresql"),
    kept("sealing", "before the hashing", "before app.services.sealer:extend_chain"),
    kept("sealing", "hashed, not written", "before app.services.sealer:_write_chain"),
    kept("sealing", "hashes written", "after app.services.sealer:_write_chain", f"before {COMMIT}"),
    kept("sealing", "hashes committed", "after app.services.sealer:_write_chain", f"after {COMMIT}"),
    kept("sealing", "page made, not sent", "after app.api.district.changes:read_changes"),
    kept("thumbnail", "not claimed", "before app.jobs.worker:claim"),
    kept("thumbnail", "claimed, not committed", "after app.jobs.worker:claim", f"before {COMMIT}"),
    kept("thumbnail", "claimed", "after app.jobs.worker:claim", f"after {COMMIT}"),
    kept("thumbnail", "made, not kept", "before app.core.storage:Storage.put_thumbnail"),
    kept("thumbnail", "kept, not recorded", "after app.core.storage:Storage.put_thumbnail"),
    kept("thumbnail", "done, hazard not settled", "after app.jobs.thumbnails:finish"),
    kept("thumbnail", "before the commit", "after app.jobs.thumbnails:record_decoded", f"before {COMMIT}"),
    kept("thumbnail", "after the commit", "after app.jobs.thumbnails:record_decoded", f"after {COMMIT}"),
]


def visit_to_new_premises(patrol: Patrol) -> Frozen:
    """Two hazards in a place that is not registered: the route's own road."""
    return two_hazards(patrol, "new premises")


def plain_visit(patrol: Patrol) -> Frozen:
    """The same in a shop that is known: taken together with others that wait."""
    return two_hazards(patrol, "shop")


def two_hazards(patrol: Patrol, to: str) -> Frozen:
    shots = [snap(), snap(), snap("after")]
    hazards = [found(shots[:1], ago(60)), found(shots[1:], ago(60), fixed_on_site=True)]
    return patrol.visit(shots, hazards, to=to)


def visit_with_recheck(patrol: Patrol) -> Frozen:
    """A hazard of before passes; a photo of the visit came before it."""
    earlier = patrol.report()
    shots = [snap(), snap("after")]
    for shot in shots:
        patrol.world.do(patrol.photo(shot))
    recheck = {
        "action_id": str(uuid4()),
        "hazard_id": earlier["id"],
        "base_round": earlier["round"],
        "result": "pass",
        "photo_ids": [shots[1].id],
    }
    return patrol.visit(shots, [found(shots[:1], ago(60))], rechecks=[recheck])


def declared_photo(patrol: Patrol) -> Frozen:
    """The one that makes its hazard's evidence complete."""
    shot = snap()
    patrol.world.do(patrol.visit([shot], [found([shot], ago(60))]))
    return patrol.photo(shot)


def loose_photo(patrol: Patrol) -> Frozen:
    return patrol.photo(snap("after"))


def claim(patrol: Patrol) -> Frozen:
    return patrol.act("rectifications", patrol.report(), photo_ids=[patrol.stored()])


def reinspection(patrol: Patrol) -> Frozen:
    """Of a hazard that is said to be fixed; it closes."""
    hazard = patrol.report()
    patrol.world.do(patrol.act("rectifications", hazard, photo_ids=[patrol.stored()]))
    proof = patrol.stored(patrol.colleague)
    return patrol.act("reinspections", hazard, patrol.colleague, result="pass", photo_ids=[proof])


def fail(patrol: Patrol) -> Frozen:
    """A re-inspection that fails for a reason, without photos: taken together with others that wait."""
    return patrol.act("reinspections", patrol.report(), patrol.colleague, result="fail", reason_code="not_rectified")


def last_photo_on_site(patrol: Patrol) -> Frozen:
    """Once it is decoded, a hazard fixed on the spot closes by itself."""
    shots = [snap(), snap("after")]
    patrol.world.do(patrol.visit(shots, [found(shots, ago(60), fixed_on_site=True)]))
    patrol.world.do(patrol.photo(shots[0]))
    return patrol.photo(shots[1])


WORK: MappingProxyType[str, Callable[[Patrol], Frozen]] = MappingProxyType(
    {
        "visit": visit_to_new_premises,
        "visit in the lane": plain_visit,
        "visit with a recheck": visit_with_recheck,
        "declared photo": declared_photo,
        "loose photo": loose_photo,
        "claim": claim,
        "re-inspection": reinspection,
        "fail in the lane": fail,
        "sealing": plain_visit,
        "thumbnail": last_photo_on_site,
    }
)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.what}: {point.name}")
def test_dies_and_goes_on(world: World, database_url: str, point: Point) -> None:
    if point.only and not database_url.startswith(point.only):
        pytest.skip(f"{point.only} alone has this point")
    patrol = world.patrol()
    request = WORK[point.what](patrol)
    before = world.state()
    world.service.arm(*point.way)
    first = world.try_once(request)
    pull_until_death(world)
    world.service.start()
    if not point.is_kept:
        assert first is None
        assert world.state() == before
        if request.shot is not None:
            check_not_there(patrol, request.shot)
    second = world.service.send(request)
    assert second.status_code == (200 if point.is_kept else 201), second.text
    world.remember(request, second)
    third = world.service.send(request)
    assert (third.status_code, third.text) == (200, second.text)
    if request.shot is not None:
        check_bytes(patrol, request.shot)
    world.check()


@pytest.mark.parametrize("table", ["number_block", "inspection", "hazard_photo", "outbox", "feed"])
def test_dies_while_postgresql_is_at_work(world: World, database_url: str, table: str) -> None:
    """The statement waits for ``table``; it ends after the server's death, whatever it was to do."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite works inside the server and dies with it")
    request = plain_visit(world.patrol())
    world.state()
    with ThreadPoolExecutor(1) as pool, world.engine.begin() as other:
        other.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        sent = pool.submit(world.try_once, request)
        until(lambda: waits(world))
        world.service.kill()
        first = sent.result()
    until(lambda: not works(world))
    world.service.start()
    second = world.service.send(request)
    assert second.status_code == (200 if table == "feed" else 201)
    assert first is None or first.text == second.text
    world.remember(request, second)
    world.check()


def waits(world: World) -> bool:
    return bool(sessions(world)["Lock"])


def works(world: World) -> bool:
    """Whether the dead server's sessions are still there."""
    return bool(sessions(world).total())


def sessions(world: World) -> Counter[str | None]:
    """The server's in the database, by what each waits for."""
    query = "SELECT wait_event_type FROM pg_stat_activity WHERE datname = current_database()"
    with world.engine.connect() as connection:
        return Counter(connection.execute(text(f"{query} AND application_name = 'xiaohao'")).scalars())


def pull_until_death(world: World) -> None:
    """The district's platform asks for what is new all the time; that is when SQLite's feed is hashed."""

    def is_dead() -> bool:
        try:
            world.puller.pull()
        except httpx.TransportError:
            return True
        return False

    until(is_dead)
    world.service.wait_for_death()


def check_not_there(patrol: Patrol, shot: Shot) -> None:
    """Whatever lies on the disk, the photo is not served and proves nothing."""
    answer = patrol.world.service.get(f"/photos/{shot.id}/content", headers=patrol.inspector.headers)
    assert answer.status_code == 404
    claim = patrol.act("rectifications", patrol.report(), photo_ids=[shot.id])
    refused = patrol.world.service.send(claim)
    assert refused.status_code == 409


def check_bytes(patrol: Patrol, shot: Shot) -> None:
    """The original is the office's to read once something names it, before that the sender's."""
    readers = patrol.world.office, patrol.inspector
    answers = [patrol.world.service.get(f"/photos/{shot.id}/content", headers=one.headers) for one in readers]
    assert shot.content in [answer.content for answer in answers]
