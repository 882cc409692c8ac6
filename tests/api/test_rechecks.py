"""Re-inspections done on the same visit: each answered on its own, none makes the submission fail.

Source: contract.md, «Submission»; lifecycle.md, «Patrol or administrative inspection».
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import Connection, select
from sqlmodel import Session

from app.models import Feed, HazardEvent, HazardPhoto, Outbox
from tests.factories import Person, Shot, Street, found, shoot, visit
from tests.phone import Phone


def recheck(hazard: dict[str, Any], *photo_ids: str, **changes: Any) -> dict[str, Any]:
    """A pass of ``hazard`` with these photos."""
    return {
        "action_id": str(uuid4()),
        "hazard_id": hazard["id"],
        "base_round": hazard["round"],
        "result": "pass",
        "photo_ids": list(photo_ids),
    } | changes


def failed(hazard: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A fail of ``hazard`` with a reason."""
    return recheck(hazard, result="fail", reason_code="no_access", **changes)


def send(phone: Phone, person: Person, *rechecks: dict[str, Any], shots: Sequence[Shot] = ()) -> Any:
    body = visit(phone.street.shop.id, phone.clock(), hazards=[], shots=list(shots), rechecks=list(rechecks))
    answer = phone.submit(person, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def reinspect_as_refused(phone: Phone, person: Person, refused: dict[str, Any]) -> httpx2.Response:
    """What the phone sends later for a refused recheck: the same id, by the other door."""
    fields = {name: refused[name] for name in ("base_round", "result", "photo_ids") if name in refused}
    return phone.act(person, refused["hazard_id"], "reinspections", id=refused["action_id"], **fields)


class TestAccepted:
    def test_passes_and_fails_of_one_visit(self, phone: Phone, street: Street) -> None:
        first, second = phone.report(), phone.report()
        shot = shoot("after", at=phone.clock())
        phone.upload(street.other_inspector, shot)
        wanted = [recheck(first, shot.id), failed(second, note="仍有杂物")]
        answer = send(phone, street.other_inspector, *wanted, shots=[shot])
        assert [(told["outcome"], told["problem"]) for told in answer["rechecks"]] == [("accepted", None)] * 2
        assert [told["action_id"] for told in answer["rechecks"]] == [one["action_id"] for one in wanted]
        closed, again = phone.read(first["id"]), phone.read(second["id"])
        assert (closed["status"], closed["close_reason"], len(closed["photos"])) == ("closed", "rectified", 2)
        assert (again["status"], again["round"]) == ("rectifying", 2)

    def test_it_happened_at_the_visit(self, phone: Phone, street: Street, clock: Any) -> None:
        hazard = phone.report()
        clock.move(hours=2)
        done_at = phone.clock()
        body = visit(street.shop.id, done_at, hazards=[], shots=[], rechecks=[failed(hazard)])
        clock.move(hours=3)
        assert phone.submit(street.other_inspector, body).json()["rechecks"][0]["outcome"] == "accepted"
        events = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()["items"]
        assert (events[-1]["occurred_at"], events[-1]["recorded_at"]) == (
            "2026-11-24T04:00:00.000000Z",
            "2026-11-24T07:00:00.000000Z",
        )
        assert events[-1]["id"] == body["rechecks"][0]["action_id"]

    def test_ones_own_report_waits_for_a_second_person(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        photo = phone.stored(street.inspector)
        send(phone, street.inspector, recheck(hazard, photo))
        assert phone.read(hazard["id"])["status"] == "awaiting_confirmation"

    def test_everything_is_told_to_the_district(self, phone: Phone, street: Street, connection: Connection) -> None:
        hazard, shot = phone.report(), shoot("after", at=phone.clock())
        phone.upload(street.other_inspector, shot)
        answer = send(phone, street.other_inspector, recheck(hazard, shot.id), shots=[shot])
        told = {
            (row.type, str(row.object_id), row.version)
            for table in (Outbox, Feed)
            for row in connection.execute(select(table.type, table.object_id, table.version))
        }
        assert {("inspection", answer["id"], 1), ("photo", shot.id, 2), ("hazard", hazard["id"], 3)} <= told

    def test_again_word_for_word(self, phone: Phone, street: Street) -> None:
        hazard, photo = phone.report(), phone.stored(street.other_inspector)
        inspection_id, now = str(uuid4()), phone.clock()
        body = visit(street.shop.id, now, hazards=[], shots=[], rechecks=[recheck(hazard, photo)])
        first = phone.submit(street.other_inspector, body, inspection_id)
        again = phone.submit(street.other_inspector, body, inspection_id)
        assert (first.status_code, again.status_code, again.text) == (201, 200, first.text)
        assert phone.read(hazard["id"])["version"] == hazard["version"] + 1

    def test_a_hazard_found_on_the_same_visit(self, phone: Phone, street: Street) -> None:
        """Found and looked at again at once: the answer tells how it stands."""
        now, shot, after = phone.clock(), shoot(at=phone.clock()), phone.stored(street.inspector)
        hazard = found([shot], now)
        body = visit(street.shop.id, now, hazards=[hazard], shots=[shot])
        body["rechecks"] = [recheck({"id": hazard["id"], "round": 1}, after)]
        answer = phone.submit(street.inspector, body).json()
        assert answer["rechecks"][0]["outcome"] == "accepted"
        read = phone.read(hazard["id"])
        told = answer["hazards"][0]
        assert (told["status"], told["version"]) == (read["status"], read["version"])

    def test_what_it_found_and_looked_at_is_told_once(
        self, phone: Phone, street: Street, connection: Connection
    ) -> None:
        now, shots = phone.clock(), [shoot(role, at=phone.clock()) for role in ("before", "after")]
        for shot in shots:
            phone.upload(street.inspector, shot)
        hazard = found(shots, now)
        body = visit(street.shop.id, now, hazards=[hazard], shots=shots)
        body["rechecks"] = [failed({"id": hazard["id"], "round": 1})]
        assert phone.submit(street.inspector, body).json()["rechecks"][0]["outcome"] == "accepted"
        told = Counter(
            (row.type, row.object_id, row.version)
            for table in (Outbox, Feed)
            for row in connection.execute(select(table.type, table.object_id, table.version))
        )
        assert max(told.values()) == 1


class TestRefused:
    """Answered with its reason; nothing of it is stored; the rest of the visit is."""

    def cases(self, phone: Phone, street: Street) -> dict[str, tuple[dict[str, Any], str]]:
        hazard, closed = phone.report(), phone.report()
        assert phone.reinspect(street.officer, closed).status_code == 201
        return {
            "not there": (recheck({"id": str(uuid4()), "round": 1}, phone.stored(street.other_inspector)), "not-found"),
            "another round": (recheck(hazard, phone.stored(street.other_inspector), base_round=2), "other-round"),
            "no photo": (recheck(hazard), "evidence-missing"),
            "photo not sent": (recheck(hazard, str(uuid4())), "photo-missing"),
            "no reason": (recheck(hazard, result="fail"), "reason-missing"),
            "closed": (recheck(closed, phone.stored(street.other_inspector)), "illegal-action"),
        }

    @pytest.mark.parametrize(
        "case", ["not there", "another round", "no photo", "photo not sent", "no reason", "closed"]
    )
    def test_by_name(self, phone: Phone, street: Street, session: Session, case: str) -> None:
        wanted, code = self.cases(phone, street)[case]
        before = len(session.execute(select(HazardEvent.id)).all()), len(session.execute(select(HazardPhoto)).all())
        answer = send(phone, street.other_inspector, wanted)
        told = answer["rechecks"][0]
        assert (told["outcome"], told["problem"]["code"]) == ("refused", code)
        assert told["problem"]["retryable"] is (code == "photo-missing")
        after = len(session.execute(select(HazardEvent.id)).all()), len(session.execute(select(HazardPhoto)).all())
        assert after == before
        assert phone.client.get(f"/inspections/{answer['id']}", headers=street.office.headers).status_code == 200

    def test_a_hazard_of_another_street(self, phone: Phone, street: Street) -> None:
        shot, now = shoot(at=phone.clock()), phone.clock()
        far = found([shot], now)
        phone.submit(street.stranger, visit(street.other_shop.id, now, hazards=[far], shots=[shot]))
        photo = phone.stored(street.inspector)
        answer = send(phone, street.inspector, recheck({"id": far["id"], "round": 1}, photo))
        nowhere = send(phone, street.inspector, recheck({"id": str(uuid4()), "round": 1}, photo))
        assert answer["rechecks"][0]["problem"] == nowhere["rechecks"][0]["problem"]
        assert answer["rechecks"][0]["problem"]["code"] == "not-found"

    def test_bytes_that_served_before(self, phone: Phone, street: Street) -> None:
        hazard, used = phone.report(), shoot("after", at=phone.clock())
        other = phone.report()
        phone.upload(street.other_inspector, used)
        assert phone.claim(street.other_inspector, other, photo_ids=[used.id]).status_code == 201
        copy = shoot("after", at=phone.clock(), content=used.content)
        phone.upload(street.other_inspector, copy)
        answer = send(phone, street.other_inspector, recheck(hazard, copy.id), shots=[copy])
        assert answer["rechecks"][0]["problem"]["code"] == "photo-reused"

    def test_one_refused_leaves_the_others(self, phone: Phone, street: Street) -> None:
        first, second, third = phone.report(), phone.report(), phone.report()
        photos = [phone.stored(street.other_inspector) for _ in range(3)]
        now, shot = phone.clock(), shoot(at=phone.clock())
        hazard = found([shot], now)
        body = visit(street.shop.id, now, hazards=[hazard], shots=[shot])
        body["rechecks"] = [
            recheck(first, photos[0]),
            recheck(second, photos[1], base_round=9),
            recheck(third, photos[2]),
        ]
        answer = phone.submit(street.other_inspector, body).json()
        assert [told["outcome"] for told in answer["rechecks"]] == ["accepted", "refused", "accepted"]
        statuses = [phone.read(one["id"])["status"] for one in (first, second, third, hazard)]
        assert statuses == ["closed", "rectifying", "closed", "rectifying"]

    def test_the_same_hazard_twice(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        photos = [phone.stored(street.other_inspector) for _ in range(2)]
        answer = send(phone, street.other_inspector, *(recheck(hazard, photo) for photo in photos))
        assert [told["outcome"] for told in answer["rechecks"]] == ["accepted", "refused"]
        assert answer["rechecks"][1]["problem"]["code"] == "illegal-action"

    def test_it_comes_again_by_the_other_door(self, phone: Phone, street: Street) -> None:
        """A declared photo that was late is the whole reason; the same id is then accepted, and replayed."""
        hazard, shot = phone.report(), shoot("after", at=phone.clock())
        wanted = recheck(hazard, shot.id)
        answer = send(phone, street.other_inspector, wanted, shots=[shot])
        assert answer["rechecks"][0]["problem"]["code"] == "photo-missing"
        assert phone.upload(street.other_inspector, shot).status_code == 201
        first = reinspect_as_refused(phone, street.other_inspector, wanted)
        again = reinspect_as_refused(phone, street.other_inspector, wanted)
        assert (first.status_code, again.status_code, again.text) == (201, 200, first.text)
        assert first.json()["hazard"]["status"] == "closed"

    def test_an_accepted_one_does_not(self, phone: Phone, street: Street) -> None:
        hazard, photo = phone.report(), phone.stored(street.other_inspector)
        wanted = recheck(hazard, photo)
        send(phone, street.other_inspector, wanted)
        answer = reinspect_as_refused(phone, street.other_inspector, wanted)
        assert (answer.status_code, answer.json()["code"]) == (409, "action-id-reused")

    def test_an_action_id_in_use(self, phone: Phone, street: Street) -> None:
        hazard, other = phone.report(), phone.report()
        claimed = phone.claim(street.other_inspector, other).json()
        answer = send(
            phone,
            street.other_inspector,
            failed(hazard, action_id=claimed["event_id"]),
        )
        assert answer["rechecks"][0]["problem"]["code"] == "action-id-reused"
        assert phone.read(hazard["id"])["round"] == 1

    def test_a_refused_ones_photo_is_no_news_for_the_district(
        self, phone: Phone, street: Street, connection: Connection
    ) -> None:
        hazard, shot = phone.report(), shoot("after", at=phone.clock())
        answer = send(phone, street.other_inspector, recheck(hazard, shot.id), shots=[shot])
        told = [
            json.loads(data)["photos"]
            for table in (Outbox, Feed)
            for data in connection.execute(select(table.data).where(table.object_id == UUID(answer["id"]))).scalars()
        ]
        assert told == [[]]

    def test_a_refused_ones_photo_stays_with_its_uploader(self, phone: Phone, street: Street) -> None:
        hazard, shot = phone.report(), shoot("after", at=phone.clock())
        phone.upload(street.other_inspector, shot)
        answer = send(phone, street.other_inspector, recheck(hazard, shot.id, base_round=5), shots=[shot])
        assert answer["rechecks"][0]["outcome"] == "refused"
        for person, status in ((street.other_inspector, 200), (street.office, 404), (street.inspector, 404)):
            assert phone.client.get(f"/photos/{shot.id}", headers=person.headers).status_code == status
        seen = {
            person.id: [
                photo["id"]
                for photo in phone.client.get(f"/inspections/{answer['id']}", headers=person.headers).json()["photos"]
            ]
            for person in (street.other_inspector, street.office)
        }
        assert seen == {street.other_inspector.id: [shot.id], street.office.id: []}
