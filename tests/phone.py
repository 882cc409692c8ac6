"""A phone that knows how to submit, upload and act."""

from typing import Any
from uuid import uuid4

import httpx2
from starlette.testclient import TestClient

from app.core.clock import Clock, rfc3339
from tests.factories import Person, Shot, Street, found, shoot, visit


class Phone:
    """What people of the street send, signed in as whoever is named."""

    def __init__(self, client: TestClient, street: Street, clock: Clock) -> None:
        self.client = client
        self.street = street
        self.clock = clock

    def submit(self, person: Person, body: dict[str, Any], inspection_id: str | None = None) -> httpx2.Response:
        return self.client.put(f"/inspections/{inspection_id or uuid4()}", json=body, headers=person.headers)

    def upload(self, person: Person, shot: Shot, **changes: str) -> httpx2.Response:
        return self.client.post(
            "/photos", data=shot.form() | changes, files={"file": ("a.jpg", shot.content)}, headers=person.headers
        )

    def report(self, person: Person | None = None, *, upload: bool = True, **changes: Any) -> dict[str, Any]:
        """A hazard reported on a visit of its own, as it reads afterwards."""
        person = person or self.street.inspector
        now = self.clock()
        shot = shoot(at=now)
        hazard = found([shot], now, **changes)
        answer = self.submit(person, visit(self.street.shop.id, now, hazards=[hazard], shots=[shot]))
        assert answer.status_code == 201, answer.text
        if upload:
            assert self.upload(person, shot).status_code == 201
        return self.read(hazard["id"], person)

    def read(self, hazard_id: object, person: Person | None = None) -> dict[str, Any]:
        answer = self.client.get(f"/hazards/{hazard_id}", headers=(person or self.street.inspector).headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stored(self, person: Person, role: str = "after", **changes: Any) -> str:
        """The id of a photo that has arrived."""
        shot = shoot(role, at=self.clock(), **changes)
        assert self.upload(person, shot).status_code == 201
        return shot.id

    def act(self, person: Person, hazard_id: object, path: str, **fields: Any) -> httpx2.Response:
        body = {"id": str(uuid4()), "at": rfc3339(self.clock()), "offset_ms": 0} | fields
        return self.client.post(f"/hazards/{hazard_id}/{path}", json=body, headers=person.headers)

    def claim(self, person: Person, hazard: dict[str, Any], **fields: Any) -> httpx2.Response:
        fields = {"base_round": hazard["round"]} | fields
        if "photo_ids" not in fields:
            fields["photo_ids"] = [self.stored(person)]
        return self.act(person, hazard["id"], "rectifications", **fields)

    def reinspect(self, person: Person, hazard: dict[str, Any], result: str = "pass", **fields: Any) -> httpx2.Response:
        fields = {"base_round": hazard["round"], "result": result} | fields
        if "photo_ids" not in fields and result == "pass":
            fields["photo_ids"] = [self.stored(person)]
        if result == "fail" and "photo_ids" not in fields:
            fields.setdefault("reason_code", "not_rectified")
        return self.act(person, hazard["id"], "reinspections", **fields)

    def decide(
        self, person: Person, hazard: dict[str, Any], decision: str = "confirm", **fields: Any
    ) -> httpx2.Response:
        fields = {"base_version": hazard["version"], "decision": decision} | fields
        return self.act(person, hazard["id"], "confirmations", **fields)

    def determine(
        self, person: Person, hazard: dict[str, Any], verdict: str = "major", **fields: Any
    ) -> httpx2.Response:
        judged = {
            "base_version": hazard["version"],
            "verdict": verdict,
            "standard": "GB 35181",
            "edition": "2025",
            "facts_used": ["安全出口数量 1，应为 2"],
            "members": ["王建国", "李红", "陈志强"],
        }
        return self.act(person, hazard["id"], "determinations", **(judged | fields))

    def ask_void(self, person: Person, hazard: dict[str, Any], **fields: Any) -> httpx2.Response:
        asked = {"base_version": hazard["version"], "reason": "重复录入"}
        return self.act(person, hazard["id"], "voids", **(asked | fields))
