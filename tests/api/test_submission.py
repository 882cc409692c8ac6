"""``PUT /inspections/{id}``: a visit with its findings, all or nothing. Source: contract.md, «Submission»."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, update
from sqlmodel import Session

from app.jobs.worker import drain
from app.models import Feed, Hazard, Inspection, Outbox, Photo, Premises, User, UserArea
from app.services.runtime import Runtime
from tests.api.conftest import Unchanged
from tests.conftest import FakeClock
from tests.factories import Person, Shot, found, instant, shoot, visit
from tests.phone import Phone

Refused = Callable[[httpx2.Response, int, str], None]


def visit_with(phone: Phone, *findings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A visit with one hazard and one photo of its own for each of ``findings``."""
    now = phone.clock()
    shots = [shoot(at=now) for _ in findings]
    hazards = [found([shot], now, **finding) for shot, finding in zip(shots, findings, strict=True)]
    return visit(phone.street.shop.id, now, hazards=hazards, shots=shots) | changes


def accepted(phone: Phone, body: dict[str, Any], person: Person | None = None) -> dict[str, Any]:
    answer = phone.submit(person or phone.street.inspector, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def history(phone: Phone, hazard_id: str) -> list[dict[str, Any]]:
    """The hazard's events, oldest first."""
    answer = phone.client.get(f"/hazards/{hazard_id}/timeline", headers=phone.street.office.headers)
    events: list[dict[str, Any]] = answer.json()["items"]
    return events


class TestAnswer:
    def test_what_is_accepted(self, phone: Phone) -> None:
        body = visit_with(phone, {}, {"finding_code": "FD-002", "text": None})
        inspection_id = str(uuid4())
        answer = phone.submit(phone.street.inspector, body, inspection_id).json()
        assert (answer["id"], answer["received_at"]) == (inspection_id, "2026-11-24T02:00:00.000000Z")
        assert [hazard["id"] for hazard in answer["hazards"]] == [hazard["id"] for hazard in body["hazards"]]
        assert [(hazard["version"], hazard["status"]) for hazard in answer["hazards"]] == [(1, "rectifying")] * 2
        assert [hazard["due_on"] for hazard in answer["hazards"]] == ["2026-11-24", "2026-12-01"]
        assert answer["rechecks"] == []
        for hazard in answer["hazards"]:
            read = phone.read(hazard["id"])
            assert all(read[name] == hazard[name] for name in hazard)

    def test_numbers(self, phone: Phone, clock: FakeClock) -> None:
        first = accepted(phone, visit_with(phone, {}, {}))
        second = accepted(phone, visit_with(phone, {}), phone.street.other_inspector)
        far = visit_with(phone, {}, premises_id=str(phone.street.other_shop.id))
        third = accepted(phone, far, phone.street.stranger)
        clock.move(days=60)
        fourth = accepted(phone, visit_with(phone, {}))
        hazards = [hazard["number"] for answer in (first, second, third, fourth) for hazard in answer["hazards"]]
        shapes = ["320106011-2026"] * 3 + ["320106012-2026", "320106011-2027"]
        assert all(re.fullmatch(rf"YH-{shape}-\d{{6,}}", number) for shape, number in zip(shapes, hazards, strict=True))
        visits = [answer["number"] for answer in (first, second, third, fourth)]
        assert all(re.fullmatch(r"JC-32010601[12]-202[67]-\d{6,}", number) for number in visits)
        assert len({*hazards, *visits}) == 9

    def test_a_visit_without_a_finding(self, phone: Phone) -> None:
        answer = accepted(phone, visit_with(phone))
        assert answer["hazards"] == []
        assert accepted(phone, visit_with(phone))["number"] != answer["number"]

    def test_more_findings_than_a_block_of_numbers(self, phone: Phone) -> None:
        answer = accepted(phone, visit_with(phone, *[{}] * 60))
        assert len({hazard["number"] for hazard in answer["hazards"]}) == 60

    def test_it_can_be_read(self, phone: Phone, refused: Refused) -> None:
        street, body = phone.street, visit_with(phone, {}, note="巡查", device_seq=4711, offset_ms=-1200)
        locked = {"item_no": 2, "result": "not_checked", "reason": "门锁着"}
        body |= answered(locked, {"item_no": 1, "result": "pass"})
        answer = accepted(phone, body)
        read = phone.client.get(f"/inspections/{answer['id']}", headers=street.leader.headers)
        assert read.headers["etag"] == '"1"'
        told = read.json()
        assert told["missing_photos"] == [body["photos"][0]["id"]]
        assert (told["note"], told["device_seq"], told["offset_ms"]) == ("巡查", 4711, -1200)
        assert [item["item_no"] for item in told["answers"]] == [1, 2]
        assert told["started_at"] == instant(phone.clock(), minutes=-20, milliseconds=-1200)
        refused(phone.client.get(f"/inspections/{answer['id']}", headers=street.stranger.headers), 404, "not-found")
        listed = phone.client.get("/inspections", headers=street.leader.headers).json()["items"]
        assert [(item["id"], item["hazard_count"]) for item in listed] == [(answer["id"], 1)]


class TestReplay:
    @pytest.mark.parametrize("became", ["the same", "office", "auditor", "moved", "nowhere"])
    def test_word_for_word(self, phone: Phone, session: Session, clock: FakeClock, became: str) -> None:
        inspector, inspection_id, body = phone.street.inspector, str(uuid4()), visit_with(phone, {})
        first = phone.submit(inspector, body, inspection_id)
        phone.reinspect(phone.street.other_inspector, phone.read(body["hazards"][0]["id"]))
        clock.move(days=3)
        works = update(UserArea).where(UserArea.user_id == inspector.id)
        if became in {"office", "auditor"}:
            session.execute(update(User).where(User.id == inspector.id).values(role=became))
        if became == "moved":
            session.execute(works.values(area_id=phone.street.other_street.id))
        if became == "nowhere":
            session.execute(works.values(valid_to=works.table.c.valid_from))
        session.commit()
        again = phone.submit(inspector, body, inspection_id)
        assert (first.status_code, again.status_code, again.text) == (201, 200, first.text)

    def test_in_any_order_of_keys(self, phone: Phone) -> None:
        inspection_id, body = str(uuid4()), visit_with(phone, {})
        first = phone.submit(phone.street.inspector, body, inspection_id)
        turned = dict(reversed(body.items()))
        again = phone.submit(phone.street.inspector, turned, inspection_id)
        assert (again.status_code, again.text) == (200, first.text)

    def test_nothing_more_is_stored(self, phone: Phone, unchanged: Unchanged) -> None:
        inspection_id, body = str(uuid4()), visit_with(phone, {}, {})
        phone.submit(phone.street.inspector, body, inspection_id)
        with unchanged():
            assert phone.submit(phone.street.inspector, body, inspection_id).status_code == 200


class TestReceipt:
    def verify(self, phone: Phone, receipt: dict[str, str], signed: str) -> None:
        keys = phone.client.get("/receipt-keys").json()["items"]
        key = next(key for key in keys if key["key_id"] == receipt["key_id"])
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"]))
        public.verify(base64.b64decode(receipt["signature"]), signed.encode())

    def test_it_proves_what_was_sent(self, phone: Phone) -> None:
        body = visit_with(phone, {}, {})
        answer = accepted(phone, body)
        receipt = answer["receipt"]
        self.verify(phone, receipt, receipt["signed"])
        as_sent = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert json.loads(receipt["signed"]) == {
            "id": answer["id"],
            "content_sha256": hashlib.sha256(as_sent).hexdigest(),
            "photo_sha256": sorted(photo["sha256"] for photo in body["photos"]),
            "received_at": answer["received_at"],
        }

    def test_it_proves_nothing_else(self, phone: Phone) -> None:
        receipt = accepted(phone, visit_with(phone, {}))["receipt"]
        with pytest.raises(InvalidSignature):
            self.verify(phone, receipt, receipt["signed"].replace("2026-11-24", "2026-11-23"))


class TestPlaceNotInTheRegister:
    def body(self, phone: Phone, **changes: Any) -> dict[str, Any]:
        place = {"id": str(uuid4()), "name": "老李麻辣烫", "kind": "restaurant", "address": "建宁路8号"}
        place |= {"area_id": str(phone.street.community.id)} | changes
        body = visit_with(phone, {}) | {"premises": place}
        del body["premises_id"]
        return body

    def test_it_is_kept_as_unregistered(self, phone: Phone, session: Session) -> None:
        body = self.body(phone)
        accepted(phone, body)
        place = session.get_one(Premises, UUID(body["premises"]["id"]))
        assert (place.status, place.registered_by_id) == ("unregistered", phone.street.inspector.id)
        hazard = phone.read(body["hazards"][0]["id"])
        assert hazard["premises"] == {"id": str(place.id), "name": "老李麻辣烫", "kind": "restaurant"}
        answer = phone.client.get(f"/premises/{place.id}", headers=phone.street.office.headers)
        assert answer.json()["status"] == "unregistered"

    def test_the_district_is_told(self, phone: Phone, session: Session) -> None:
        body = self.body(phone)
        accepted(phone, body)
        told = [
            (row.type, str(row.object_id))
            for table in (Outbox, Feed)
            for row in session.execute(select(table.type, table.object_id))
        ]
        assert ("premises", body["premises"]["id"]) in told

    def test_the_next_visit_names_it(self, phone: Phone) -> None:
        body = self.body(phone)
        accepted(phone, body)
        assert accepted(phone, visit_with(phone, {}, premises_id=body["premises"]["id"]))["hazards"]

    def test_a_refused_visit_leaves_no_place(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        body = self.body(phone)
        body["hazards"][0]["finding_code"] = "EV-999"
        assert phone.street.inspector
        with unchanged():
            refused(phone.submit(phone.street.inspector, body), 422, "unknown-finding")


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such finding": ({"finding_code": "ZZ-001"}, "unknown-finding", "/hazards/1/finding_code"),
    "nothing said": ({"finding_code": None, "text": None}, "finding-incomplete", "/hazards/1/text"),
    "no such category": ({"finding_code": None, "category_zh": "天气"}, "unknown-category", "/hazards/1/category_zh"),
    "no photo": ({"photo_ids": []}, "before-photo-missing", "/hazards/1/photo_ids"),
    "a photo not declared": ({"photo_ids": [str(uuid4())]}, "unknown-photo", "/hazards/1/photo_ids"),
    "fixed without after-photo": ({"fixed_on_site": True}, "after-photo-missing", "/hazards/1/photo_ids"),
}


def answered(*answers: dict[str, Any]) -> dict[str, Any]:
    """Answers to the market's checklist."""
    return {"checklist": {"code": "CL-MARKET", "version": 1}, "answers": list(answers)}


class TestAllOrNothing:
    @pytest.mark.parametrize(("change", "code", "pointer"), REFUSED.values(), ids=REFUSED)
    def test_one_bad_hazard_and_nothing_is_stored(
        self, phone: Phone, unchanged: Unchanged, change: dict[str, Any], code: str, pointer: str
    ) -> None:
        body, inspector = visit_with(phone, {}, change, {}), phone.street.inspector
        with unchanged():
            answer = phone.submit(inspector, body)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["errors"][0]["pointer"] == pointer

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"kind": "admin_inspection"}, "kind-not-allowed"),
            ({"checklist": {"code": "CL-NONE", "version": 1}}, "unknown-checklist"),
            ({"checklist": {"code": "CL-MARKET", "version": 2}}, "unknown-checklist"),
            ({"answers": [{"item_no": 1, "result": "pass"}]}, "unknown-checklist"),
            (answered({"item_no": 21, "result": "pass"}), "unknown-checklist"),
            (answered({"item_no": 1, "result": "pass"}, {"item_no": 1, "result": "fail"}), "duplicate-id"),
            (answered({"item_no": 1, "result": "not_checked"}), "invalid-value"),
            (answered({"item_no": 1, "result": "fail", "photo_ids": [str(uuid4())]}), "unknown-photo"),
            ({"inspector_ids": [str(uuid4())]}, "unknown-inspector"),
        ],
    )
    def test_a_bad_visit(self, phone: Phone, refused: Refused, unchanged: Unchanged, changes: Any, code: str) -> None:
        body, inspector = visit_with(phone, {}, **changes), phone.street.inspector
        with unchanged():
            refused(phone.submit(inspector, body), 422, code)

    def test_a_hazard_twice(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        body, inspector = visit_with(phone, {}, {}), phone.street.inspector
        body["hazards"][1]["id"] = body["hazards"][0]["id"]
        with unchanged():
            refused(phone.submit(inspector, body), 422, "duplicate-id")

    def test_colleagues_are_of_the_street(self, phone: Phone, session: Session, refused: Refused) -> None:
        street = phone.street
        for colleague in (street.other_inspector, street.officer, street.inspector):
            accepted(phone, visit_with(phone, inspector_ids=[str(colleague.id)]))
        for other in (street.office, street.leader, street.stranger):
            answer = phone.submit(street.inspector, visit_with(phone, inspector_ids=[str(other.id)]))
            refused(answer, 422, "unknown-inspector")
        session.execute(update(User).where(User.id == street.other_inspector.id).values(is_active=False))
        session.commit()
        answer = phone.submit(street.inspector, visit_with(phone, inspector_ids=[str(street.other_inspector.id)]))
        refused(answer, 422, "unknown-inspector")

    def test_one_who_left_the_street_is_no_colleague(self, phone: Phone, session: Session, refused: Refused) -> None:
        street = phone.street
        gone, today = street.other_inspector, phone.clock().date()
        for days, status in ((30, 201), (31, 422)):
            last = today - timedelta(days=days)
            session.execute(update(UserArea).where(UserArea.user_id == gone.id).values(valid_to=last))
            session.commit()
            answer = phone.submit(street.inspector, visit_with(phone, inspector_ids=[str(gone.id)]))
            assert answer.status_code == status
        refused(answer, 422, "unknown-inspector")

    def test_officers_inspect_in_the_legal_sense(self, phone: Phone) -> None:
        accepted(phone, visit_with(phone, {}, kind="admin_inspection"), phone.street.officer)


class TestFindings:
    def test_a_code_gives_text_category_and_severity(self, phone: Phone) -> None:
        hazard = phone.report(finding_code="FD-002", text=None, severity=None)
        assert hazard["text"].startswith("防火门损坏")
        assert (hazard["category_zh"], hazard["severity"], hazard["flags"]) == ("防火分隔", "general", [])

    def test_ones_own_text_stays(self, phone: Phone) -> None:
        assert phone.report(finding_code="FD-002", text="一楼防火门关不上")["text"] == "一楼防火门关不上"

    @pytest.mark.parametrize(
        ("stated", "becomes", "flags"),
        [
            ("general", "suspected_major", ["severity_raised", "interim_measures_missing"]),
            (None, "suspected_major", ["interim_measures_missing"]),
            ("suspected_major", "suspected_major", ["interim_measures_missing"]),
            ("major", "suspected_major", ["interim_measures_missing"]),
        ],
    )
    def test_severity_is_the_catalogues_at_least(
        self, phone: Phone, stated: str | None, becomes: str, flags: list[str]
    ) -> None:
        hazard = phone.report(finding_code="EV-003", severity=stated)
        assert (hazard["severity"], hazard["flags"]) == (becomes, flags)

    def test_a_general_finding_may_be_suspected(self, phone: Phone) -> None:
        hazard = phone.report(finding_code="FD-002", severity="suspected_major", interim_measures="专人值守")
        assert (hazard["severity"], hazard["flags"]) == ("suspected_major", [])

    @pytest.mark.parametrize(("code", "missing"), [("FD-002", False), ("FD-004", False), ("FD-005", True)])
    def test_terms_over_fifteen_days_need_measures(self, phone: Phone, code: str, missing: bool) -> None:
        assert ("interim_measures_missing" in phone.report(finding_code=code)["flags"]) is missing

    def test_a_finding_without_a_code(self, phone: Phone) -> None:
        hazard = phone.report(finding_code=None, text="电线私拉", category_zh="电气线路", severity="major")
        assert (hazard["finding_code"], hazard["severity"], hazard["category_zh"]) == (
            None,
            "suspected_major",
            "电气线路",
        )

    def test_the_answers_photos_are_kept(self, phone: Phone, session: Session) -> None:
        now, shot = phone.clock(), shoot("overview", at=phone.clock())
        body = visit(phone.street.shop.id, now, hazards=[], shots=[shot])
        body |= answered({"item_no": 1, "result": "fail", "reason": "控制柜在手动位", "photo_ids": [shot.id]})
        accepted(phone, body)
        assert session.get_one(Photo, UUID(shot.id)).named_at == now


class TestDates:
    @pytest.mark.parametrize(
        ("found_at", "found_on", "due_on"),
        [
            ("2026-11-23T23:59:59+08:00", "2026-11-23", "2026-11-30"),
            ("2026-11-24T00:00:00+08:00", "2026-11-24", "2026-12-01"),
            ("2026-11-24T07:59:59+08:00", "2026-11-24", "2026-12-01"),
            ("2026-11-24T08:00:00+08:00", "2026-11-24", "2026-12-01"),
            ("2026-11-14T12:00:00+08:00", "2026-11-14", "2026-11-23"),
        ],
        ids=["23:59", "00:00", "07:59", "08:00", "ends on a Saturday"],
    )
    def test_the_day_it_was_found_in_shanghai(self, phone: Phone, found_at: str, found_on: str, due_on: str) -> None:
        hazard = phone.report(finding_code="FD-002", found_at=found_at)
        assert (hazard["found_on"], hazard["due_on"], hazard["original_due_on"]) == (found_on, due_on, due_on)
        assert hazard["due_basis"]["base_on"] == found_on

    @pytest.mark.parametrize(
        ("shift", "number_year", "found_on"), [({}, "2026", "2026-12-31"), ({"seconds": 1}, "2027", "2027-01-01")]
    )
    def test_the_numbers_year_follows_the_receipt(
        self, phone: Phone, clock: FakeClock, shift: dict[str, float], number_year: str, found_on: str
    ) -> None:
        clock.now = clock.now.replace(month=12, day=31, hour=15, minute=59, second=59)
        clock.move(**shift)
        hazard = phone.report()
        assert (hazard["number"].split("-")[2], hazard["found_on"]) == (number_year, found_on)

    def test_a_short_term_ends_on_a_sunday(self, phone: Phone, clock: FakeClock) -> None:
        clock.now = clock.now.replace(day=26)
        hazard = phone.report(finding_code="EX-001")
        assert (hazard["due_on"], hazard["due_on_provisional"]) == ("2026-11-29", False)

    def test_an_earlier_date_stands_as_it_is(self, phone: Phone) -> None:
        hazard = phone.report(finding_code="FD-002", due_on="2026-11-28", due_reason="周末前完成")
        assert (hazard["due_on"], hazard["original_due_on"]) == ("2026-11-28", "2026-11-28")
        assert history(phone, hazard["id"])[0]["detail"] == {"due_reason": "周末前完成"}

    @pytest.mark.parametrize(("due_on", "code"), [("2026-12-02", "due-too-late"), ("2026-11-23", "due-too-early")])
    def test_no_later_than_policy_no_earlier_than_found(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, due_on: str, code: str
    ) -> None:
        body, inspector = visit_with(phone, {"finding_code": "FD-002", "due_on": due_on}), phone.street.inspector
        with unchanged():
            refused(phone.submit(inspector, body), 422, code)


class TestFixedOnTheSpot:
    def body(self, phone: Phone, **changes: Any) -> tuple[dict[str, Any], list[Shot]]:
        now = phone.clock()
        shots = [shoot("before", at=now), shoot("after", at=now)]
        hazard = found(shots, now, fixed_on_site=True, **changes)
        return visit(phone.street.shop.id, now, hazards=[hazard], shots=shots), shots

    @pytest.mark.parametrize("early", [0, 1, 2], ids=["photos after", "one before", "photos before"])
    def test_the_system_closes_when_both_photos_are_decoded(
        self, phone: Phone, clock: FakeClock, runtime: Runtime, early: int
    ) -> None:
        body, shots = self.body(phone)
        found_at = body["hazards"][0]["found_at"]
        for shot in shots[:early]:
            phone.upload(phone.street.inspector, shot)
        hazard_id = accepted(phone, body)["hazards"][0]["id"]
        assert phone.read(hazard_id)["status"] == "awaiting_reinspection"
        clock.move(hours=5)
        for shot in shots[early:]:
            phone.upload(phone.street.inspector, shot)
        assert phone.read(hazard_id)["status"] == "awaiting_reinspection"
        drain(runtime)
        hazard = phone.read(hazard_id)
        assert (hazard["status"], hazard["close_reason"], hazard["closed_at"]) == ("closed", "on_site", found_at)
        timeline = history(phone, hazard_id)
        assert [event["action"] for event in timeline] == ["report_fixed_on_site", "complete_evidence", "close_on_site"]
        assert [event["version"] for event in timeline] == [1, 2, 3]

    def test_decoded_before_it_is_closed_with_the_answer(self, phone: Phone, runtime: Runtime) -> None:
        body, shots = self.body(phone)
        for shot in shots:
            phone.upload(phone.street.inspector, shot)
        drain(runtime)
        hazard = accepted(phone, body)["hazards"][0]
        assert (hazard["status"], hazard["version"]) == ("closed", 3)

    @pytest.mark.parametrize("code", ["EX-001", None])
    def test_with_a_reason_only_the_reporter_is_the_claimant(
        self, phone: Phone, runtime: Runtime, code: str | None
    ) -> None:
        changes = {"finding_code": code, "category_zh": "灭火器" if code is None else None}
        body, shots = self.body(phone, on_site_reason="已当场更换灭火器", **changes)
        hazard_id = accepted(phone, body)["hazards"][0]["id"]
        for shot in shots:
            phone.upload(phone.street.inspector, shot)
        drain(runtime)
        hazard = phone.read(hazard_id)
        assert hazard["status"] == "awaiting_reinspection"
        passed = phone.reinspect(phone.street.inspector, hazard).json()["hazard"]
        assert passed["status"] == "awaiting_confirmation"

    @pytest.mark.parametrize(
        "changes",
        [{"finding_code": "EV-003"}, {"severity": "suspected_major"}, {"finding_code": "EX-001"}],
        ids=["by catalogue", "by report", "no reason"],
    )
    def test_what_cannot_be(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, changes: dict[str, Any]
    ) -> None:
        (body, _), inspector = self.body(phone, **changes), phone.street.inspector
        with unchanged():
            refused(phone.submit(inspector, body), 422, "not-fixable-on-site")

    def test_a_pending_void_goes_with_the_close(self, phone: Phone, runtime: Runtime, clock: FakeClock) -> None:
        body, shots = self.body(phone)
        hazard_id = accepted(phone, body)["hazards"][0]["id"]
        asked = phone.ask_void(phone.street.office, phone.read(hazard_id))
        assert asked.status_code == 201
        for shot in shots:
            phone.upload(phone.street.inspector, shot)
        drain(runtime)
        assert phone.read(hazard_id)["status"] == "closed"
        timeline = history(phone, hazard_id)
        assert [event["action"] for event in timeline][-2:] == ["withdraw_void", "close_on_site"]


class TestWhatLeftTheArea:
    def test_a_visit_shows_what_lies_in_the_readers_area(self, phone: Phone, session: Session) -> None:
        street, body = phone.street, visit_with(phone, {}, {})
        path = f"/inspections/{accepted(phone, body)['id']}"
        elsewhere = street.other_shop.area_path
        gone, kept = body["hazards"]
        session.get_one(Hazard, UUID(gone["id"])).area_path = elsewhere
        session.get_one(Photo, UUID(body["photos"][0]["id"])).area_path = elsewhere
        session.commit()
        mine = phone.client.get(path, headers=street.leader.headers).json()
        assert ([hazard["id"] for hazard in mine["hazards"]], mine["hazard_count"]) == ([kept["id"]], 1)
        assert [photo["id"] for photo in mine["photos"]] == mine["missing_photos"] == [body["photos"][1]["id"]]
        (listed,) = phone.client.get("/inspections", headers=street.leader.headers).json()["items"]
        assert listed["hazard_count"] == 1
        whole = phone.client.get(path, headers=street.district_person.headers).json()
        assert (len(whole["hazards"]), len(whole["photos"])) == (2, 2)


class TestPhotosBefore:
    def test_they_count_at_once(self, phone: Phone) -> None:
        body = visit_with(phone, {}, {})
        now = phone.clock()
        shot = shoot(at=now)
        body["photos"][0] = shot.declared()
        body["hazards"][0]["photo_ids"] = [shot.id]
        assert phone.upload(phone.street.inspector, shot).status_code == 201
        answer = accepted(phone, body)
        assert [hazard["version"] for hazard in answer["hazards"]] == [2, 1]
        complete = [phone.read(hazard["id"])["evidence_complete"] for hazard in answer["hazards"]]
        assert complete == [True, False]
        read = phone.client.get(f"/inspections/{answer['id']}", headers=phone.street.inspector.headers).json()
        assert read["missing_photos"] == [body["photos"][1]["id"]]

    def test_one_photo_may_serve_several_hazards(self, phone: Phone) -> None:
        now, shot = phone.clock(), shoot(at=phone.clock())
        body = visit(phone.street.shop.id, now, hazards=[found([shot], now), found([shot, shot], now)], shots=[shot])
        answer = accepted(phone, body)
        phone.upload(phone.street.inspector, shot)
        assert all(phone.read(hazard["id"])["evidence_complete"] for hazard in answer["hazards"])

    def test_other_bytes_came_under_the_id(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        shot, inspector = shoot(at=phone.clock()), phone.street.inspector
        phone.upload(inspector, shot)
        body = visit_with(phone, {})
        body["photos"][0]["id"] = body["hazards"][0]["photo_ids"][0] = shot.id
        with unchanged():
            refused(phone.submit(inspector, body), 409, "photo-differs")


class TestCounts:
    def test_every_table(self, phone: Phone, session: Session) -> None:
        """What one visit with two hazards leaves behind."""
        accepted(phone, visit_with(phone, {}, {}))
        counts = {
            table.__tablename__: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Inspection, Hazard, Photo)
        }
        told = sum(session.execute(select(func.count()).select_from(table)).scalar_one() for table in (Outbox, Feed))
        assert (counts, told) == ({"inspection": 1, "hazard": 2, "photo": 2}, 5)
