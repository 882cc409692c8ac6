"""Actions taken together: what one gets alone, everybody gets in company. Source: choices.md, section 3."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection
from sqlmodel import Session

from app.core.clock import rfc3339
from app.models import Hazard
from app.services.runtime import Runtime
from tests.conftest import FakeClock
from tests.factories import Person, Street
from tests.feed import Puller
from tests.lanes import Call, Counter, on_both_roads
from tests.phone import Phone

Body = dict[str, Any]
Doing = Callable[[Phone, Street], Call]


def call(person: Person, hazard: Body, path: str, clock: FakeClock, **fields: Any) -> Call:
    body = {"id": str(uuid4()), "at": rfc3339(clock()), "offset_ms": 0} | fields
    return Call(person, "POST", f"/hazards/{hazard['id']}/{path}", body)


def fail(phone: Phone, person: Person, hazard: Body, **fields: Any) -> Call:
    fields = {"base_round": hazard["round"], "result": "fail", "reason_code": "not_rectified"} | fields
    return call(person, hazard, "reinspections", phone.clock, **fields)


def _judgement(hazard: Body, verdict: str) -> Body:
    return {
        "base_version": hazard["version"],
        "verdict": verdict,
        "standard": "GB 35181",
        "edition": "2025",
        "facts_used": ["安全出口数量 1，应为 2"],
        "members": ["王建国", "李红", "陈志强"],
    }


def _fail(phone: Phone, street: Street) -> Call:
    place = {"lat": 32.06, "lng": 118.8, "accuracy_m": 7.5}
    return fail(phone, street.inspector, phone.report(), note="仍然占用 \U0001f525", location=place, base_version=1)


def _fail_after_claim(phone: Phone, street: Street) -> Call:
    hazard = phone.claim(street.inspector, phone.report()).json()["hazard"]
    phone.clock.move(days=3)
    return fail(phone, street.other_inspector, hazard, offset_ms=-90_000)


def _fail_with_a_stopped_clock(phone: Phone, street: Street) -> Call:
    return fail(phone, street.inspector, phone.report(), at="2019-01-01T00:00:00Z", offset_ms=None)


def _fail_by_an_officer(phone: Phone, street: Street) -> Call:
    return fail(phone, street.officer, phone.report(finding_code="EV-003", severity="general"))


def _awaiting(phone: Phone, street: Street) -> Body:
    """Determined major, claimed, re-inspected: a leader decides."""
    hazard = phone.report(finding_code="EV-003", severity="general")
    hazard = phone.determine(street.office, hazard).json()["hazard"]
    hazard = phone.claim(street.inspector, hazard).json()["hazard"]
    return phone.reinspect(street.other_inspector, hazard).json()["hazard"]


def _confirm(phone: Phone, street: Street) -> Call:
    hazard = _awaiting(phone, street)
    fields = {"base_version": hazard["version"], "decision": "confirm", "note": "同意销号"}
    return call(street.leader, hazard, "confirmations", phone.clock, **fields)


def _refuse(phone: Phone, street: Street) -> Call:
    hazard = _awaiting(phone, street)
    phone.clock.move(days=90)
    return call(street.leader, hazard, "confirmations", phone.clock, base_version=hazard["version"], decision="refuse")


def _secure(phone: Phone, street: Street) -> Call:
    hazard = phone.report(finding_code="EV-003", severity="general")
    return call(street.inspector, hazard, "interim-measures", phone.clock, measures="专人看守，停用电气设备")


def _determine(verdict: str) -> Doing:
    def doing(phone: Phone, street: Street) -> Call:
        hazard = phone.report(finding_code="EV-003", severity="general")
        return call(street.leader, hazard, "determinations", phone.clock, **_judgement(hazard, verdict))

    return doing


PLAIN = {
    "a fail": _fail,
    "a fail after a claim": _fail_after_claim,
    "a fail by a stopped clock": _fail_with_a_stopped_clock,
    "a fail by an officer": _fail_by_an_officer,
    "a close-out confirmed": _confirm,
    "a close-out refused": _refuse,
    "interim measures": _secure,
    "determined major": _determine("major"),
    "determined general": _determine("general"),
}


class TestBothRoads:
    """The same action, alone on the route's own road and through the lane."""

    @pytest.mark.parametrize("name", PLAIN)
    def test_write_the_same_rows_and_answer_the_same(
        self, name: str, phone: Phone, street: Street, runtime: Runtime, connection: Connection
    ) -> None:
        by_route, by_lane = on_both_roads("actions", runtime, connection, [PLAIN[name](phone, street)])
        assert by_route[0][0][0] == 201, by_route[0]
        assert by_route == by_lane

    def test_in_company_as_alone(self, phone: Phone, street: Street, runtime: Runtime, connection: Connection) -> None:
        calls = [PLAIN[name](phone, street) for name in ("a fail", "a fail by an officer", "interim measures")]
        by_route, by_lane = on_both_roads("actions", runtime, connection, calls)
        assert by_route == by_lane


@pytest.fixture
def counter(committed_runtime: Runtime) -> Counter:
    return Counter(committed_runtime, "actions")


class TestTogether:
    def test_each_gets_its_own_answer(self, counter: Counter, racers: Street, racing_phone: Phone) -> None:
        """Done, refused, and not plain at all, in one go."""
        phone, street = racing_phone, racers
        good = [fail(phone, street.inspector, phone.report()), fail(phone, street.other_inspector, phone.report())]
        hazard, waiting, open_one = (phone.report() for _ in range(3))
        assert phone.ask_void(street.office, waiting).status_code == 201
        nobody = Person(uuid4(), {"Authorization": "Bearer nonsense"})
        secured = {"measures": "专人看守"}
        others = [
            (fail(phone, street.stranger, hazard), 404, "not-found"),
            (fail(phone, street.leader, hazard), 403, "forbidden"),
            (fail(phone, nobody, hazard), 401, "token-unknown"),
            (fail(phone, street.inspector, hazard, base_round=2), 409, "other-round"),
            (fail(phone, street.inspector, hazard, reason_code=None), 422, "reason-missing"),
            (fail(phone, street.inspector, hazard, reason_code="?"), 422, "unknown-value"),
            (fail(phone, street.inspector, waiting), 201, None),
            (call(street.office, hazard, "comments", phone.clock, note="已电话催办"), 201, None),
            (call(street.inspector, open_one, "confirmations", phone.clock, decision="confirm"), 403, "forbidden"),
            (call(street.inspector, {"id": uuid4()}, "interim-measures", phone.clock, **secured), 404, "not-found"),
        ]
        sent = [*good, *(one for one, *_ in others)]
        answers = counter.send(sent)
        assert [answer.status_code for answer in answers[:2]] == [201, 201]
        assert [(answer.status_code, answer.json().get("code")) for answer in answers[2:]] == [
            (status, code) for _, status, code in others
        ]
        assert counter.taken() == 2
        for one, answer in zip(sent, answers, strict=True):
            again = phone.client.post(one.path, json=one.body, headers=one.person.headers)
            if answer.status_code == 201:
                assert (again.status_code, again.text) == (200, answer.text)
            else:
                assert again.status_code == answer.status_code

    def test_sent_twice_at_once(self, counter: Counter, racers: Street, racing_phone: Phone) -> None:
        answers = counter.send([fail(racing_phone, racers.inspector, racing_phone.report())] * 3)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert len({answer.text for answer in answers}) == 1

    def test_an_action_that_has_served_is_told_so(self, counter: Counter, racers: Street, racing_phone: Phone) -> None:
        phone = racing_phone
        first = fail(phone, racers.inspector, phone.report())
        assert phone.client.post(first.path, json=first.body, headers=first.person.headers).status_code == 201
        other = fail(phone, racers.inspector, phone.report(), id=first.body["id"])
        good = fail(phone, racers.inspector, phone.report())
        answers = counter.send([first, other, good])
        assert [answer.status_code for answer in answers] == [200, 409, 201]
        assert answers[1].json()["code"] == "action-id-reused"

    def test_several_on_one_hazard_go_one_after_another(
        self, counter: Counter, racers: Street, racing_phone: Phone
    ) -> None:
        """Each raises the version once; the second fails of a round meets the next round."""
        phone, hazard = racing_phone, racing_phone.report()
        measures = [
            call(racers.inspector, hazard, "interim-measures", phone.clock, measures=f"专人看守 {n}") for n in range(4)
        ]
        fails = [fail(phone, racers.inspector, hazard), fail(phone, racers.other_inspector, hazard)]
        answers = counter.send([*measures, *fails])
        assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409]
        versions = [answer.json()["hazard"]["version"] for answer in answers if answer.status_code == 201]
        assert sorted(versions) == list(range(hazard["version"] + 1, hazard["version"] + 6))
        assert phone.read(hazard["id"])["round"] == 2

    def test_a_crowd_on_few_hazards(self, counter: Counter, racers: Street, racing_phone: Phone) -> None:
        """Two threads of the lane and the route at once: ids used twice, requests to void in between, another street.

        Each accepted action has its event and raised its hazard's version once; nobody gets a fault of ours.
        """
        phone = racing_phone
        hazards = [phone.report() for _ in range(4)]
        people = [racers.inspector, racers.other_inspector, racers.officer]
        secured = {"measures": "专人看守"}
        sent = [
            call(people[n % 3], hazards[n % 4], "interim-measures", phone.clock, **secured, note=str(n))
            for n in range(24)
        ]
        sent += [fail(phone, people[n % 3], hazards[n % 4]) for n in range(8)]
        sent += [fail(phone, people[1], hazards[n], id=sent[-8 + n].body["id"]) for n in range(4)]
        sent += [call(racers.stranger, hazard, "interim-measures", phone.clock, **secured) for hazard in hazards]
        asking = {"base_version": hazards[0]["version"], "reason": "重复录入"}
        sent += [call(racers.office, hazard, "voids", phone.clock, **asking) for hazard in hazards]
        answers = counter.send(sent)
        assert {answer.status_code for answer in answers} <= {200, 201, 404, 409, 412}
        assert counter.taken() >= 4
        for hazard in hazards:
            done = [
                answer.json()["hazard"]["version"]
                for one, answer in zip(sent, answers, strict=True)
                if answer.status_code == 201 and hazard["id"] in one.path
            ]
            timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline?limit=200", headers=people[0].headers).json()
            raised = [event["version"] for event in timeline["items"] if event["version"] > hazard["version"]]
            assert raised == list(range(hazard["version"] + 1, phone.read(hazard["id"])["version"] + 1))
            assert len(set(done)) == len(done)
            assert set(done) <= set(raised)

    def test_the_district_gets_each_as_a_commit_of_its_own(
        self, counter: Counter, racers: Street, racing_phone: Phone
    ) -> None:
        phone, machine = racing_phone, racers.people["machine"]
        hazards = [phone.report() for _ in range(3)]
        before = Puller(phone.client, machine).pull()[-1]["position"]
        answers = counter.send([fail(phone, racers.inspector, hazard) for hazard in hazards])
        assert [answer.status_code for answer in answers] == [201] * 3
        assert counter.taken() == 3
        items = [item for item in Puller(phone.client, machine).pull(limit=2) if item["position"] > before]
        assert [(item["type"], item["commit_last"]) for item in items] == [("hazard", True)] * 3
        assert {(item["id"], item["version"]) for item in items} == {
            (hazard["id"], hazard["version"] + 1) for hazard in hazards
        }

    def test_who_holds_a_hazard_holds_up_nobody_else(
        self, counter: Counter, racers: Street, racing_phone: Phone, committed_runtime: Runtime
    ) -> None:
        if committed_runtime.db.dialect == "sqlite":
            pytest.skip("one writer at a time")
        hazards = [racing_phone.report() for _ in range(4)]
        sent = [fail(racing_phone, racers.inspector, hazard) for hazard in hazards]
        with committed_runtime.db.write() as session:
            _lock(session, hazards[3]["id"])
            answers = counter.send(sent, first=3, then=session.rollback)
        assert [answer.status_code for answer in answers] == [201] * 4


def _lock(session: Session, hazard_id: str) -> None:
    session.get_one(Hazard, UUID(hazard_id), with_for_update=True)
