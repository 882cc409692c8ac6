"""Where writes that wait are taken together; who gets no answer here goes the route's own road.

Source: choices.md, section 3, «Coalescing commits».
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol  # a coroutine's
from uuid import UUID

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from app.access.actor import Actor
from app.access.credentials import authenticate_each
from app.api.deps import bearer_token, note_actor, runtime_of
from app.api.hazards import json_response
from app.api.one_hop import OneHop, Plan
from app.core.errors import DomainError, Unavailable
from app.services.answers import WriteAnswer
from app.services.runtime import Runtime

MOST_TOGETHER = 32
STOP_S = 5.0
"""How long ``stop`` waits for what is in work."""


class TooManyWaiting(Unavailable):
    code, title, title_zh = "too-many-waiting", "Too many writes wait", "提交过于集中，请稍后重试"


class Wanted(Protocol):
    """What one request wants written."""

    @property
    def key(self) -> UUID:
        """The client's id of it."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of write: how one is written, or refused, and how several are."""

    name: str
    alone: Callable[[Runtime, Any], WriteAnswer]
    clashes: tuple[type[Exception], ...]
    """What it raises when another request came first by a moment, perhaps the same: once it is tried again."""
    together: Callable[..., Mapping[UUID, str]]
    """From the process, what several want and the instant (``now``), the answers to what was written, by key."""

    def write_alone(self, runtime: Runtime, wanted: Any) -> WriteAnswer:
        """In a transaction of its own. Raises the refusals of ``alone``."""
        try:
            return self.alone(runtime, wanted)
        except self.clashes:
            return self.alone(runtime, wanted)


@dataclass(frozen=True, eq=False, slots=True)
class _Waiting:
    """A request in the lane, and where its answer is awaited."""

    request: Request
    body: bytes
    plan: Plan
    token: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str | None]

    def tell(self, answer: str | None) -> None:
        with suppress(RuntimeError):  # its loop has ended
            self.loop.call_soon_threadsafe(self._settle, answer)

    def _settle(self, answer: str | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


class Lane:
    """Threads that take what waits. On SQLite one, since there one transaction writes at a time."""

    def __init__(self, work: Work, runtime: Runtime, *, most_waiting: int = 1024) -> None:
        self._work, self._runtime = work, runtime
        self._most_waiting = most_waiting
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        count = 1 if runtime.db.dialect == "sqlite" else 2
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self._is_shut = False

    @property
    def waiting(self) -> int:
        """How many requests stand in it and are not in work."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin; once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in work, for ``STOP_S`` at the latest; who waits or comes later is answered by the route."""
        self._is_shut = True
        with suppress(queue.Empty):
            while (waiting := self._queue.get_nowait()) is not None:
                waiting.tell(None)
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + STOP_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    async def accept(self, request: Request, body: bytes, plan: Plan) -> str | None:
        """The answer to what was written; None: the route must answer. Raises ``TooManyWaiting``."""
        token = bearer_token(request)
        if token is None or request.query_params or self._is_shut:
            return None
        if self.waiting >= self._most_waiting:
            raise TooManyWaiting("Keep it and try again in a moment.", "内容请保留在手机中，稍后自动重试。")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, body, plan, token, loop, loop.create_future())
        self._queue.put(waiting)
        return await waiting.answer

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            together = [first, *self._more()]
            answers: Mapping[_Waiting, str] = {}
            try:
                answers = self._take(together)
            except IntegrityError:  # something came in between; which one, the route finds out
                pass
            except Exception as error:
                kind = type(error).__name__
                structlog.get_logger().warning("lane_gave_up", lane=self._work.name, kind=kind, waiting=len(together))
            for waiting in together:
                waiting.tell(answers.get(waiting))

    def _more(self) -> list[_Waiting]:
        more: list[_Waiting] = []
        with suppress(queue.Empty):
            while len(more) < MOST_TOGETHER - 1:
                if (waiting := self._queue.get_nowait()) is None:
                    self._queue.put(None)  # the end is for the next turn
                    break
                more.append(waiting)
        return more

    def _take(self, together: Sequence[_Waiting]) -> Mapping[_Waiting, str]:
        runtime, now = self._runtime, self._runtime.clock()
        with runtime.db.autocommit() as connection:
            actors = authenticate_each(connection, [waiting.token for waiting in together], now=now)
        wanted: dict[UUID, tuple[_Waiting, Wanted]] = {}
        for waiting, actor in zip(together, actors, strict=True):
            if actor is not None and (one := _read(waiting, actor, now)) is not None:
                wanted.setdefault(one.key, (waiting, one))
        answers = self._work.together(runtime, [one for _, one in wanted.values()], now=now)
        runtime.metrics.count_together(self._work.name, len(answers))
        return {wanted[key][0]: answer for key, answer in answers.items()}


def _read(waiting: _Waiting, actor: Actor, now: datetime) -> Wanted | None:
    with suppress(DomainError, RequestValidationError):
        note_actor(waiting.request, actor)
        wanted: Wanted = waiting.plan.call(waiting.request, waiting.body, by=actor, now=now)
        return wanted
    return None


def lane_route(work: Work) -> type[OneHop]:
    """The class of routes whose endpoints only say what is wanted: a lane writes it, or else it is written alone."""

    class LaneRoute(OneHop):
        """One of them."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            plan = Plan(self)

            def alone(request: Request, body: bytes) -> WriteAnswer:
                return work.write_alone(runtime_of(request), plan.call(request, body))

            async def handle(request: Request) -> Response:
                lane: Lane | None = request.app.state.lanes.get(work.name)
                body = await request.body()
                if lane is not None and (answer := await lane.accept(request, body, plan)) is not None:
                    return json_response(answer, 201)
                written = await run_in_threadpool(alone, request, body)
                return json_response(written.body, 200 if written.is_replay else 201)

            return handle

    return LaneRoute
