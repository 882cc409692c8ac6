"""What is sent broken, wrong, twice or by the wrong person is refused by name, and nothing has changed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from app.core.clock import rfc3339
from tests.api.conftest import Unchanged
from tests.factories import Person, found, shoot, visit
from tests.phone import Phone

Refused = Callable[[httpx2.Response, int, str], None]
JSON = {"content-type": "application/json"}


def one_hazard(phone: Phone, **changes: Any) -> dict[str, Any]:
    """A visit with one hazard and its photo."""
    now = phone.clock()
    shot = shoot(at=now)
    body = visit(phone.street.shop.id, now, hazards=[found([shot], now)], shots=[shot])
    return body | changes


class TestBody:
    """Anything but one JSON object of our schema, sent as JSON."""

    def send(self, phone: Phone, content: bytes | Iterator[bytes], **headers: str) -> httpx2.Response:
        sent = JSON | phone.street.inspector.headers | headers
        return phone.client.put(f"/inspections/{uuid4()}", content=content, headers=sent)

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            (b"", 400, "broken-json"),
            (b"{", 400, "broken-json"),
            (b'{"kind":"patrol"', 400, "broken-json"),
            (b'{"kind":"\xff\xfe"}', 400, "broken-json"),
            (b'{"note":"\xed\xa0\x80"}', 400, "broken-json"),
            ('{"kind":"patrol"}'.encode("utf-16"), 400, "broken-json"),
            (b'{"offset_ms":NaN}', 400, "broken-json"),
            (b'{"location":{"lat":Infinity,"lng":1}}', 400, "broken-json"),
            (b'{"location":{"lat":1e999,"lng":1}}', 400, "broken-json"),
            (b'{"offset_ms":' + b"9" * 10_000 + b"}", 400, "broken-json"),
            (b"[" * 100_000 + b"]" * 100_000, 400, "broken-json"),
            (b'{"a":' * 40 + b"1" + b"}" * 40, 400, "broken-json"),
            (b"[" * 800 + b'"\\u0041"' + b"]" * 800, 400, "broken-json"),
            (b'{"kind":"patrol","kind":"joint"}', 422, "duplicate-key"),
            (b'{"note":"a\\u0000b"}', 422, "bad-text"),
            (b'{"note":"\\ud800"}', 422, "bad-text"),
            (b"[]", 422, "invalid-value"),
            (b'"patrol"', 422, "invalid-value"),
            (b"null", 422, "invalid-value"),
        ],
        ids=lambda value: repr(value[:20]) + str(len(value)) if isinstance(value, bytes) else str(value),
    )
    def test_is_refused(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, content: bytes, status: int, code: str
    ) -> None:
        assert phone.street.inspector
        with unchanged():
            refused(self.send(phone, content), status, code)

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
    def test_of_another_type_is_refused(self, phone: Phone, refused: Refused, unchanged: Unchanged, kind: str) -> None:
        content = json.dumps(one_hazard(phone)).encode()
        assert phone.street.inspector
        with unchanged():
            refused(self.send(phone, content, **{"content-type": kind}), 415, "unsupported-media-type")

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_over_the_limit_is_refused(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, is_chunked: bool
    ) -> None:
        content = json.dumps(one_hazard(phone, note="x" * 3_000_000)).encode()
        pieces = (content[at : at + 65_536] for at in range(0, len(content), 65_536))
        assert phone.street.inspector
        with unchanged():
            refused(self.send(phone, pieces if is_chunked else content), 413, "body-too-large")

    def test_an_action_reads_as_strictly(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        hazard = phone.report()
        headers = JSON | phone.street.office.headers
        for content, status, code in (
            (b"{", 400, "broken-json"),
            (b'{"note":"1","note":"2"}', 422, "duplicate-key"),
            (b'{"note":"\\ud800"}', 422, "bad-text"),
        ):
            with unchanged():
                answer = phone.client.post(f"/hazards/{hazard['id']}/comments", content=content, headers=headers)
                refused(answer, status, code)


Change = Callable[[dict[str, Any]], object]


def put(*path: str | int, value: object) -> Change:
    """Sets a value somewhere in a visit."""

    def change(body: dict[str, Any]) -> None:
        inner: Any = body
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


LONG_AGO, FAR = "1899-12-31T23:59:59Z", "2999-01-01T00:00:00Z"
FIELDS: list[tuple[Change, str, str]] = [
    (put("surprise", value=1), "unknown-field", "/surprise"),
    (put("hazards", 0, "status", value="closed"), "unknown-field", "/hazards/0/status"),
    (put("photos", 0, "path", value="/etc"), "unknown-field", "/photos/0/path"),
    (put("location", value={"lat": 1, "lng": 1, "alt": 1}), "unknown-field", "/location/alt"),
    (put("hazards", 0, "text", value="长" * 501), "too-long", "/hazards/0/text"),
    (put("hazards", 0, "place", value="长" * 201), "too-long", "/hazards/0/place"),
    (put("hazards", 0, "finding_code", value="EV-0000001"), "unknown-finding", "/hazards/0/finding_code"),
    (put("hazards", 0, "finding_code", value="EV-00000001"), "too-long", "/hazards/0/finding_code"),
    (put("note", value="长" * 2001), "too-long", "/note"),
    (put("inspector_ids", value=[str(uuid4()) for _ in range(21)]), "too-many", "/inspector_ids"),
    (put("hazards", 0, "photo_ids", value=[str(uuid4()) for _ in range(51)]), "too-many", "/hazards/0/photo_ids"),
    (put("kind", value="raid"), "unknown-value", "/kind"),
    (put("kind", value=None), "unknown-value", "/kind"),
    (put("hazards", 0, "severity", value="catastrophic"), "unknown-value", "/hazards/0/severity"),
    (put("photos", 0, "role", value="selfie"), "unknown-value", "/photos/0/role"),
    (put("photos", 0, "source", value="internet"), "unknown-value", "/photos/0/source"),
    (lambda body: body.pop("started_at"), "field-missing", "/started_at"),
    (lambda body: body["hazards"][0].pop("id"), "field-missing", "/hazards/0/id"),
    (put("premises_id", value=None), "invalid-value", "/"),
    (put("premises_id", value="not-a-uuid"), "invalid-value", "/premises_id"),
    (put("started_at", value="2026-11-24T02:00:00"), "invalid-value", "/started_at"),
    (put("started_at", value="yesterday"), "invalid-value", "/started_at"),
    (put("started_at", value=1_764_000_000), "invalid-value", "/started_at"),
    (put("started_at", value="1764000000"), "invalid-value", "/started_at"),
    (put("started_at", value=LONG_AGO), "invalid-value", "/started_at"),
    (put("hazards", 0, "found_at", value=FAR), "invalid-value", "/hazards/0/found_at"),
    (put("hazards", 0, "due_on", value="2026-13-01"), "invalid-value", "/hazards/0/due_on"),
    (put("hazards", 0, "due_on", value="2026-11-24T00:00:00Z"), "invalid-value", "/hazards/0/due_on"),
    (put("hazards", 0, "due_on", value=1_764_000_000), "invalid-value", "/hazards/0/due_on"),
    (put("hazards", 0, "text", value=""), "invalid-value", "/hazards/0/text"),
    (put("hazards", 0, "text", value=17), "invalid-value", "/hazards/0/text"),
    (put("offset_ms", value=10**13), "invalid-value", "/offset_ms"),
    (put("offset_ms", value=1.5), "invalid-value", "/offset_ms"),
    (put("device_seq", value=-1), "invalid-value", "/device_seq"),
    (put("location", value={"lat": 91, "lng": 1}), "invalid-value", "/location/lat"),
    (put("location", value={"lat": True, "lng": 1}), "invalid-value", "/location/lat"),
    (put("location", value={"lat": 1, "lng": "118.8"}), "invalid-value", "/location/lng"),
    (put("location", value={"lat": 1, "lng": 1, "accuracy_m": False}), "invalid-value", "/location/accuracy_m"),
    (put("photos", 0, "sha256", value="A" * 64), "invalid-value", "/photos/0/sha256"),
    (put("photos", 0, "bytes", value=0), "invalid-value", "/photos/0/bytes"),
    (put("photos", 0, "bytes", value=20 * 1024 * 1024 + 1), "invalid-value", "/photos/0/bytes"),
]


class TestFields:
    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        FIELDS,
        ids=[f"{place} {code} {at}" for place, (_, code, at) in enumerate(FIELDS)],
    )
    def test_a_wrong_field_is_pointed_at(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, change: Change, code: str, pointer: str
    ) -> None:
        body = one_hazard(phone)
        change(body)
        assert phone.street.inspector
        with unchanged():
            answer = phone.submit(phone.street.inspector, body)
            refused(answer, 422, code)
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    def test_several_faults_are_all_told(self, phone: Phone, refused: Refused) -> None:
        body = one_hazard(phone, kind="raid", surprise=1)
        answer = phone.submit(phone.street.inspector, body)
        refused(answer, 422, "content-rejected")
        assert {fault["code"] for fault in answer.json()["errors"]} == {"unknown-value", "unknown-field"}

    @pytest.mark.parametrize(
        ("path", "fields", "code"),
        [
            ("rectifications", {"base_round": 0, "photo_ids": []}, "invalid-value"),
            ("rectifications", {"base_round": 1, "result": "pass"}, "unknown-field"),
            ("reinspections", {"base_round": 1, "result": "perhaps"}, "unknown-value"),
            ("reinspections", {"base_round": 1, "result": "fail", "reason_code": "weather"}, "unknown-value"),
            ("confirmations", {"decision": "maybe", "base_version": 1}, "unknown-value"),
            ("confirmations", {"decision": "confirm", "base_version": 2**31}, "invalid-value"),
            ("interim-measures", {"measures": "长" * 501}, "too-long"),
            ("determinations", {"verdict": "suspected_major"}, "content-rejected"),
            ("voids", {"reason": "", "base_version": 1}, "invalid-value"),
            ("comments", {"note": "长" * 2001}, "too-long"),
            ("comments", {}, "field-missing"),
            ("comments", {"note": "x", "at": "2026-11-24"}, "invalid-value"),
            ("comments", {"note": "x", "id": "1"}, "invalid-value"),
            ("comments", {"note": "x", "photo_ids": [str(uuid4())]}, "too-many"),
        ],
    )
    def test_a_wrong_field_of_an_action_too(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, path: str, fields: dict[str, Any], code: str
    ) -> None:
        hazard, street = phone.report(), phone.street
        person = street.office if path in {"confirmations", "determinations", "voids"} else street.inspector
        with unchanged():
            refused(phone.act(person, hazard["id"], path, **fields), 422, code)


class TestWhoIsAsking:
    @pytest.mark.parametrize(
        ("code", "values"),
        [
            ("token-expired", {"expires_at": timedelta(0)}),
            ("token-revoked", {"revoked_at": timedelta(0)}),
            ("token-unknown", {"token_hash": "0" * 64}),
        ],
    )
    def test_a_token_that_is_over(
        self,
        phone: Phone,
        session: Any,
        refused: Refused,
        unchanged: Unchanged,
        code: str,
        values: dict[str, Any],
    ) -> None:
        from sqlalchemy import update

        from app.models import Token

        inspector, hazard = phone.street.inspector, phone.report()
        now = phone.clock()
        made = {name: now + value if isinstance(value, timedelta) else value for name, value in values.items()}
        session.execute(update(Token).where(Token.user_id == inspector.id).values(made))
        session.commit()
        with unchanged():
            refused(phone.submit(inspector, one_hazard(phone)), 401, code)
            refused(phone.act(inspector, hazard["id"], "comments", note="x"), 401, code)
            refused(phone.upload(inspector, shoot(at=now)), 401, code)
            answer = phone.client.get("/hazards", headers=inspector.headers)
            refused(answer, 401, code)
        assert answer.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x y", "bearer \u00e9"])
    def test_nobody(self, phone: Phone, unchanged: Unchanged, header: str | None) -> None:
        nobody = Person(uuid4(), {} if header is None else {"authorization": header.encode("latin-1")})  # type: ignore[dict-item]
        body = one_hazard(phone)
        with unchanged():
            for answer in (phone.submit(nobody, body), phone.client.get("/hazards", headers=nobody.headers)):
                assert answer.status_code == 401
                assert answer.json()["code"] in {"unauthorized", "token-unknown"}

    @pytest.mark.parametrize("role", ["office", "leader", "district", "auditor", "admin"])
    def test_only_inspectors_and_officers_submit(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, role: str
    ) -> None:
        person = phone.street.person(role)
        body = one_hazard(phone)
        with unchanged():
            refused(phone.submit(person, body), 403, "forbidden")

    def test_an_inspector_without_an_area_today_finds_nothing(
        self, phone: Phone, session: Any, refused: Refused, unchanged: Unchanged
    ) -> None:
        from sqlalchemy import update

        from app.models import UserArea

        inspector, hazard = phone.street.inspector, phone.report()
        yesterday = phone.clock().date() - timedelta(days=1)
        session.execute(update(UserArea).where(UserArea.user_id == inspector.id).values(valid_to=yesterday))
        session.commit()
        with unchanged():
            refused(phone.submit(inspector, one_hazard(phone)), 404, "not-found")
            refused(phone.act(inspector, hazard["id"], "comments", note="x"), 404, "not-found")
        assert phone.client.get("/hazards", headers=inspector.headers).json()["items"] == []


class TestPathsAndParameters:
    @pytest.mark.parametrize(
        "path", ["/hazards/1", "/inspections/x", "/photos/%00", "/hazards/1/timeline", "/photos/1/content"]
    )
    def test_an_id_that_is_none(self, phone: Phone, path: str) -> None:
        answer = phone.client.get(path, headers=phone.street.inspector.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-value")

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=201", "invalid-value"),
            ("limit=0", "invalid-value"),
            ("limit=-1", "invalid-value"),
            ("limit=many", "invalid-value"),
            ("page=2", "unknown-parameter"),
            ("as_of=2026-11-25", "date-in-future"),
            ("as_of=2026-02-30", "invalid-value"),
            ("as_of=0001-01-01", "invalid-value"),
            ("status=gone", "unknown-value"),
            ("severity=huge", "unknown-value"),
            ("sort=random", "unknown-value"),
            ("premises_id=1", "invalid-value"),
            ("q=" + "x" * 61, "too-long"),
            ("q=", "invalid-value"),
            ("q=a%00b", "invalid-value"),
            ("overdue=perhaps", "invalid-value"),
        ],
    )
    def test_a_wrong_parameter(self, phone: Phone, query: str, code: str) -> None:
        answer = phone.client.get(f"/hazards?{query}", headers=phone.street.inspector.headers)
        assert answer.status_code == 422, answer.text
        assert code in {answer.json()["code"], *(fault["code"] for fault in answer.json()["errors"])}

    @pytest.mark.parametrize(
        "path", ["/hazards/summary?page=1", "/inspections?status=1", "/receipt-keys?x=1", "/me?x=1"]
    )
    def test_an_unknown_parameter_anywhere(self, phone: Phone, path: str) -> None:
        answer = phone.client.get(path, headers=phone.street.inspector.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-parameter")

    @pytest.mark.parametrize("path", ["/nowhere", "/hazards/a/b/c"])
    def test_no_such_route(self, phone: Phone, refused: Refused, path: str) -> None:
        refused(phone.client.get(path, headers=phone.street.inspector.headers), 404, "not-found")

    def test_no_such_method(self, phone: Phone, refused: Refused) -> None:
        refused(phone.client.delete("/hazards", headers=phone.street.inspector.headers), 405, "method-not-allowed")

    def test_a_protocol_from_the_future(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        headers = phone.street.inspector.headers | {"x-protocol": "99"}
        body = one_hazard(phone)
        with unchanged():
            answer = phone.client.put(f"/inspections/{uuid4()}", json=body, headers=headers)
            refused(answer, 503, "upgrade-in-progress")
        assert answer.json()["retryable"] is True
        assert int(answer.headers["retry-after"]) > 0


class TestActions:
    def test_a_stale_decision(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        hazard = phone.reinspect(phone.street.inspector, phone.report()).json()["hazard"]
        assert phone.street.leader
        with unchanged():
            refused(phone.decide(phone.street.leader, hazard, base_version=hazard["version"] - 1), 412, "stale-version")
            refused(phone.decide(phone.street.leader, hazard, base_version=hazard["version"] + 1), 412, "stale-version")
            refused(phone.decide(phone.street.leader, hazard, base_version=None), 428, "version-missing")

    def test_an_action_not_possible_in_this_status(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        street = phone.street
        closed = phone.reinspect(street.other_inspector, phone.report()).json()["hazard"]
        photo, leader, office = phone.stored(street.inspector), street.leader, street.office
        with unchanged():
            for answer in (
                phone.claim(street.inspector, closed, photo_ids=[photo]),
                phone.reinspect(street.inspector, closed, photo_ids=[photo]),
                phone.reinspect(street.inspector, closed, "fail"),
                phone.decide(leader, closed),
                phone.determine(leader, closed),
                phone.ask_void(office, closed),
                phone.act(office, closed["id"], "interim-measures", measures="x"),
            ):
                refused(answer, 409, "illegal-action")
                assert answer.json()["current_status"] == "closed"
                assert answer.json()["allowed_actions"] == ["comment"]

    @pytest.mark.parametrize("who", ["inspector", "office", "leader"])
    def test_the_same_id_with_another_body(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, who: str
    ) -> None:
        hazard, other, action_id = phone.report(), phone.report(), str(uuid4())
        first = {"id": action_id, "note": "一", "at": rfc3339(phone.clock())}
        assert phone.act(phone.street.inspector, hazard["id"], "comments", **first).status_code == 201
        person = getattr(phone.street, who)
        with unchanged():
            answer = phone.act(person, hazard["id"], "comments", **(first | {"note": "二"}))
            refused(answer, 409, "action-id-reused")
            refused(phone.act(person, other["id"], "comments", **first), 409, "action-id-reused")
            refused(phone.claim(phone.street.inspector, hazard, id=action_id, photo_ids=[]), 409, "action-id-reused")

    @pytest.mark.parametrize("path", ["confirmations", "determinations", "voids", "interim-measures", "reinspections"])
    def test_a_photo_that_nobody_sent(self, phone: Phone, refused: Refused, unchanged: Unchanged, path: str) -> None:
        street, nowhere = phone.street, [str(uuid4())]
        hazard = phone.reinspect(street.inspector, phone.report()).json()["hazard"]
        fresh, leader, office = phone.report(), street.leader, street.office
        with unchanged():
            answer = {
                "confirmations": lambda: phone.decide(leader, hazard, photo_ids=nowhere),
                "determinations": lambda: phone.determine(leader, fresh, photo_ids=nowhere),
                "voids": lambda: phone.ask_void(office, fresh, photo_ids=nowhere),
                "interim-measures": lambda: phone.act(office, fresh["id"], path, measures="x", photo_ids=nowhere),
                "reinspections": lambda: phone.reinspect(street.inspector, fresh, "fail", photo_ids=nowhere),
            }[path]()
            refused(answer, 409, "photo-missing")


class TestIdsOfOthers:
    """What lies in another area reads as if it were not there; an id in use says only that."""

    def test_premises_and_areas_of_another_street(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        street = phone.street
        place = {"id": str(uuid4()), "name": "新开小店", "kind": "street_shop", "address": "方家营1号"}
        bodies = [
            one_hazard(phone, premises_id=str(street.other_shop.id)),
            one_hazard(phone, premises_id=None, premises=place | {"area_id": str(street.other_street.id)}),
            one_hazard(phone, premises_id=str(uuid4())),
        ]
        assert street.inspector
        with unchanged():
            for body in bodies:
                refused(phone.submit(street.inspector, body), 404, "not-found")

    def test_a_hazard_of_another_street(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        hazard, stranger = phone.report(), phone.street.stranger
        photo = phone.stored(stranger)
        with unchanged():
            refused(phone.claim(stranger, hazard, photo_ids=[photo]), 404, "not-found")
            refused(phone.reinspect(stranger, hazard, "fail"), 404, "not-found")

    @pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("auditor", 403), ("admin", 403)])
    def test_an_action_id_in_use_is_no_news_to_them(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, who: str, status: int
    ) -> None:
        street, hazard, action_id = phone.street, phone.report(), str(uuid4())
        assert phone.act(street.inspector, hazard["id"], "comments", id=action_id, note="x").status_code == 201
        person = street.stranger if who == "stranger" else street.person(who)
        with unchanged():
            for used in (action_id, str(uuid4())):
                answer = phone.act(person, hazard["id"], "comments", id=used, note="x")
                assert answer.status_code == status

    @pytest.mark.parametrize("who", ["office", "auditor", "district_person"])
    def test_an_inspection_id_in_use_is_no_news_to_them(
        self, phone: Phone, refused: Refused, unchanged: Unchanged, who: str
    ) -> None:
        inspection_id, body = str(uuid4()), one_hazard(phone)
        assert phone.submit(phone.street.inspector, body, inspection_id).status_code == 201
        person = phone.street.person("auditor") if who == "auditor" else getattr(phone.street, who)
        with unchanged():
            refused(phone.submit(person, body, inspection_id), 403, "forbidden")

    @pytest.mark.parametrize("who", ["other_inspector", "stranger"])
    def test_an_id_in_use(self, phone: Phone, refused: Refused, unchanged: Unchanged, who: str) -> None:
        street, inspection_id, body = phone.street, str(uuid4()), one_hazard(phone)
        assert phone.submit(street.inspector, body, inspection_id).status_code == 201
        person: Person = getattr(street, who)
        place = street.other_shop if who == "stranger" else street.shop
        own = one_hazard(phone, premises_id=str(place.id))
        same_hazard = one_hazard(phone, premises_id=str(place.id))
        same_hazard["hazards"][0]["id"] = body["hazards"][0]["id"]
        same_photo = one_hazard(phone, premises_id=str(place.id))
        same_photo["photos"][0]["id"] = same_photo["hazards"][0]["photo_ids"][0] = body["photos"][0]["id"]
        same_place = one_hazard(phone, premises_id=None)
        same_place["premises"] = {"id": str(street.shop.id), "name": "店", "kind": "street_shop", "address": "1号"}
        same_place["premises"]["area_id"] = str(place.area_id)
        with unchanged():
            answers = [phone.submit(person, own, inspection_id)]
            answers += [phone.submit(person, other) for other in (same_hazard, same_photo, same_place)]
            for answer in answers:
                refused(answer, 409, "id-taken")
            told = [fault["pointer"] for answer in answers for fault in answer.json()["errors"]]
        assert told == ["/hazards/0/id", "/photos", "/premises/id"]

    def test_ones_own_hazard_id_again(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        first, second = one_hazard(phone), one_hazard(phone)
        assert phone.submit(phone.street.inspector, first).status_code == 201
        second["hazards"][0]["id"] = first["hazards"][0]["id"]
        with unchanged():
            refused(phone.submit(phone.street.inspector, second), 409, "id-taken")

    def test_another_hazard_as_the_original(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        hazard, street = phone.report(), phone.street
        shot, now = shoot(at=phone.clock()), phone.clock()
        far = found([shot], now)
        answer = phone.submit(street.stranger, visit(street.other_shop.id, now, hazards=[far], shots=[shot]))
        assert (answer.status_code, bool(street.office)) == (201, True)
        with unchanged():
            for original in (far["id"], str(uuid4()), hazard["id"]):
                answer = phone.ask_void(street.office, hazard, duplicate_of=original)
                refused(answer, 422, "unknown-duplicate")


class TestSubmissionsSentAgain:
    def test_the_same_id_with_other_content(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        inspection_id, body = str(uuid4()), one_hazard(phone)
        assert phone.submit(phone.street.inspector, body, inspection_id).status_code == 201
        others = [body | {"note": "补充"}, body | {"offset_ms": 1}, body | {"hazards": []}, body | {"note": None}]
        with unchanged():
            for other in others:
                refused(phone.submit(phone.street.inspector, other, inspection_id), 409, "inspection-differs")

    def test_bytes_that_served_before(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        street, now = phone.street, phone.clock()
        shot = shoot(at=now)
        first = visit(street.shop.id, now, hazards=[found([shot], now)], shots=[shot])
        assert phone.submit(street.inspector, first).status_code == 201
        for person, place in ((street.inspector, street.shop), (street.stranger, street.other_shop)):
            copy = shoot(at=now, content=shot.content)
            body = visit(place.id, now, hazards=[found([copy], now)], shots=[copy])
            with unchanged():
                answer = phone.submit(person, body)
                refused(answer, 409, "photo-reused")
            assert shot.id not in answer.text

    def test_photos_twice(self, phone: Phone, refused: Refused, unchanged: Unchanged) -> None:
        now, shot = phone.clock(), shoot(at=phone.clock())
        same_bytes = shoot(at=now, content=shot.content)
        twice = visit(phone.street.shop.id, now, hazards=[found([shot], now)], shots=[shot, shot])
        alike = visit(phone.street.shop.id, now, hazards=[found([shot], now)], shots=[shot, same_bytes])
        assert phone.street.inspector
        with unchanged():
            refused(phone.submit(phone.street.inspector, twice), 422, "duplicate-id")
            refused(phone.submit(phone.street.inspector, alike), 409, "photo-reused")


def test_a_phone_that_loses_the_signal_in_the_middle_is_no_fault_of_ours(app: FastAPI, phone: Phone) -> None:
    """The body never ends; what came counts for nothing, and nobody is woken up."""
    authorization = phone.street.inspector.headers["Authorization"].encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"900"), (b"authorization", authorization)]
    for method, path in (("PUT", f"/inspections/{uuid4()}"), ("POST", f"/hazards/{uuid4()}/comments")):
        scope = {"type": "http", "method": method, "path": f"/api/v1{path}", "headers": headers, "query_string": b""}
        came = iter([{"type": "http.request", "body": b'{"kind":', "more_body": True}, {"type": "http.disconnect"}])
        sent: list[Any] = []

        async def receive(came: Iterator[Any] = came) -> Any:
            return next(came)

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] == 400
