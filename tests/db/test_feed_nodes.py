"""The promise of the feed with several nodes on one PostgreSQL that are killed at any moment and started again.

Phones send through any node and again through another one, pullers ask the nodes in turn; what comes of it is held
against what was acknowledged and against ``tests.ledger``. Source: contract.md, «District».
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from app.api.district.changes import HASHED_BY_A_PULL
from app.core.clock import rfc3339
from app.models import Feed
from tests.crashes.conftest import open_service
from tests.crashes.load import Load, load
from tests.crashes.service import Frozen, Service, frozen_json
from tests.crashes.world import Patrol, World, ago, until
from tests.factories import Person, found, shoot
from tests.feed import Puller
from tests.ledger import Group, Log, Page, Told, View
from tests.postgres import database

NODES, WRITERS, KILLS = (1, 1, 1), 8, 2
"""Processes of each node that answer; each node is killed so often."""
ASKED = [{"limit": 3}, {"limit": 50, "types": "hazard"}, {"limit": 1000}]
"""By the pullers, each for itself."""

Key = tuple[str, str, int]
Ask = Callable[[Service], httpx.Response]


class Nodes:
    """Several servers as one service: who gets no answer from one asks another."""

    def __init__(self, nodes: list[Service], chance: random.Random) -> None:
        self._nodes = nodes
        self._chance = chance
        self._in_turn = cycle(nodes)
        self.times: dict[str, tuple[int, int]] = {}
        """By path: when a request was sent first, and when its answer was here."""
        self.unanswered: Counter[str] = Counter()
        """By method."""

    def send_until_answered(self, request: Frozen, refusals: list[httpx.Response] | None = None) -> httpx.Response:
        """The same bytes through another node each time; nothing else than a death is forgiven."""
        begun = time.monotonic_ns()
        order = cycle(self._chance.sample(self._nodes, len(self._nodes)))
        answer = self._ask(request.method, order, lambda node: node.send(request))
        self.times[request.path] = begun, time.monotonic_ns()
        return answer

    def get(self, path: str, *, headers: Mapping[str, str], params: Mapping[str, str]) -> httpx.Response:
        return self._ask("GET", self._in_turn, lambda node: node.get(path, headers=headers, params=params))

    def _ask(self, method: str, order: Iterator[Service], ask: Ask) -> httpx.Response:
        answers: list[httpx.Response] = []

        def is_answered() -> bool:
            try:
                answers.append(ask(next(order)))
            except httpx.TransportError:
                self.unanswered[method] += 1
            return bool(answers)

        until(is_answered)
        return answers[0]


class Follower(Puller):
    """Pulls without a pause, and keeps its pages."""

    def __init__(self, nodes: Nodes, person: Person, **asked: Any) -> None:
        super().__init__(nodes, person, **asked)  # type: ignore[arg-type]  # they are asked as a test client is
        self.types = frozenset(asked["types"].split(",")) if "types" in asked else None
        self.pages_got: list[Page] = []

    @property
    def position(self) -> int:
        return self.pages_got[-1].end if self.pages_got else 0

    def page(self, **params: object) -> dict[str, Any]:
        start = self.position
        body = super().page(**params)
        self.pages_got.append(Page(start, self.params["limit"], body))
        return body

    def follow(self, is_over: Event) -> None:
        """To the end that is there when it is over."""
        while not is_over.is_set():
            self.page()
        self.pull()


class Watched(Load):
    def shift(self, patrol: Patrol, place: str) -> None:
        """A visit with three hazards, and what keeps people safe from one of them, said twice."""
        shot = shoot(at=ago(60), content=uuid4().bytes)
        hazards = [found([shot], ago(60)) for _ in range(3)]
        self.world.do(patrol.visit([shot], hazards, to=place))
        for person in (patrol.inspector, patrol.colleague):
            said = {"id": str(uuid4()), "at": rfc3339(ago(1)), "measures": "专人值守"}
            self.world.do(frozen_json("POST", f"/hazards/{hazards[0]['id']}/interim-measures", person, said))


@pytest.fixture
def server_url(database_url: str) -> Iterator[str]:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one node")
    with database(database_url) as url:
        yield url


@contextmanager
def followers(nodes: Nodes, person: Person) -> Iterator[list[Follower]]:
    """They pull beside the block and go to the end after it."""
    made, is_over = [Follower(nodes, person, **asked) for asked in ASKED], Event()
    with ThreadPoolExecutor(len(made)) as pool:
        at_work = [pool.submit(each.follow, is_over) for each in made]
        try:
            yield made
        finally:
            is_over.set()
            results(at_work)


def disturb(node: Service, chance: random.Random, work: Load) -> None:
    for _ in range(KILLS):
        work.wait_for_answers(chance.randint(20, 120))
        node.kill()
        node.start()


def results(futures: Iterable[Future[None]]) -> None:
    """Raises what went wrong."""
    for each in list(futures):
        each.result()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("seed", range(20 if metafunc.config.getoption("--long") else 1))


def test_nodes_die_at_any_moment(server_url: str, tmp_path: Path, seed: int) -> None:
    """Each of three twice, under eight writers and three pullers; 25 s a seed on a busy machine with two cores."""
    chances = [random.Random(f"{seed} {part}") for part in range(len(NODES) + 1)]
    with ExitStack() as stack:
        opened = [stack.enter_context(open_service(tmp_path, server_url, processes=count)) for count in NODES]
        services, engine = [service for service, _ in opened], opened[0][1]
        pool = stack.enter_context(ThreadPoolExecutor(len(NODES)))
        results([pool.submit(service.start) for service in services])
        nodes = Nodes(services, chances[-1])
        world = World(nodes, engine, tmp_path)  # type: ignore[arg-type]  # it asks them as one service
        with followers(nodes, world.puller.person) as pullers, load(world, WRITERS, Watched) as work:
            deaths = zip(services, chances[:-1], strict=True)
            results([pool.submit(disturb, service, chance, work) for service, chance in deaths])
        world.check()
        with Session(engine) as session:
            committed = groups(session, nodes.times)
        status = nodes.get("/district/status", headers=world.puller.person.headers, params={}).json()
        for puller in pullers:
            puller.pull()
    assert nodes.unanswered["PUT"] > 0
    assert nodes.unanswered["GET"] > 0
    log = Log(world.puller.items, committed)
    check_visits(log, world.answers)
    assert (status["position"], status["running_hash"]) == (len(log.items), log.hashes[-1])
    for puller in pullers:
        check(puller, log, set(acknowledged(world.answers)))


def groups(session: Session, times: Mapping[str, tuple[int, int]]) -> list[Group]:
    """What was committed together, as the database says; for visits, when they began and ended as phones say."""
    found: dict[object, Group] = {}
    for row in session.execute(select(Feed).order_by(col(Feed.position))).scalars():
        group = found.setdefault(row.commit_id, Group(0, ended=sys.maxsize))
        group.rows.append(Told(row.type, str(row.object_id), row.version, row.op, row.area_path, moved_to=row.moved_to))
        if row.type == "inspection":
            group.begun, group.ended = times[f"/inspections/{row.object_id}"]
    return list(found.values())


def check(puller: Follower, log: Log, wanted: set[Key]) -> None:
    """Everything acknowledged once, and every page a part of the log as the contract says, to its end."""
    got = Counter(key_of(item) for item in puller.items)
    assert max(got.values()) == 1
    assert {key for key in wanted if puller.types is None or key[0] in puller.types} <= set(got)
    log.check(View("", puller.types), puller.pages_got, portion=HASHED_BY_A_PULL)
    assert puller.position == len(log.items)
    if puller.types is None:
        assert puller.items == log.items


def check_visits(log: Log, answers: Mapping[Frozen, str]) -> None:
    """A visit is one commit with all its hazards."""
    commits = {told.id: group for group in log.groups for told in group.rows if told.type == "inspection"}
    visits = [json.loads(answer) for request, answer in answers.items() if request.path.startswith("/inspections/")]
    assert set(commits) == {visit["id"] for visit in visits}
    for visit in visits:
        hazards = {told.id for told in commits[visit["id"]].rows if told.type == "hazard"}
        assert hazards == {hazard["id"] for hazard in visit["hazards"]}


def acknowledged(answers: Mapping[Frozen, str]) -> Iterator[Key]:
    """What the answers promise to be in the feed, but for photos: their version is not told."""
    for request, answer in answers.items():
        told = json.loads(answer)
        if request.path.startswith("/inspections/"):
            yield "inspection", told["id"], 1
            yield from (("hazard", hazard["id"], hazard["version"]) for hazard in told["hazards"])
        elif request.path.startswith("/hazards/"):
            yield "hazard", told["hazard"]["id"], told["hazard"]["version"]


def key_of(item: Mapping[str, Any]) -> Key:
    return item["type"], item["id"], item["version"]
