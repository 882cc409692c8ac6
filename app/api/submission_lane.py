"""Plain submissions that wait are taken together: one look, one transaction, one wait for the disk.

What is not plain, is refused or clashes goes the route's own road, which does the same for one submission and is the
only one that refuses. Source: choices.md, section 3, «Coalescing commits».
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
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
from app.api.one_hop import OneHop
from app.core.errors import DomainError
from app.queries.submissions import Met, meet_each
from app.services.changes import insert_and_publish
from app.services.inspections.context import question_of
from app.services.inspections.office import open_office
from app.services.inspections.submission import Submission
from app.services.inspections.submit import Draft, draft_plain
from app.services.runtime import Runtime

MOST = 32


@dataclass(frozen=True, eq=False, slots=True)
class _Waiting:
    """A request at the counter, and where its answer is awaited."""

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


@dataclass(frozen=True, eq=False, slots=True)
class _Visit:
    """A request that reads as a submission of somebody who is signed in."""

    waiting: _Waiting
    actor: Actor
    submission: Submission


class SubmissionLane:
    """Threads that take what waits. On SQLite one, since there one transaction writes at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        count = 1 if runtime.db.dialect == "sqlite" else 2
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self._is_shut = False
        self.taken = 0
        """How many submissions it has accepted."""

    @property
    def waiting(self) -> int:
        """How many requests stand in it and are not in work."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin; once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End when all that waits is answered; who comes later is answered by the route."""
        self._is_shut = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    async def accept(self, request: Request) -> str | None:
        """The answer to a plain submission that was accepted; None: the route must answer."""
        token = bearer_token(request)
        body = await request.body()
        if token is None or request.query_params or self._is_shut:
            return None
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, body, token, loop, loop.create_future())
        self._queue.put(waiting)
        return await waiting.answer

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            together = [first]
            with suppress(queue.Empty):
                while len(together) < MOST:
                    if (another := self._queue.get_nowait()) is None:
                        self._queue.put(None)  # the end is for the next turn
                        break
                    together.append(another)
            answers: dict[_Waiting, str] = {}
            try:
                answers = self.take(together)
            except IntegrityError:  # something came in between; which one, the route finds out
                pass
            except Exception as error:
                structlog.get_logger().warning("lane_gave_up", kind=type(error).__name__, submissions=len(together))
            for waiting in together:
                waiting.tell(answers.get(waiting))

    def take(self, together: Sequence[_Waiting]) -> dict[_Waiting, str]:
        """The answers of those that are accepted; they are durable."""
        db, now = self._runtime.db, self._runtime.clock()
        with db.autocommit() as connection:
            actors = authenticate_each(connection, [waiting.token for waiting in together], now=now)
            read = [visit for visit in map(_read, together, actors) if visit is not None]
            visits = list({visit.submission.id: visit for visit in read}.values())  # sent twice: once here
            met = meet_each(connection, [(visit.actor, question_of(visit.submission, now)) for visit in visits])
        drafts = {visit.waiting: draft for visit in visits if (draft := self._draft(visit, met.pop(0), now))}
        if drafts:
            with db.write() as session:
                insert_and_publish(session, [draft.writing for draft in drafts.values()], now=now)
            self.taken += len(drafts)
        return {waiting: draft.answer for waiting, draft in drafts.items()}

    def _draft(self, visit: _Visit, met: Met, now: datetime) -> Draft | None:
        office = open_office(self._runtime, visit.actor, visit.submission, met, now=now)
        if office is None:
            return None
        with suppress(DomainError):
            return draft_plain(visit.actor, visit.submission, met=met, office=office, now=now)
        return None


def _read(waiting: _Waiting, actor: Actor | None) -> _Visit | None:
    if actor is None:
        return None
    request = waiting.request
    with suppress(DomainError, ValidationError, ValueError):
        raw = raw_json(request, waiting.body)
        came = received(request, raw, actor)
        content = InspectionIn.model_validate(raw)
        submission = content.as_submission(
            UUID(request.path_params["inspection_id"]), came.request_hash, came.content_hash
        )
        request.scope["actor_id"] = actor.id
        return _Visit(waiting, actor, submission)
    return None


class Together(OneHop):
    """Its ``PUT`` asks the lane first, where the process has one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        alone = super().get_route_handler()
        if self.methods != {"PUT"}:
            return alone

        async def handle(request: Request) -> Response:
            lane: SubmissionLane | None = getattr(request.app.state, "lane", None)
            answer = await lane.accept(request) if lane is not None else None
            return await alone(request) if answer is None else json_response(answer, 201)

        return handle
