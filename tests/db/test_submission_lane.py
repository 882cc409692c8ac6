"""Submissions taken together: what one gets alone, everybody gets in company. Source: choices.md, section 3."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from app.domain.vocabulary import PhotoRole, PhotoSource
from app.models import Photo
from app.services.runtime import Runtime
from tests.conftest import FakeClock
from tests.factories import Person, Shot, Street, found, instant, shoot, visit
from tests.feed import Puller
from tests.lanes import Call, Counter, on_both_roads
from tests.phone import Phone

Body = dict[str, Any]


def put(person: Person, inspection_id: str, body: Any) -> Call:
    return Call(person, "PUT", f"/inspections/{inspection_id}", body)


@pytest.fixture
def counter(committed_runtime: Runtime) -> Counter:
    return Counter(committed_runtime, "submissions")


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


class TestBothRoads:
    """The same submission, alone on the route's own road and through the lane."""

    @pytest.mark.parametrize("name", NAMES)
    def test_write_the_same_rows_and_answer_the_same(
        self, name: str, runtime: Runtime, connection: Connection, street: Street, clock: FakeClock
    ) -> None:
        call = put(street.inspector, str(uuid4()), dict(plain_visits(street, clock))[name])
        by_route, by_lane = on_both_roads("submissions", runtime, connection, [call])
        assert by_route[0][0][0] == 201, by_route[0]
        assert by_route == by_lane

    def test_in_company_as_alone(
        self, runtime: Runtime, connection: Connection, street: Street, clock: FakeClock
    ) -> None:
        calls = [put(street.inspector, str(uuid4()), body) for _, body in plain_visits(street, clock)]
        by_route, by_lane = on_both_roads("submissions", runtime, connection, calls)
        assert by_route == by_lane


class TestTogether:
    def test_each_gets_its_own_answer(
        self, counter: Counter, racers: Street, clock: FakeClock, racing_phone: Phone
    ) -> None:
        """Accepted, refused, and not plain at all, in one go."""
        street = racers
        stored = shoot(at=clock())
        racing_phone.upload(street.inspector, stored)
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
        answers = counter.send([put(*one) for one in sent])
        assert [answer.status_code for answer in answers[:2]] == [201, 201]
        assert [(answer.status_code, answer.json().get("code")) for answer in answers[2:]] == [
            (status, code) for *_, status, code in others
        ]
        assert counter.taken() == 2
        for (person, inspection_id, body), answer in zip(sent, answers, strict=True):
            again = racing_phone.submit(person, body, inspection_id)
            if answer.status_code == 201:
                assert (again.status_code, again.json()) == (200, answer.json())
            else:
                assert again.status_code == answer.status_code

    def test_sent_twice_at_once(self, counter: Counter, racers: Street, clock: FakeClock) -> None:
        body, inspection_id = a_visit(racers, clock), str(uuid4())
        answers = counter.send([put(racers.inspector, inspection_id, body)] * 3)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert len({answer.text for answer in answers}) == 1

    def test_a_clash_spoils_nobody_elses(self, counter: Counter, racers: Street, clock: FakeClock) -> None:
        """Two name the same hazard: one has it, the other is told, and the third never notices."""
        street = racers
        first, second, third = (a_visit(street, clock) for _ in range(3))
        second["hazards"][0]["id"] = first["hazards"][0]["id"]
        bodies = [(street.inspector, first), (street.other_inspector, second), (street.inspector, third)]
        answers = counter.send([put(person, str(uuid4()), body) for person, body in bodies])
        assert sorted(answer.status_code for answer in answers[:2]) == [201, 409]
        assert answers[2].status_code == 201

    def test_the_district_gets_each_as_a_commit_of_its_own(
        self, counter: Counter, racers: Street, clock: FakeClock, racing_phone: Phone
    ) -> None:
        machine = racers.people["machine"]
        sent = [put(racers.inspector, str(uuid4()), a_visit(racers, clock)) for _ in range(4)]
        assert [answer.status_code for answer in counter.send(sent)] == [201] * 4
        assert counter.taken() == 4
        items = Puller(racing_phone.client, machine).pull(limit=2)
        ends = [item["commit_last"] for item in items]
        assert ends == [False, False, True] * 4
        told = [[item["type"] for item in items[start : start + 3]] for start in range(0, 12, 3)]
        assert told == [["inspection", "photo", "hazard"]] * 4
        assert [item["position"] for item in items] == list(range(1, 13))

    def test_the_process_ends_while_they_wait(self, counter: Counter, racers: Street, clock: FakeClock) -> None:
        """Nobody is left without an answer: the route answers who stood in the lane, and who comes later."""
        sent = [put(racers.inspector, str(uuid4()), a_visit(racers, clock)) for _ in range(3)]
        assert [answer.status_code for answer in counter.send(sent, let_go=counter.lane.stop)] == [201] * 3
        assert counter.taken() == 0
        assert [answer.status_code for answer in counter.send_when_shut(sent)] == [200] * 3

    @pytest.mark.parametrize("odd", ["{}_", "{{{}}}", "urn:uuid:{}", " {}", "uuid:{}"])
    def test_an_id_means_the_same_in_it(
        self, odd: str, counter: Counter, racers: Street, clock: FakeClock, racing_phone: Phone
    ) -> None:
        """What the route refuses is not taken, what it takes is the same inspection."""
        body, inspection_id = a_visit(racers, clock), odd.format(uuid4())
        [answer] = counter.send([put(racers.inspector, inspection_id, body)])
        again = racing_phone.submit(racers.inspector, body, inspection_id)
        assert (answer.status_code, again.status_code) in {(201, 200), (422, 422)}

    def test_who_holds_an_id_holds_up_nobody_else(
        self, counter: Counter, racers: Street, clock: FakeClock, committed_runtime: Runtime
    ) -> None:
        if committed_runtime.db.dialect == "sqlite":
            pytest.skip("one writer at a time")
        shot = shoot(at=clock())
        sent = [put(racers.inspector, str(uuid4()), a_visit(racers, clock)) for _ in range(3)]
        sent.append(put(racers.inspector, str(uuid4()), a_visit(racers, clock, shot)))
        with committed_runtime.db.write() as session:
            session.add(_uploaded(shot, racers.inspector, clock()))
            session.flush()
            answers = counter.send(sent, first=3, then=session.rollback)
        assert [answer.status_code for answer in answers] == [201] * 4

    def test_there_is_a_limit_to_waiting(self, committed_runtime: Runtime, racers: Street, clock: FakeClock) -> None:
        counter = Counter(committed_runtime, "submissions", most_waiting=3)
        sent = [put(racers.inspector, str(uuid4()), a_visit(racers, clock)) for _ in range(5)]
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
