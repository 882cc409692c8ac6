"""Submissions taken together: what one gets alone, everybody gets in company. Source: choices.md, section 3."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import Connection, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from app.api.submission_lane import SubmissionLane
from app.domain.vocabulary import PhotoRole, PhotoSource
from app.main import create_app
from app.models import Photo
from app.services.installation import open_runtime
from app.services.runtime import Runtime
from tests.conftest import FakeClock
from tests.factories import Person, Shot, Street, found, instant, shoot, visit
from tests.feed import Puller
from tests.openapi import check_response
from tests.phone import Phone

Body = dict[str, Any]
Sent = tuple[Person, str, Any]


class Counter:
    """A process whose lane opens when all that is sent stands in it, so that all of it is taken at once."""

    def __init__(self, runtime: Runtime, **limits: int) -> None:
        self.app = create_app(runtime)
        self.lane = SubmissionLane(runtime, **limits)
        self.app.state.lane = self.lane

    def taken(self) -> int:
        """How many submissions the lane has accepted, as ``/metrics`` tells."""
        told = TestClient(self.app).get("/metrics").text
        return int(float(told.split("\nxiaohao_submissions_together_total ")[1].split()[0]))

    def send(
        self,
        sent: Sequence[Sent],
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

    def send_when_shut(self, sent: Sequence[Sent]) -> list[httpx2.Response]:
        return asyncio.run(self._send(sent, 0, lambda: None, None, None))

    async def _send(
        self,
        sent: Sequence[Sent],
        waiting: int,
        let_go: Callable[[], None],
        first: int | None,
        then: Callable[[], None] | None,
    ) -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            puts = [
                client.put(f"/inspections/{inspection_id}", content=json.dumps(body), headers=_headers(person))
                for person, inspection_id, body in sent
            ]
            asked = [asyncio.create_task(put) for put in puts]
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


@pytest.fixture
def counter(committed_runtime: Runtime) -> Counter:
    return Counter(committed_runtime)


@pytest.fixture
def hired(committed_street: Street, committed_runtime: Runtime) -> Street:
    """Everybody is hired before the requests; a session of its own, because the one that made the street is over."""
    with committed_runtime.db.write() as session:
        committed_street.session = session
        for person in ("inspector", "other_inspector", "office", "stranger"):
            assert getattr(committed_street, person)
        committed_street.people["machine"] = committed_street.machine()
    return committed_street


@pytest.fixture
def phone(committed_client: TestClient, hired: Street, clock: FakeClock) -> Phone:
    return Phone(committed_client, hired, clock)


def a_visit(street: Street, clock: FakeClock, shot: Shot | None = None, **changes: Any) -> Body:
    shot = shot or shoot(at=clock())
    return visit(street.shop.id, clock(), hazards=[found([shot], clock())], shots=[shot]) | changes


def plain_visits(street: Street, clock: FakeClock) -> Iterator[tuple[str, Body]]:
    """All that a submission may say without needing another look."""
    now = clock()
    before, after, overview = (shoot(role, at=now) for role in ("before", "after", "overview"))
    yield "nothing found", visit(street.shop.id, now, hazards=[], shots=[])
    yield "one hazard", a_visit(street, clock)
    yield "unused photos", visit(street.shop.id, now, hazards=[], shots=[overview], note="全景")
    yield (
        "fixed on the spot",
        visit(street.shop.id, now, hazards=[found([before, after], now, fixed_on_site=True)], shots=[before, after]),
    )
    shared = shoot(at=now, source="gallery")
    uncoded = {"finding_code": None, "category_zh": "疏散通道", "severity": "suspected_major"}
    yield (
        "many words",
        visit(
            street.shop.id,
            now,
            hazards=[
                found([shared], now),
                found([shared], now, **uncoded, interim_measures="专人看守", responsible_party="老张"),
                found([shared], now, found_at=instant(now, hours=5)),
            ],
            shots=[shared],
            offset_ms=None,
            device_seq=12,
            location={"lat": 32.06, "lng": 118.8, "accuracy_m": 7.5},
            checklist={"code": "CL-MARKET", "version": 1},
            answers=[
                {"item_no": 1, "result": "pass", "photo_ids": []},
                {"item_no": 2, "result": "not_checked", "reason": "锁门", "photo_ids": [shared.id]},
            ],
            note="日常巡查 \U0001f525",
        ),
    )


NAMES = ["nothing found", "one hazard", "unused photos", "fixed on the spot", "many words"]
MADE_ON_THE_WAY = {"hazard_event": ("id",), "hazard_photo": ("event_id",), "outbox": ("seq", "commit_id")}
MADE_ON_THE_WAY |= {"feed": ("commit_id",), "number_block": ("next",)}


def written(connection: Connection) -> dict[str, list[str]]:
    """Every row, without what is drawn at random."""
    state = {}
    for table in SQLModel.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name not in MADE_ON_THE_WAY.get(table.name, ())]
        state[table.name] = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
    return state


class TestBothRoads:
    """The same submission, alone on the route's own road and through the lane."""

    @pytest.mark.parametrize("name", NAMES)
    def test_write_the_same_rows_and_answer_the_same(
        self, name: str, runtime: Runtime, connection: Connection, street: Street, clock: FakeClock
    ) -> None:
        body, inspection_id = dict(plain_visits(street, clock))[name], str(uuid4())
        sent = (street.inspector, inspection_id, body)
        roads: list[Callable[[Runtime], httpx2.Response]] = [
            lambda fresh: _alone(fresh, sent),
            lambda fresh: _through_the_lane(fresh, sent),
        ]
        seen = []
        for road in roads:
            with connection.begin_nested() as savepoint:
                fresh = open_runtime(runtime.settings, clock=clock, bind=connection)
                answer = road(fresh)
                seen.append((answer.status_code, answer.json(), written(connection)))
                savepoint.rollback()
        assert seen[0][0] == 201, seen[0][1]
        assert seen[0] == seen[1]

    def test_in_company_as_alone(
        self, runtime: Runtime, connection: Connection, street: Street, clock: FakeClock
    ) -> None:
        sent = [(street.inspector, str(uuid4()), body) for _, body in plain_visits(street, clock)]
        seen = []
        for is_together in (False, True):
            with connection.begin_nested() as savepoint:
                fresh = open_runtime(runtime.settings, clock=clock, bind=connection)
                answers = Counter(fresh).send(sent) if is_together else [_alone(fresh, one) for one in sent]
                seen.append(([(answer.status_code, answer.json()) for answer in answers], written(connection)))
                savepoint.rollback()
        assert seen[0] == seen[1]


def _alone(runtime: Runtime, sent: Sent) -> httpx2.Response:
    app = create_app(runtime)
    client = TestClient(app, base_url="http://testserver/api/v1", raise_server_exceptions=False)
    person, inspection_id, body = sent
    return client.put(f"/inspections/{inspection_id}", content=json.dumps(body), headers=_headers(person))


def _through_the_lane(runtime: Runtime, sent: Sent) -> httpx2.Response:
    counter = Counter(runtime)
    [answer] = counter.send([sent])
    assert counter.taken() == 1
    return answer


class TestTogether:
    def test_each_gets_its_own_answer(self, counter: Counter, hired: Street, clock: FakeClock, phone: Phone) -> None:
        """Accepted, refused, and not plain at all, in one go."""
        street = hired
        stored = shoot(at=clock())
        phone.upload(street.inspector, stored)
        good = [(street.inspector, a_visit(street, clock)), (street.other_inspector, a_visit(street, clock))]
        others = [
            (street.stranger, a_visit(street, clock), 404, "not-found"),
            (street.office, a_visit(street, clock), 403, "forbidden"),
            (Person(uuid4(), {"Authorization": "Bearer nonsense"}), a_visit(street, clock), 401, "token-unknown"),
            (street.inspector, a_visit(street, clock, kind="admin_inspection"), 422, "kind-not-allowed"),
            (street.inspector, {"kind": 7}, 422, "content-rejected"),
            (street.inspector, a_visit(street, clock, stored), 201, None),
        ]
        sent = [(person, str(uuid4()), body) for person, body, *_ in [*good, *others]]
        answers = counter.send(sent)
        assert [answer.status_code for answer in answers[:2]] == [201, 201]
        assert [(answer.status_code, answer.json().get("code")) for answer in answers[2:]] == [
            (status, code) for *_, status, code in others
        ]
        assert counter.taken() == 2
        for (person, inspection_id, body), answer in zip(sent, answers, strict=True):
            again = phone.submit(person, body, inspection_id)
            if answer.status_code == 201:
                assert (again.status_code, again.json()) == (200, answer.json())
            else:
                assert again.status_code == answer.status_code

    def test_sent_twice_at_once(self, counter: Counter, hired: Street, clock: FakeClock) -> None:
        body, inspection_id = a_visit(hired, clock), str(uuid4())
        answers = counter.send([(hired.inspector, inspection_id, body)] * 3)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert len({answer.text for answer in answers}) == 1

    def test_a_clash_spoils_nobody_elses(self, counter: Counter, hired: Street, clock: FakeClock) -> None:
        """Two name the same hazard: one has it, the other is told, and the third never notices."""
        street = hired
        first, second, third = (a_visit(street, clock) for _ in range(3))
        second["hazards"][0]["id"] = first["hazards"][0]["id"]
        bodies = [(street.inspector, first), (street.other_inspector, second), (street.inspector, third)]
        answers = counter.send([(person, str(uuid4()), body) for person, body in bodies])
        assert sorted(answer.status_code for answer in answers[:2]) == [201, 409]
        assert answers[2].status_code == 201

    def test_the_district_gets_each_as_a_commit_of_its_own(
        self, counter: Counter, hired: Street, clock: FakeClock, phone: Phone
    ) -> None:
        machine = hired.people["machine"]
        sent = [(hired.inspector, str(uuid4()), a_visit(hired, clock)) for _ in range(4)]
        assert [answer.status_code for answer in counter.send(sent)] == [201] * 4
        assert counter.taken() == 4
        items = Puller(phone.client, machine).pull(limit=2)
        ends = [item["commit_last"] for item in items]
        assert ends == [False, False, True] * 4
        told = [[item["type"] for item in items[start : start + 3]] for start in range(0, 12, 3)]
        assert told == [["inspection", "photo", "hazard"]] * 4
        assert [item["position"] for item in items] == list(range(1, 13))

    def test_the_process_ends_while_they_wait(self, counter: Counter, hired: Street, clock: FakeClock) -> None:
        """Nobody is left without an answer: the route answers who stood in the lane, and who comes later."""
        sent = [(hired.inspector, str(uuid4()), a_visit(hired, clock)) for _ in range(3)]
        assert [answer.status_code for answer in counter.send(sent, let_go=counter.lane.stop)] == [201] * 3
        assert counter.taken() == 0
        assert [answer.status_code for answer in counter.send_when_shut(sent)] == [200] * 3

    @pytest.mark.parametrize("odd", ["{}_", "{{{}}}", "urn:uuid:{}", " {}", "uuid:{}"])
    def test_an_id_means_the_same_in_it(
        self, odd: str, counter: Counter, hired: Street, clock: FakeClock, phone: Phone
    ) -> None:
        """What the route refuses is not taken, what it takes is the same inspection."""
        body, inspection_id = a_visit(hired, clock), odd.format(uuid4())
        [answer] = counter.send([(hired.inspector, inspection_id, body)])
        again = phone.submit(hired.inspector, body, inspection_id)
        assert (answer.status_code, again.status_code) in {(201, 200), (422, 422)}

    def test_who_holds_an_id_holds_up_nobody_else(
        self, counter: Counter, hired: Street, clock: FakeClock, committed_runtime: Runtime
    ) -> None:
        if committed_runtime.db.dialect == "sqlite":
            pytest.skip("one writer at a time")
        shot = shoot(at=clock())
        sent = [(hired.inspector, str(uuid4()), a_visit(hired, clock)) for _ in range(3)]
        sent.append((hired.inspector, str(uuid4()), a_visit(hired, clock, shot)))
        with committed_runtime.db.write() as session:
            session.add(_uploaded(shot, hired.inspector, clock()))
            session.flush()
            answers = counter.send(sent, first=3, then=session.rollback)
        assert [answer.status_code for answer in answers] == [201] * 4

    def test_there_is_a_limit_to_waiting(self, committed_runtime: Runtime, hired: Street, clock: FakeClock) -> None:
        counter = Counter(committed_runtime, most_waiting=3)
        sent = [(hired.inspector, str(uuid4()), a_visit(hired, clock)) for _ in range(5)]
        answers = counter.send(sent, waiting=3)
        assert counter.taken() == 3
        refused = [answer for answer in answers if answer.status_code == 503]
        assert len(refused) == 2
        assert refused[0].json()["code"] == "too-many-waiting"
        assert refused[0].headers["retry-after"]


def _uploaded(shot: Shot, person: Person, now: datetime) -> Photo:
    return Photo(
        id=UUID(shot.id),
        sha256=shot.sha256,
        bytes=len(shot.content),
        role=PhotoRole.BEFORE,
        source=PhotoSource.CAMERA,
        taken_at=now,
        owner_id=person.id,
        created_at=now,
    )
