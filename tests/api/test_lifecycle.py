"""From report to close-out, as the table of actions says. Source: lifecycle.md, «Actions»."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.core.clock import rfc3339
from app.jobs.worker import drain
from app.models import CredentialEvent
from tests.factories import Street, found, shoot, visit
from tests.phone import Phone


class TestReport:
    def test_a_reported_hazard_is_tracked(self, phone: Phone) -> None:
        hazard = phone.report()
        assert hazard["status"] == "rectifying"
        assert hazard["number"].startswith("YH-320106011-2026-")
        assert (hazard["version"], hazard["round"], hazard["evidence_complete"]) == (2, 1, True)
        assert (hazard["found_on"], hazard["due_on"], hazard["original_due_on"]) == ("2026-11-24",) * 3
        assert "claim_rectified" in hazard["allowed_actions"]

    def test_a_photo_that_has_not_come_shows(self, phone: Phone) -> None:
        assert phone.report(upload=False)["evidence_complete"] is False

    def test_severity_is_never_below_the_catalogue(self, phone: Phone) -> None:
        hazard = phone.report(finding_code="EV-003", severity="general")
        assert (hazard["severity"], hazard["flags"]) == (
            "suspected_major",
            ["severity_raised", "interim_measures_missing"],
        )
        assert (hazard["due_on"], hazard["due_on_provisional"]) == ("2027-01-23", True)

    def test_what_comes_back_is_a_relapse(self, phone: Phone, street: Street) -> None:
        first = phone.report()
        assert phone.reinspect(street.other_inspector, first).json()["hazard"]["status"] == "closed"
        assert phone.report()["relapse_of"] == first["id"]


class TestWrongRole:
    """403 comes before what is wrong with the content: whoever may not do it learns nothing else."""

    @pytest.mark.parametrize("path", ["rectifications", "reinspections", "confirmations", "determinations", "voids"])
    def test_is_told_first(self, phone: Phone, street: Street, refused, path: str) -> None:
        hazard = phone.report()
        nonsense = {"base_round": "x", "photo_ids": 7, "no_such_field": 1}
        right, wrong = street.leader, street.inspector
        if path in {"rectifications", "reinspections"}:
            right, wrong = wrong, right
        if path == "voids":
            right = street.office
        refused(phone.act(wrong, hazard["id"], path, **nonsense), 403, "forbidden")
        assert phone.act(right, hazard["id"], path, **nonsense).status_code == 422
        assert phone.read(hazard["id"]) == hazard


class TestClaim:
    def test_said_to_be_fixed_waits_for_a_reinspection(self, phone: Phone, street: Street) -> None:
        answer = phone.claim(street.office, phone.report())
        assert answer.status_code == 201
        assert answer.json()["hazard"]["status"] == "awaiting_reinspection"
        assert len(answer.json()["hazard"]["photos"]) == 2

    def test_needs_an_after_photo(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.report()
        refused(phone.claim(street.office, hazard, photo_ids=[]), 409, "evidence-missing")
        before = phone.stored(street.office, "before")
        refused(phone.claim(street.office, hazard, photo_ids=[before]), 409, "evidence-missing")
        assert phone.read(hazard["id"]) == hazard

    def test_a_document_serves_a_paper_finding(self, phone: Phone, street: Street) -> None:
        hazard = phone.report(finding_code="MG-004")
        document = phone.stored(street.office, "document")
        assert phone.claim(street.office, hazard, photo_ids=[document]).status_code == 201

    def test_a_photo_that_has_not_arrived_can_be_tried_again(self, phone: Phone, street: Street, refused) -> None:
        hazard, shot = phone.report(), shoot("after", at=phone.clock())
        answer = phone.claim(street.inspector, hazard, photo_ids=[shot.id])
        refused(answer, 409, "photo-missing")
        assert answer.json()["retryable"] is True
        phone.upload(street.inspector, shot)
        assert phone.claim(street.inspector, hazard, photo_ids=[shot.id]).status_code == 201

    def test_bytes_that_served_before_are_refused(self, phone: Phone, street: Street, refused) -> None:
        shot = shoot("after", at=phone.clock())
        phone.upload(street.inspector, shot)
        first, second = phone.report(), phone.report()
        assert phone.claim(street.inspector, first, photo_ids=[shot.id]).status_code == 201
        refused(phone.claim(street.inspector, second, photo_ids=[shot.id]), 409, "photo-reused")
        copy = phone.stored(street.inspector, content=shot.content)
        refused(phone.claim(street.inspector, second, photo_ids=[copy]), 409, "photo-reused")
        assert phone.read(second["id"]) == second

    def test_anothers_photo_is_not_ones_own(self, phone: Phone, street: Street, refused) -> None:
        photo = phone.stored(street.other_inspector)
        refused(phone.claim(street.inspector, phone.report(), photo_ids=[photo]), 409, "photo-missing")


class TestReinspection:
    def test_a_pass_by_another_closes(self, phone: Phone, street: Street) -> None:
        hazard = phone.claim(street.office, phone.report()).json()["hazard"]
        closed = phone.reinspect(street.other_inspector, hazard).json()["hazard"]
        assert (closed["status"], closed["close_reason"]) == ("closed", "rectified")
        assert closed["closed_at"] == "2026-11-24T02:00:00.000000Z"
        assert closed["allowed_actions"] == ["comment"]

    @pytest.mark.parametrize("claimed", [True, False])
    def test_a_pass_of_own_work_waits_for_a_second_person(self, phone: Phone, street: Street, claimed: bool) -> None:
        hazard = phone.report()
        if claimed:
            hazard = phone.claim(street.inspector, hazard).json()["hazard"]
        passed = phone.reinspect(street.inspector, hazard).json()["hazard"]
        assert passed["status"] == "awaiting_confirmation"

    def test_the_reporter_may_pass_anothers_claim(self, phone: Phone, street: Street) -> None:
        hazard = phone.claim(street.other_inspector, phone.report()).json()["hazard"]
        assert phone.reinspect(street.inspector, hazard).json()["hazard"]["status"] == "closed"

    def test_everyone_who_inspected_is_a_reporter(self, phone: Phone, street: Street) -> None:
        now, shot = phone.clock(), shoot(at=phone.clock())
        hazard = found([shot], now)
        colleague = street.other_inspector
        body = visit(street.shop.id, now, hazards=[hazard], shots=[shot], inspector_ids=[str(colleague.id)])
        assert phone.submit(street.inspector, body).status_code == 201
        passed = phone.reinspect(colleague, phone.read(hazard["id"])).json()["hazard"]
        assert passed["status"] == "awaiting_confirmation"

    def test_a_fail_begins_another_round_with_a_new_date(self, phone: Phone, street: Street, clock) -> None:
        hazard = phone.claim(street.office, phone.report(finding_code="FD-002")).json()["hazard"]
        clock.move(days=3)
        failed = phone.reinspect(street.other_inspector, hazard, "fail").json()["hazard"]
        assert (failed["status"], failed["round"]) == ("rectifying", 2)
        assert failed["due_on"] > hazard["due_on"]
        assert failed["original_due_on"] == hazard["original_due_on"]

    def test_a_fail_before_the_date_without_a_claim_sets_none(self, phone: Phone, street: Street, clock) -> None:
        hazard = phone.report(finding_code="FD-002")
        clock.move(days=2)
        failed = phone.reinspect(street.other_inspector, hazard, "fail").json()["hazard"]
        assert (failed["due_on"], failed["round"]) == (hazard["due_on"], 2)

    def test_new_dates_end_at_the_total(self, phone: Phone, street: Street, clock) -> None:
        """A general hazard without a code: 7 days, at most 60 in all."""
        hazard = phone.report(finding_code=None, category_zh="疏散通道", severity="general")
        for _ in range(12):
            clock.move(days=6)
            hazard = phone.claim(street.office, hazard).json()["hazard"]
            hazard = phone.reinspect(street.other_inspector, hazard, "fail").json()["hazard"]
        assert hazard["round"] == 13
        assert (hazard["due_on"], hazard["due_basis"]["unrolled_on"]) == ("2027-01-23", "2027-01-23")

    def test_a_fail_says_why(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.report()
        answer = phone.act(street.inspector, hazard["id"], "reinspections", base_round=1, result="fail")
        refused(answer, 422, "reason-missing")

    def test_another_round_is_refused(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.report()
        phone.reinspect(street.other_inspector, hazard, "fail")
        refused(phone.claim(street.office, hazard), 409, "other-round")


class TestCloseOut:
    def waiting(self, phone: Phone, street: Street) -> dict:
        return phone.reinspect(street.inspector, phone.report()).json()["hazard"]

    @pytest.mark.parametrize("who", ["office", "leader", "district_person"])
    def test_a_second_person_confirms(self, phone: Phone, street: Street, who: str) -> None:
        closed = phone.decide(getattr(street, who), self.waiting(phone, street)).json()["hazard"]
        assert (closed["status"], closed["close_reason"]) == ("closed", "rectified")

    def test_a_refusal_begins_another_round(self, phone: Phone, street: Street) -> None:
        refused = phone.decide(street.leader, self.waiting(phone, street), "refuse").json()["hazard"]
        assert (refused["status"], refused["round"]) == ("rectifying", 2)

    def test_the_claimant_may_not_confirm(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.report(finding_code="EV-003")
        hazard = phone.claim(street.office, hazard).json()["hazard"]
        hazard = phone.reinspect(street.other_inspector, hazard).json()["hazard"]
        assert hazard["status"] == "awaiting_confirmation"
        hazard = phone.determine(street.leader, hazard, "general").json()["hazard"]
        refused(phone.decide(street.office, hazard), 409, "four-eyes")
        refused(phone.decide(street.leader, hazard), 409, "four-eyes")
        assert phone.decide(street.district_person, hazard).status_code == 201

    def test_other_than_general_needs_a_determination(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.reinspect(street.inspector, phone.report(finding_code="EV-003")).json()["hazard"]
        refused(phone.decide(street.office, hazard), 403, "forbidden")
        refused(phone.decide(street.leader, hazard), 409, "determination-missing")
        hazard = phone.determine(street.office, hazard, "major").json()["hazard"]
        assert hazard["severity"] == "major"
        assert phone.decide(street.leader, hazard).json()["hazard"]["status"] == "closed"

    def test_the_maker_of_an_account_counts_as_its_person(self, phone: Phone, street: Street, session, refused) -> None:

        maker = street.person("office", "maker")
        made_at = phone.clock()
        session.add(CredentialEvent(user_id=street.inspector.id, by_id=maker.id, occurred_at=made_at))
        session.commit()
        hazard = self.waiting(phone, street)
        refused(phone.decide(maker, hazard), 409, "four-eyes")
        assert "confirm" not in phone.read(hazard["id"], maker)["allowed_actions"]
        assert "confirm" in phone.read(hazard["id"], street.office)["allowed_actions"]


class TestVoid:
    def test_another_person_decides(self, phone: Phone, street: Street, refused) -> None:
        asked = phone.ask_void(street.office, phone.report())
        void_id, hazard = asked.json()["event_id"], asked.json()["hazard"]
        assert hazard["status"] == "rectifying"
        path = f"voids/{void_id}/decision"
        decision = {"base_version": hazard["version"], "decision": "grant"}
        refused(phone.act(street.office, hazard["id"], path, **decision), 403, "forbidden")
        voided = phone.act(street.leader, hazard["id"], path, **decision).json()["hazard"]
        assert voided["status"] == "voided"
        assert phone.client.get("/hazards", params={"status": "voided"}, headers=street.inspector.headers).json()[
            "items"
        ]

    def test_a_duplicate_names_the_other(self, phone: Phone, street: Street, refused) -> None:
        other, hazard = phone.report(), phone.report()
        refused(phone.ask_void(street.office, hazard, duplicate_of=str(uuid4())), 422, "unknown-duplicate")
        refused(phone.ask_void(street.office, hazard, duplicate_of=hazard["id"]), 422, "unknown-duplicate")
        asked = phone.ask_void(street.office, hazard, duplicate_of=other["id"]).json()
        path = f"voids/{asked['event_id']}/decision"
        voided = phone.act(street.leader, hazard["id"], path, base_version=asked["hazard"]["version"], decision="grant")
        assert voided.json()["hazard"]["duplicate_of"] == other["id"]

    def test_a_pending_void_blocks_decisions_and_a_field_action_withdraws_it(
        self, phone: Phone, street: Street, refused
    ) -> None:
        hazard = phone.reinspect(street.inspector, phone.report()).json()["hazard"]
        hazard = phone.ask_void(street.office, hazard).json()["hazard"]
        refused(phone.decide(street.leader, hazard), 409, "void-pending")
        other = phone.report()
        asked = phone.ask_void(street.office, other).json()
        claimed = phone.claim(street.inspector, other).json()["hazard"]
        assert "grant_void" not in phone.read(other["id"], street.leader)["allowed_actions"]
        path = f"voids/{asked['event_id']}/decision"
        refused(
            phone.act(street.leader, other["id"], path, base_version=claimed["version"], decision="grant"),
            409,
            "illegal-action",
        )

    def test_a_major_one_is_the_districts(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.determine(street.leader, phone.report(finding_code="EV-003")).json()["hazard"]
        asked = phone.ask_void(street.office, hazard).json()
        path = f"voids/{asked['event_id']}/decision"
        decision = {"base_version": asked["hazard"]["version"], "decision": "refuse"}
        refused(phone.act(street.leader, hazard["id"], path, **decision), 403, "forbidden")
        assert phone.act(street.district_person, hazard["id"], path, **decision).status_code == 201


class TestMeasuresAndComments:
    def test_interim_measures_lower_the_flag(self, phone: Phone, street: Street) -> None:
        hazard = phone.report(finding_code="EV-003")
        assert "interim_measures_missing" in hazard["flags"]
        answer = phone.act(street.office, hazard["id"], "interim-measures", measures="限流，专人值守出口")
        assert answer.json()["hazard"]["interim_measures"] == "限流，专人值守出口"
        assert "interim_measures_missing" not in answer.json()["hazard"]["flags"]

    def test_a_comment_does_not_raise_the_version(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        answer = phone.act(street.leader, hazard["id"], "comments", note="请尽快处理")
        assert answer.json()["hazard"]["version"] == hazard["version"]
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert [event["action"] for event in timeline["items"]] == ["report", "complete_evidence", "comment"]
        assert timeline["items"][-1]["note"] == "请尽快处理"


class TestEnvelope:
    def test_the_same_action_again_gets_the_first_answer(self, phone: Phone, street: Street) -> None:
        hazard, photo = phone.report(), phone.stored(street.inspector)
        action = {"id": str(uuid4()), "photo_ids": [photo]}
        first = phone.claim(street.inspector, hazard, **action)
        phone.reinspect(street.other_inspector, hazard, "fail")
        again = phone.claim(street.inspector, hazard, **action)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.text == again.text

    def test_another_request_with_the_same_id_is_refused(self, phone: Phone, street: Street, refused) -> None:
        hazard, action_id = phone.report(), str(uuid4())
        assert phone.act(street.leader, hazard["id"], "comments", id=action_id, note="一").status_code == 201
        for person, note in ((street.leader, "二"), (street.office, "一")):
            answer = phone.act(person, hazard["id"], "comments", id=action_id, note=note)
            refused(answer, 409, "action-id-reused")

    def test_a_decision_needs_the_current_version(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.reinspect(street.inspector, phone.report()).json()["hazard"]
        answer = phone.act(street.leader, hazard["id"], "confirmations", decision="confirm")
        refused(answer, 428, "version-missing")
        answer = phone.decide(street.leader, hazard, base_version=hazard["version"] - 1)
        refused(answer, 412, "stale-version")
        assert answer.json()["current_version"] == hazard["version"]
        assert phone.read(hazard["id"]) == hazard | {"allowed_actions": phone.read(hazard["id"])["allowed_actions"]}

    def test_a_field_action_on_an_older_version_is_marked(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        phone.claim(street.inspector, hazard, base_version=1)
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert timeline["items"][-1]["was_stale"] is True

    def test_an_illegal_action_says_what_is_possible(self, phone: Phone, street: Street, refused) -> None:
        hazard = phone.claim(street.inspector, phone.report()).json()["hazard"]
        answer = phone.claim(street.inspector, hazard)
        refused(answer, 409, "illegal-action")
        assert answer.json()["current_status"] == "awaiting_reinspection"
        assert "pass_reinspection" in answer.json()["allowed_actions"]

    @pytest.mark.parametrize(
        ("shift", "suspect", "occurred"),
        [
            ({"minutes": -5}, False, "2026-11-24T02:55:00.000000Z"),
            ({"minutes": 5}, True, "2026-11-24T03:00:00.000000Z"),
            ({"days": -31}, True, "2026-11-24T03:00:00.000000Z"),
            ({"hours": -2}, True, "2026-11-24T03:00:00.000000Z"),
        ],
        ids=["believed", "after the receipt", "too long ago", "before the event before"],
    )
    def test_business_time(self, phone: Phone, street: Street, clock, shift, suspect, occurred) -> None:

        hazard = phone.report()
        clock.move(hours=1)
        phone.claim(street.inspector, hazard, at=rfc3339(clock() + timedelta(**shift)))
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert (timeline["items"][-1]["clock_suspect"], timeline["items"][-1]["occurred_at"]) == (suspect, occurred)

    def test_done_before_the_last_reinspection_belongs_to_another_round(
        self, phone: Phone, street: Street, clock, refused
    ) -> None:
        hazard = phone.report()
        before = rfc3339(clock())
        clock.move(hours=1)
        failed = phone.reinspect(street.other_inspector, hazard, "fail").json()["hazard"]
        clock.move(hours=1)
        refused(phone.claim(street.inspector, failed, at=before), 409, "other-round")
        assert phone.claim(street.inspector, failed, at="1999-01-01T00:00:00Z").status_code == 201

    def test_a_photo_that_arrives_late_does_not_make_a_colleague_suspect(
        self, phone: Phone, street: Street, clock
    ) -> None:
        now, shot = clock(), shoot(at=clock())
        hazard = found([shot], now)
        phone.submit(street.inspector, visit(street.shop.id, now, hazards=[hazard], shots=[shot]))
        clock.move(minutes=30)
        phone.upload(street.inspector, shot)
        claimed = phone.claim(street.other_inspector, phone.read(hazard["id"]), at=rfc3339(now + timedelta(minutes=9)))
        assert claimed.status_code == 201
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert timeline["items"][-1]["clock_suspect"] is False

    def test_a_comment_on_the_current_version_is_not_stale(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        phone.act(street.leader, hazard["id"], "comments", note="知道了", base_version=hazard["version"])
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert timeline["items"][-1]["was_stale"] is False


class TestReviewed:
    """Ways around the second pair of eyes that were open once."""

    def on_site(self, phone: Phone, street: Street, *, colleagues: list[str] | None = None, **changes) -> dict:
        now = phone.clock()
        shots = [shoot("before", at=now), shoot("after", at=now)]
        hazard = found(shots, now, fixed_on_site=True, **changes)
        body = visit(street.shop.id, now, hazards=[hazard], shots=shots, inspector_ids=colleagues or [])
        assert phone.submit(street.inspector, body).status_code == 201
        return hazard | {"shots": shots}

    def test_the_system_never_closes_a_major_hazard(self, phone: Phone, street: Street, runtime) -> None:
        hazard = self.on_site(phone, street)
        assert phone.determine(street.leader, phone.read(hazard["id"])).status_code == 201
        for shot in hazard["shots"]:
            phone.upload(street.inspector, shot)
        drain(runtime)
        read = phone.read(hazard["id"])
        assert (read["status"], read["evidence_complete"]) == ("awaiting_reinspection", True)

    def test_a_colleague_of_the_visit_cannot_pass_what_it_fixed(self, phone: Phone, street: Street) -> None:
        colleague = street.other_inspector
        hazard = self.on_site(
            phone, street, colleagues=[str(colleague.id)], finding_code="FD-002", on_site_reason="当场更换闭门器"
        )
        passed = phone.reinspect(colleague, phone.read(hazard["id"])).json()["hazard"]
        assert passed["status"] == "awaiting_confirmation"
        third = street.person("inspector", "third")
        other = self.on_site(
            phone, street, colleagues=[str(colleague.id)], finding_code="FD-002", on_site_reason="当场更换闭门器"
        )
        assert phone.reinspect(third, phone.read(other["id"])).json()["hazard"]["status"] == "closed"

    def test_a_claim_made_before_the_pass_belongs_to_before(self, phone: Phone, street: Street, clock, refused) -> None:
        hazard, before = phone.report(), rfc3339(clock())
        clock.move(hours=1)
        passed = phone.reinspect(street.inspector, hazard).json()["hazard"]
        assert passed["status"] == "awaiting_confirmation"
        clock.move(hours=1)
        refused(phone.claim(street.other_inspector, hazard, at=before), 409, "other-round")

    def test_a_withdrawn_void_stands_before_what_withdrew_it(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        phone.ask_void(street.office, hazard)
        phone.claim(street.inspector, hazard)
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()["items"]
        told = [(event["action"], event["from_status"], event["to_status"]) for event in timeline[-2:]]
        assert told == [
            ("withdraw_void", "rectifying", "rectifying"),
            ("claim_rectified", "rectifying", "awaiting_reinspection"),
        ]

    def test_a_longer_term_asks_for_interim_measures(self, phone: Phone, street: Street, clock) -> None:
        hazard = phone.report(finding_code="EV-003")
        hazard = phone.determine(street.leader, hazard, "general").json()["hazard"]
        assert "interim_measures_missing" in hazard["flags"]

    @pytest.mark.parametrize("missing", [{"standard": " "}, {"edition": " "}, {"facts_used": []}, {"members": []}])
    def test_a_determination_says_by_what_and_by_whom(self, phone: Phone, street: Street, missing: dict) -> None:
        hazard = phone.report(finding_code="EV-003")
        assert phone.determine(street.leader, hazard, **missing).status_code == 422
        assert phone.read(hazard["id"])["severity"] == "suspected_major"

    def test_an_id_in_capitals_is_the_same_id(self, phone: Phone, street: Street) -> None:
        now, shot, inspection_id = phone.clock(), shoot(at=phone.clock()), str(uuid4())
        body = visit(street.shop.id, now, hazards=[found([shot], now)], shots=[shot])
        first = phone.submit(street.inspector, body, inspection_id)
        again = phone.submit(street.inspector, body, inspection_id.upper())
        assert (first.status_code, again.status_code, again.text) == (201, 200, first.text)

    @pytest.mark.parametrize(
        "changes",
        [{"offset_ms": "5"}, {"offset_ms": True}, {"device_seq": "1"}, {"note": "   "}],
        ids=lambda changes: f"{changes}",
    )
    def test_types_are_json_types_and_texts_say_something(self, phone: Phone, street: Street, changes: dict) -> None:
        body = visit(street.shop.id, phone.clock(), hazards=[], shots=[])
        assert phone.submit(street.inspector, body | changes).status_code == 422

    def test_the_devices_times_are_kept_however_wrong(self, phone: Phone, street: Street) -> None:
        times = {"started_at": "1999-01-01T00:00:00Z", "ended_at": "1999-01-01T01:00:00Z"}
        inspection_id = str(uuid4())
        body = visit(street.shop.id, phone.clock(), hazards=[], shots=[]) | times
        assert phone.submit(street.inspector, body, inspection_id).status_code == 201
        read = phone.client.get(f"/inspections/{inspection_id}", headers=street.office.headers).json()
        assert (read["stated_started_at"], read["stated_ended_at"]) == (
            "1999-01-01T00:00:00.000000Z",
            "1999-01-01T01:00:00.000000Z",
        )
        assert (read["started_at"], read["clock_suspect"]) == ("2026-11-24T02:00:00.000000Z", True)

    def test_why_it_was_fixed_on_the_spot_is_told(self, phone: Phone, street: Street) -> None:
        hazard = self.on_site(phone, street, finding_code="FD-002", on_site_reason="当场更换闭门器")
        timeline = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()
        assert timeline["items"][0]["detail"] == {"on_site_reason": "当场更换闭门器"}
