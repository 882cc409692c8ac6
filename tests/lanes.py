"""A process whose lane opens when all that is sent stands in it, so that all of it is taken at once."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2
from fastapi import FastAPI
from sqlalchemy import Connection, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from app.api.hazard_actions import ACTIONS
from app.api.inspections import SUBMISSIONS
from app.api.lane import Lane
from app.main import create_app, make_lanes
from app.services.installation import open_runtime
from app.services.runtime import Runtime
from tests.factories import Person
from tests.openapi import check_response

WORK = {work.name: work for work in (SUBMISSIONS, ACTIONS)}
MADE_ON_THE_WAY = {"hazard_event": ("id",), "hazard_photo": ("event_id",), "outbox": ("seq", "commit_id")}
MADE_ON_THE_WAY |= {"feed": ("commit_id",), "number_block": ("next",)}


Seen = tuple[list[tuple[int, Any]], dict[str, list[str]]]


class Call(NamedTuple):
    """A request to come."""

    person: Person
    method: str
    path: str
    body: Any


def written(connection: Connection) -> dict[str, list[str]]:
    """Every row, without what is drawn at random."""
    state = {}
    for table in SQLModel.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name not in MADE_ON_THE_WAY.get(table.name, ())]
        state[table.name] = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
    return state


def alone(runtime: Runtime, call: Call) -> httpx2.Response:
    """The answer of a process without lanes."""
    client = TestClient(create_app(runtime), base_url="http://testserver/api/v1", raise_server_exceptions=False)
    return client.request(call.method, call.path, content=json.dumps(call.body), headers=_headers(call.person))


def on_both_roads(name: str, runtime: Runtime, connection: Connection, calls: Sequence[Call]) -> list[Seen]:
    """What is answered and what is written when each goes alone, and when all stand in the lane; then undone."""
    seen = []
    for is_together in (False, True):
        with connection.begin_nested() as savepoint:
            fresh = open_runtime(runtime.settings, clock=runtime.clock, bind=connection)
            if is_together:
                counter = Counter(fresh, name)
                answers = counter.send(calls)
                assert counter.taken() == len(calls)
            else:
                answers = [alone(fresh, call) for call in calls]
            seen.append(([(answer.status_code, answer.json()) for answer in answers], written(connection)))
            savepoint.rollback()
    return seen


@contextmanager
def lanes_of(app: FastAPI, runtime: Runtime) -> Iterator[None]:
    """As long as the block lasts ``app`` has the lanes that a process has: plain writes go through them."""
    app.state.lanes = make_lanes(runtime)
    for lane in app.state.lanes.values():
        lane.start()
    try:
        yield
    finally:
        for lane in app.state.lanes.values():
            lane.stop()
        app.state.lanes = {}


def taken_by(app: FastAPI, lane: str) -> int:
    """How much a lane has written, as ``/metrics`` tells."""
    told = TestClient(app).get("/metrics").text
    found = re.search(rf'^xiaohao_written_together_total{{lane="{lane}"}} (\S+)', told, re.MULTILINE)
    return int(float(found[1])) if found else 0


class Counter:
    """The process; only the lane ``name`` is there."""

    def __init__(self, runtime: Runtime, name: str, **limits: int) -> None:
        self.app = create_app(runtime)
        self.name, self.lane = name, Lane(WORK[name], runtime, **limits)
        self.app.state.lanes = {name: self.lane}

    def taken(self) -> int:
        """How much the lane has written, as ``/metrics`` tells."""
        return taken_by(self.app, self.name)

    def send(
        self,
        sent: Sequence[Call],
        *,
        let_go: Callable[[], None] | None = None,
        waiting: int | None = None,
        first: int | None = None,
        then: Callable[[], None] | None = None,
    ) -> list[httpx2.Response]:
        """All stand in the lane (``waiting``: so many), then it is let go; after ``first`` answers comes ``then``."""
        try:
            return asyncio.run(self._send(sent, waiting or len(sent), let_go or self.lane.start, first, then))
        finally:
            self.lane.stop()

    def send_when_shut(self, sent: Sequence[Call]) -> list[httpx2.Response]:
        return asyncio.run(self._send(sent, 0, lambda: None, None, None))

    async def _send(
        self,
        sent: Sequence[Call],
        waiting: int,
        let_go: Callable[[], None],
        first: int | None,
        then: Callable[[], None] | None,
    ) -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            calls = [
                client.request(call.method, call.path, content=json.dumps(call.body), headers=_headers(call.person))
                for call in sent
            ]
            asked = [asyncio.create_task(call) for call in calls]
            while self.lane.waiting < waiting:  # noqa: ASYNC110  lets the others run; no time passes
                await asyncio.sleep(0)
            let_go()
            answers = await asyncio.gather(*asked[:first])
            if then is not None:
                then()
            if first is not None:
                answers += await asyncio.gather(*asked[first:])
        for answer in answers:
            check_response(self.app, answer)
        return answers


def _headers(person: Person) -> dict[str, str]:
    return person.headers | {"Content-Type": "application/json"}
