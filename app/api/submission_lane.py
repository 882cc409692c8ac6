"""Where submissions that wait are taken together; who gets no answer here goes the route's own road.

Source: choices.md, section 3, «Coalescing commits».
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any  # a coroutine's
from uuid import UUID

import structlog
from fastapi import Request, Response
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from app.access.actor import Actor
from app.access.credentials import authenticate_each
from app.api.deps import bearer_token, raw_json, received
from app.api.hazards import json_response
from app.api.inspection_schemas import InspectionIn
from app.api.one_hop import UUID_OF_PATH, OneHop
from app.core.errors import DomainError, Unavailable
from app.services.inspections.together import Sent, submit_together
from app.services.runtime import Runtime

MOST_TOGETHER = 32
STOP_S = 5.0
"""How long ``stop`` waits for what is in work."""


class TooManyWaiting(Unavailable):
    code, title, title_zh = "too-many-waiting", "Too many submissions wait", "提交过于集中，请稍后重试"


@dataclass(frozen=True, eq=False, slots=True)
class _Waiting:
    """A request in the lane, and where its answer is awaited."""

    request: Request
    body: bytes
    token: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str | None]

    def tell(self, answer: str | None) -> None:
        with suppress(RuntimeError):  # its loop has ended
            self.loop.call_soon_threadsafe(self._settle, answer)

    def _settle(self, answer: str | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


class SubmissionLane:
    """Threads that take what waits. On SQLite one, since there one transaction writes at a time."""

    def __init__(self, runtime: Runtime, *, most_waiting: int = 1024) -> None:
        self._runtime = runtime
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

    async def accept(self, request: Request) -> str | None:
        """The answer to a submission that was accepted; None: the route must answer. Raises ``TooManyWaiting``."""
        token = bearer_token(request)
        body = await request.body()
        if token is None or request.query_params or self._is_shut:
            return None
        if self.waiting >= self._most_waiting:
            raise TooManyWaiting("Keep it and try again in a moment.", "内容请保留在手机中，稍后自动重试。")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, body, token, loop, loop.create_future())
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
                structlog.get_logger().warning("lane_gave_up", kind=type(error).__name__, submissions=len(together))
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
        sent: dict[UUID, tuple[_Waiting, Sent]] = {}
        for waiting, actor in zip(together, actors, strict=True):
            if actor is not None and (read := _read(waiting, actor)) is not None:
                sent.setdefault(read.submission.id, (waiting, read))
        answers = submit_together(runtime, [read for _, read in sent.values()], now=now)
        runtime.metrics.count_together(len(answers))
        return {sent[inspection_id][0]: answer for inspection_id, answer in answers.items()}


def _read(waiting: _Waiting, actor: Actor) -> Sent | None:
    request = waiting.request
    with suppress(DomainError, ValidationError):
        raw = raw_json(request, waiting.body)
        inspection_id = UUID_OF_PATH.validate_python(request.path_params["inspection_id"])
        came = received(request, raw, actor)
        submission = InspectionIn.model_validate(raw).as_submission(inspection_id, came.request_hash, came.content_hash)
        request.scope["actor_id"] = actor.id
        return Sent(actor, submission)
    return None


class Together(OneHop):
    """The route of a submission: it asks the lane first, where the process has one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        alone = super().get_route_handler()

        async def handle(request: Request) -> Response:
            lane: SubmissionLane | None = getattr(request.app.state, "lane", None)
            answer = await lane.accept(request) if lane is not None else None
            return await alone(request) if answer is None else json_response(answer, 201)

        return handle
