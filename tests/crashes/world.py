"""A district whose server dies, its patrols, and what must be true after each death."""

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import Engine, func, select, text, update
from sqlmodel import Session, col

from app.core.clock import rfc3339
from app.core.database import Database
from app.domain.vocabulary import Role
from app.models import Client, Feed, Hazard, HazardEvent, Inspection, Job, Outbox, Photo
from tests.crashes.service import PATIENCE_S, Frozen, Service, frozen_json, frozen_photo
from tests.factories import Person, Shot, found, hire, make_area, make_premises, photo_bytes, shoot, sign_in, visit
from tests.feed import Puller, positions, running_hash
from tests.stored import stored_state

FILM = b"\0" * 600_000
"""Behind the picture, as phones write it: the server writes such a photo in several pieces."""


def until(condition: Callable[[], bool]) -> None:
    """Ask until it holds; a test that waits in vain fails."""
    pause, deadline = Event(), time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


class World:
    """A running service and all that it has acknowledged."""

    def __init__(self, service: Service, engine: Engine, data_dir: Path) -> None:
        self.service = service
        self.answers: dict[Frozen, str] = {}
        self.engine = engine
        self._db = Database(engine)
        self._originals = data_dir / "storage" / "originals"
        self._codes = itertools.count(101)
        now = datetime.now(UTC)
        with self._db.write() as session:
            self._district = make_area(session, "320106", "鼓楼区", None)
            self.office = hire(session, Role.OFFICE, [self._district], now)
            machine = Client(name="区级平台", area_id=self._district.id, secret_hash="0" * 64, created_at=now)
            session.add(machine)
            session.flush()
            self._machine = sign_in(session, now, client_id=machine.id)
        self.puller = self._new_puller()

    def patrol(self) -> "Patrol":
        """Two inspectors in a street of their own, where no number has been drawn."""
        now = datetime.now(UTC)
        with self._db.write() as session:
            street = make_area(session, f"320106{next(self._codes)}", "某街道", self._district)
            community = make_area(session, f"{street.code}001", "某社区", street)
            shop = make_premises(session, community, now)
            people = [hire(session, Role.INSPECTOR, [street], now) for _ in range(2)]
            return Patrol(self, community.id, shop.id, *people)

    def do(self, request: Frozen, refusals: list[httpx.Response] | None = None) -> Any:
        """Send until it is acknowledged, and remember that."""
        answer = self.service.send_until_answered(request, refusals)
        assert answer.status_code in (200, 201), answer.text
        self.remember(request, answer)
        return answer.json()

    def try_once(self, request: Frozen) -> httpx.Response | None:
        """None when the server dies before its answer is here."""
        try:
            answer = self.service.send(request)
        except httpx.TransportError:
            return None
        assert answer.status_code == 201, answer.text
        self.remember(request, answer)
        return answer

    def remember(self, request: Frozen, answer: httpx.Response) -> None:
        assert self.answers.setdefault(request, answer.text) == answer.text

    def state(self) -> dict[str, list[str]]:
        """Every row that is stored, at rest: no job waits, the feed is complete."""
        self.let_jobs_finish()
        self.puller.pull()
        with self.engine.connect() as connection:
            return stored_state(connection, self._originals / "none")

    def let_jobs_finish(self) -> None:
        """Time passes: leases of the dead end, what failed is due again."""

        def are_done() -> bool:
            with self._db.write() as session:
                waiting = col(Job.state).in_(["queued", "running"])
                session.execute(update(Job).where(waiting).values(run_at=datetime.now(UTC)))
                return session.execute(select(func.count()).where(waiting)).scalar_one() == 0

        until(are_done)

    def check(self) -> None:
        """Everything acknowledged is there once; the feed, the files and the jobs are complete."""
        self.let_jobs_finish()
        self._check_feed()
        with Session(self.engine) as session:
            self._check_answers(session)
            _check_histories(session)
            _check_jobs(session)
            if session.get_bind().dialect.name == "sqlite":
                assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
                assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        for path in self._originals.rglob("*/*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

    def _new_puller(self) -> Puller:
        return Puller(self.service, self._machine, limit=1000)  # type: ignore[arg-type]  # it asks as a test client does

    def _check_feed(self) -> None:
        self.puller.pull()
        items = self.puller.items
        assert positions(items) == list(range(1, len(items) + 1))
        assert self.puller.page()["running_hash"] == running_hash(items)
        late = self._new_puller()
        assert late.pull() == items
        told: dict[tuple[str, str], int] = {}
        for item in items:
            key = item["type"], item["id"]
            assert item["version"] > told.get(key, 0)
            told[key] = item["version"]
        with Session(self.engine) as session:
            assert session.execute(select(func.count()).select_from(Outbox)).scalar_one() == 0
            assert session.execute(select(func.count()).select_from(Feed)).scalar_one() == len(items)
            for kind, rows in (
                ("hazard", select(Hazard.id, Hazard.version)),
                ("inspection", select(Inspection.id, Inspection.version)),
                ("photo", select(Photo.id, Photo.version).where(col(Photo.named_at).is_not(None))),
            ):
                stored = {str(row.id): row.version for row in session.execute(rows)}
                assert {id: version for (type, id), version in told.items() if type == kind} == stored

    def _check_answers(self, session: Session) -> None:
        """Word for word what was answered first; each with all its rows."""
        visits = {str(row.id): row.answer for row in session.execute(select(Inspection)).scalars()}
        actions = {str(row.id): row.answer for row in session.execute(select(HazardEvent)).scalars() if row.answer}
        photos = {str(row.id): row for row in session.execute(select(Photo)).scalars()}
        hazards: dict[str, set[str]] = {visit_id: set() for visit_id in visits}
        for row in session.execute(select(Hazard.id, Hazard.inspection_id)):
            hazards[str(row.inspection_id)].add(str(row.id))
        for request, answer in self.answers.items():
            if request.path == "/photos":
                photo = photos[httpx.Response(200, text=answer).json()["id"]]
                assert photo.stored_at is not None
                assert (photo.readable, photo.thumbnail_ready) == (True, True)
                assert (self._originals / photo.sha256[:2] / photo.sha256[2:4] / photo.sha256).is_file()
            elif request.path.startswith("/inspections/"):
                told = httpx.Response(200, text=answer).json()
                assert visits[told["id"]] == answer
                assert hazards[told["id"]] == {hazard["id"] for hazard in told["hazards"]}
            else:
                assert actions[httpx.Response(200, text=answer).json()["event_id"]] == answer


def _check_histories(session: Session) -> None:
    """A hazard has one event for each of its versions, and numbers stand once."""
    events: dict[UUID, list[int]] = {}
    for row in session.execute(select(HazardEvent.hazard_id, HazardEvent.version)):
        events.setdefault(row.hazard_id, []).append(row.version)
    for hazard in session.execute(select(Hazard)).scalars():
        assert sorted(events[hazard.id]) == list(range(1, hazard.version + 1))
    for table in (Hazard, Inspection):
        numbers = Counter(session.execute(select(col(table.number))).scalars())
        assert not numbers or max(numbers.values()) == 1


def _check_jobs(session: Session) -> None:
    """One done for each photo that is stored."""
    jobs = session.execute(select(Job.dedupe_key, Job.state)).all()
    stored = session.execute(select(Photo.id).where(col(Photo.stored_at).is_not(None))).scalars()
    assert sorted(job.dedupe_key for job in jobs) == sorted(f"thumbnail:{photo_id}" for photo_id in stored)
    assert {job.state for job in jobs} <= {"done"}


class Patrol:
    """What two inspectors of a street send."""

    def __init__(self, world: World, community_id: UUID, shop_id: UUID, inspector: Person, colleague: Person) -> None:
        self.world = world
        self.inspector = inspector
        self.colleague = colleague
        self._community_id = community_id
        self._shop_id = shop_id

    def visit(self, shots: list[Shot], hazards: list[dict[str, Any]], *, to: str = "shop", **changes: Any) -> Frozen:
        body = visit(self._shop_id, ago(60), hazards=hazards, shots=shots, **changes)
        if to == "new premises":
            del body["premises_id"]
            body["premises"] = {
                "id": str(uuid4()), "name": "新开的店", "kind": "restaurant",
                "area_id": str(self._community_id), "address": "建宁路9号",
            }  # fmt: skip
        return frozen_json("PUT", f"/inspections/{uuid4()}", self.inspector, body)

    def photo(self, shot: Shot, person: Person | None = None) -> Frozen:
        return frozen_photo(person or self.inspector, shot)

    def act(self, path: str, hazard: dict[str, Any], person: Person | None = None, **fields: Any) -> Frozen:
        body = {"id": str(uuid4()), "at": rfc3339(ago(1)), "offset_ms": 0, "base_round": hazard["round"]} | fields
        return frozen_json("POST", f"/hazards/{hazard['id']}/{path}", person or self.inspector, body)

    def read(self, hazard_id: str) -> dict[str, Any]:
        answer = self.world.service.get(f"/hazards/{hazard_id}", headers=self.inspector.headers)
        assert answer.status_code == 200, answer.text
        hazard: dict[str, Any] = answer.json()
        return hazard

    def report(self) -> dict[str, Any]:
        """A hazard that is acknowledged, its photo too."""
        shot = snap()
        hazard = found([shot], ago(60))
        self.world.do(self.visit([shot], [hazard]))
        self.world.do(self.photo(shot))
        return self.read(hazard["id"])

    def stored(self, person: Person | None = None) -> str:
        """The id of an after-photo that is acknowledged."""
        shot = snap("after")
        self.world.do(self.photo(shot, person))
        return shot.id


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def snap(role: str = "before") -> Shot:
    return shoot(role, at=ago(60), content=photo_bytes() + FILM)
