"""Patrols that work at the same time, each sending again until it is acknowledged."""

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import httpx

from tests.crashes.world import Patrol, World, ago, until
from tests.factories import found, shoot


class Load:
    """What the patrols have come to so far."""

    def __init__(self, world: World) -> None:
        self.refusals: list[httpx.Response] = []
        """Every 503."""
        self.is_over = Event()
        self.world = world
        self._workers: list[Future[None]] = []

    def begin(self, pool: ThreadPoolExecutor, patrols: int) -> None:
        self._workers = [pool.submit(self._work, self.world.patrol()) for _ in range(patrols)]

    def end(self) -> None:
        """Everybody finishes what he is at; raises what went wrong."""
        self.is_over.set()
        for worker in self._workers:
            worker.result()

    def wait_for_answers(self, count: int) -> None:
        """``count`` more acknowledgements."""
        wanted = len(self.world.answers) + count
        until(lambda: self._has_failed() or len(self.world.answers) >= wanted)

    def wait_for_refusals(self, count: int) -> None:
        """``count`` more 503s."""
        wanted = len(self.refusals) + count
        until(lambda: self._has_failed() or len(self.refusals) >= wanted)

    def _has_failed(self) -> bool:
        return any(worker.done() for worker in self._workers)

    def _work(self, patrol: Patrol) -> None:
        places = itertools.cycle(["shop", "new premises"])
        while not self.is_over.is_set():
            self.shift(patrol, next(places))

    def shift(self, patrol: Patrol, place: str) -> None:
        """A visit with two hazards: one fixed on the spot, one claimed and passed later."""
        do, refusals = self.world.do, self.refusals
        before, on_site, fixed = shoot(at=ago(60)), shoot(at=ago(60)), shoot("after", at=ago(60))
        later, fixed_on_site = found([before], ago(60)), found([on_site, fixed], ago(60), fixed_on_site=True)
        do(patrol.visit([before, on_site, fixed], [later, fixed_on_site], to=place), refusals)
        claimed, passed = shoot("after", at=ago(1)), shoot("after", at=ago(1))
        for shot in (before, on_site, fixed, claimed):
            do(patrol.photo(shot), refusals)
        do(patrol.photo(passed, patrol.colleague), refusals)
        hazard = {"id": later["id"], "round": 1}
        do(patrol.act("rectifications", hazard, photo_ids=[claimed.id]), refusals)
        proof = {"result": "pass", "photo_ids": [passed.id]}
        do(patrol.act("reinspections", hazard, patrol.colleague, **proof), refusals)


@contextmanager
def load(world: World, patrols: int = 4, kind: type[Load] = Load) -> Iterator[Load]:
    """Work beside the block; what was begun is finished at its end."""
    made = kind(world)
    with ThreadPoolExecutor(patrols) as pool:
        made.begin(pool, patrols)
        try:
            yield made
        finally:
            made.end()
