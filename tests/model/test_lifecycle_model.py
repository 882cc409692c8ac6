"""Random people do random things, legal and not, in any order, again and late; the API must do what the model says."""

from typing import Any
from uuid import uuid4

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test
from starlette.testclient import TestClient

from app.core.clock import rfc3339
from tests.factories import Street, found, shoot, visit
from tests.model import expected as model
from tests.model.expected import Expected, Outcome, Who
from tests.phone import Phone

PEOPLE = [
    Who("a", "inspector"),
    Who("b", "inspector"),
    Who("c", "officer"),
    Who("d", "office"),
    Who("e", "office"),
    Who("f", "leader"),
    Who("g", "leader"),
    Who("h", "district"),
    Who("i", "auditor"),
]
FINDINGS = {"EV-001": "general", "FD-002": "general", "EV-003": "suspected_major"}

people = st.sampled_from(PEOPLE)
lag = st.sampled_from([0, 0, 0, 0, 1])
"""How far behind the phone's version or round is."""


class Tracked:
    """A hazard in the service, and what the model says of it."""

    def __init__(self, hazard_id: str, state: Expected) -> None:
        self.id = hazard_id
        self.state = state
        self.void_id = str(uuid4())


class Lifecycle(RuleBasedStateMachine):
    """Steps of people; after each one the answer, and at the end history and feed, are compared."""

    hazards = Bundle("hazards")
    sent = Bundle("sent")

    def __init__(self, phone: Phone, machine: Any) -> None:
        super().__init__()
        self.phone, self.machine = phone, machine
        self.tracked: list[Tracked] = []

    def person(self, who: Who) -> Any:
        return self.phone.street.person(who.role, who.name)

    @rule(target=hazards, who=st.sampled_from(PEOPLE[:3]), code=st.sampled_from(sorted(FINDINGS)), more=st.booleans())
    def report(self, who: Who, code: str, more: bool) -> Any:
        now, shot = self.phone.clock(), shoot(at=self.phone.clock())
        hazard = found([shot], now, finding_code=code)
        colleagues = [PEOPLE[1]] if more else []
        body = visit(self.phone.street.shop.id, now, hazards=[hazard], shots=[shot])
        body["inspector_ids"] = [str(self.person(colleague).id) for colleague in colleagues]
        assert self.phone.submit(self.person(who), body).status_code == 201
        names = {who.name, *(colleague.name for colleague in colleagues)}
        made = Tracked(hazard["id"], Expected(names, FINDINGS[code]))
        self.tracked.append(made)
        return made

    def step(self, hazard: Tracked, who: Who, path: str, outcome: Outcome, **fields: Any) -> Any:
        body = {"id": str(uuid4()), "at": rfc3339(self.phone.clock()), "offset_ms": 0} | fields
        answer = self._post(who, hazard.id, path, body)
        status, code = outcome
        told = (answer.status_code, answer.json().get("code"))
        assert told == (status, code), f"{who} {path} {fields}: {answer.text}"
        if status != 201:
            return multiple()
        self._compare(answer.json()["hazard"], hazard.state)
        return who, hazard, path, body, answer.text

    def _post(self, who: Who, hazard_id: str, path: str, body: dict[str, Any]) -> httpx2.Response:
        client: TestClient = self.phone.client
        return client.post(f"/hazards/{hazard_id}/{path}", json=body, headers=self.person(who).headers)

    @staticmethod
    def _compare(read: dict[str, Any], state: Expected) -> None:
        told = {name: read[name] for name in ("status", "severity", "round", "version", "interim_measures")}
        assert told == {
            "status": state.status,
            "severity": state.severity,
            "round": state.round,
            "version": state.version,
            "interim_measures": state.measures,
        }

    def _photos(self, who: Who, has_photo: bool) -> list[str]:
        return [self.phone.stored(self.person(who))] if has_photo and who.role != "auditor" else []

    @rule(target=sent, hazard=hazards, who=people, behind=lag, has_photo=st.sampled_from([True, True, True, False]))
    def claim(self, hazard: Tracked, who: Who, behind: int, has_photo: bool) -> Any:
        base = hazard.state.round + behind
        photos = self._photos(who, has_photo)
        outcome = model.claim(hazard.state, who, base, has_photo=bool(photos))
        return self.step(hazard, who, "rectifications", outcome, base_round=base, photo_ids=photos)

    @rule(target=sent, hazard=hazards, who=people, behind=lag, passes=st.booleans(), has_photo=st.booleans())
    def reinspect(self, hazard: Tracked, who: Who, behind: int, passes: bool, has_photo: bool) -> Any:
        base = hazard.state.round + behind
        photos = self._photos(who, has_photo)
        outcome = model.reinspect(hazard.state, who, base, passes=passes, has_photo=bool(photos))
        fields = {"result": "pass" if passes else "fail", "reason_code": "not_rectified"}
        return self.step(hazard, who, "reinspections", outcome, base_round=base, photo_ids=photos, **fields)

    def _base(self, hazard: Tracked, behind: int | None) -> int | None:
        return None if behind is None else max(1, hazard.state.version - behind)

    @rule(target=sent, hazard=hazards, who=people, behind=lag | st.none(), confirms=st.booleans())
    def confirm(self, hazard: Tracked, who: Who, behind: int | None, confirms: bool) -> Any:
        base = self._base(hazard, behind)
        outcome = model.confirm(hazard.state, who, base, confirms=confirms)
        decision = "confirm" if confirms else "refuse"
        return self.step(hazard, who, "confirmations", outcome, base_version=base, decision=decision)

    @rule(target=sent, hazard=hazards, who=people, behind=lag, verdict=st.sampled_from(["major", "general"]))
    def determine(self, hazard: Tracked, who: Who, behind: int, verdict: str) -> Any:
        base = self._base(hazard, behind)
        outcome = model.determine(hazard.state, who, base, verdict=verdict)
        judged = {
            "verdict": verdict,
            "standard": "GB 35181",
            "edition": "2025",
            "facts_used": ["一"],
            "members": ["王"],
        }
        return self.step(hazard, who, "determinations", outcome, base_version=base, **judged)

    @rule(target=sent, hazard=hazards, who=people, behind=lag)
    def ask_void(self, hazard: Tracked, who: Who, behind: int) -> Any:
        base = self._base(hazard, behind)
        outcome = model.ask_void(hazard.state, who, base)
        done = self.step(hazard, who, "voids", outcome, base_version=base, reason="录错")
        if outcome == model.DONE:
            hazard.void_id = done[3]["id"]
        return done

    @rule(target=sent, hazard=hazards, who=people, behind=lag, grants=st.booleans())
    def decide_void(self, hazard: Tracked, who: Who, behind: int, grants: bool) -> Any:
        base = self._base(hazard, behind)
        outcome = model.decide_void(hazard.state, who, base, grants=grants)
        decision = "grant" if grants else "refuse"
        return self.step(hazard, who, f"voids/{hazard.void_id}/decision", outcome, base_version=base, decision=decision)

    @rule(target=sent, hazard=hazards, who=people)
    def set_measures(self, hazard: Tracked, who: Who) -> Any:
        measures = f"专人值守 {uuid4()}"
        return self.step(
            hazard, who, "interim-measures", model.set_measures(hazard.state, who, measures), measures=measures
        )

    @rule(target=sent, hazard=hazards, who=people)
    def comment(self, hazard: Tracked, who: Who) -> Any:
        return self.step(hazard, who, "comments", model.comment(hazard.state, who), note="请抓紧")

    @rule(earlier=sent)
    def send_again(self, earlier: Any) -> None:
        who, hazard, path, body, first = earlier
        answer = self._post(who, hazard.id, path, body)
        assert (answer.status_code, answer.text) == (200, first)

    @rule(earlier=consumes(sent))
    def send_changed(self, earlier: Any) -> None:
        who, hazard, path, body, _ = earlier
        answer = self._post(who, hazard.id, path, body | {"note": f"改过 {uuid4()}"})
        assert (answer.status_code, answer.json()["code"]) == (409, "action-id-reused")

    @rule(hours=st.integers(1, 40))
    def wait(self, hours: int) -> None:
        self.phone.clock.move(hours=hours)

    def teardown(self) -> None:
        """History, feed and lists agree with the model."""
        office = self.person(PEOPLE[3]).headers
        latest = self._feed()
        for hazard in self.tracked:
            read = self.phone.read(hazard.id)
            self._compare(read, hazard.state)
            timeline = self.phone.client.get(f"/hazards/{hazard.id}/timeline?limit=200", headers=office).json()
            assert sorted(event["action"] for event in timeline["items"]) == sorted(hazard.state.events)
            assert latest[hazard.id] == (hazard.state.version, hazard.state.status)
        self._check_lists()

    def _feed(self) -> dict[str, tuple[int, str]]:
        latest: dict[str, tuple[int, str]] = {}
        cursor, more = None, True
        while more:
            params = {"types": "hazard", "limit": 1000} | ({"cursor": cursor} if cursor else {})
            page = self.phone.client.get("/district/changes", params=params, headers=self.machine.headers).json()
            for item in page["items"]:
                before = latest.get(item["id"], (0, ""))[0]
                assert item["version"] > before, "a version came twice or late"
                latest[item["id"]] = (item["version"], item["data"]["status"])
            cursor, more = page["next_cursor"], page["has_more"]
        return latest

    def _check_lists(self) -> None:
        mine = {hazard.id for hazard in self.tracked}
        listed, cursor = set(), None
        while True:
            params = {"overdue": "true", "limit": 200} | ({"cursor": cursor} if cursor else {})
            page = self.phone.client.get("/hazards", params=params, headers=self.person(PEOPLE[3]).headers).json()
            assert all(item["status"] in model.CHASED and item["days_overdue"] > 0 for item in page["items"])
            listed |= {item["id"] for item in page["items"]} & mine
            cursor = page["next_cursor"]
            if cursor is None:
                break
        late = {hazard.id for hazard in self.tracked if self.phone.read(hazard.id)["days_overdue"] > 0}
        assert listed == late


def test_the_service_does_what_the_model_says(phone: Phone, street: Street, is_long: bool) -> None:
    machine = street.machine()
    run_state_machine_as_test(
        lambda: Lifecycle(phone, machine),
        settings=settings(
            max_examples=400 if is_long else 25,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
