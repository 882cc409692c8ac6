"""Several callers at the same moment."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import httpx2
from sqlalchemy import select

from app.domain.lifecycle import Action
from app.models import Hazard, HazardEvent
from app.services.runtime import Runtime


def at_once(*calls: Callable[[], object]) -> list[object]:
    """The results of ``calls``, each in a thread of its own, all let go together; a failure is raised."""
    barrier = Barrier(len(calls))

    def start(call: Callable[[], object]) -> object:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(start, call) for call in calls]]


def race(*calls: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """The answers to calls let go together."""
    answers = at_once(*calls)
    assert all(isinstance(answer, httpx2.Response) for answer in answers)
    return answers  # type: ignore[return-value]


def codes(answers: list[httpx2.Response]) -> list[str]:
    """Status and code of each answer, the successful ones first."""
    told = [
        str(one.status_code) if one.status_code < 300 else f"{one.status_code} {one.json()['code']}" for one in answers
    ]
    return sorted(told)


def events_of(runtime: Runtime, hazard_id: str) -> Counter[str]:
    with runtime.db.read() as session:
        query = select(HazardEvent.action).where(HazardEvent.hazard_id == UUID(hazard_id))
        return Counter(session.execute(query).scalars())


def check_versions(runtime: Runtime, hazard_id: str) -> None:
    """Every version has exactly one event that led to it, a comment aside; the row stands at the last one."""
    with runtime.db.read() as session:
        query = select(HazardEvent.version).where(
            HazardEvent.hazard_id == UUID(hazard_id), HazardEvent.action != Action.COMMENT
        )
        versions = sorted(session.execute(query).scalars())
        assert versions == list(range(1, session.get_one(Hazard, UUID(hazard_id)).version + 1))
