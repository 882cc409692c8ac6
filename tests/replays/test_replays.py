"""Requests recorded under one release get their first answer, word for word, under every later one.

Source: lifecycle.md, «Actions» (the hash is over the JSON value as received; clients freeze the bytes).
"""

import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import Session, col
from starlette.testclient import TestClient

from app.api import hazard_schemas, inspection_schemas, photos
from app.core.rawjson import parse, request_hash
from app.models import HazardEvent, Inspection
from app.services.runtime import Runtime
from tests.conftest import FakeClock, serve
from tests.factories import Person
from tests.lanes import lanes_of, taken_by
from tests.replays import next_release, phone_0_1_0
from tests.replays.recording import JSON, NOW, PEOPLE, Recorded, releases, requests_of, settle, write

RELEASES = releases()
EVERY = [one for folder in RELEASES for one in requests_of(folder)]
BODIES = [one for one in EVERY if one.content_type == JSON]


def each(requests: list[Recorded]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("recorded", requests, ids=[one.name for one in requests])


@pytest.fixture
def people(session: Session, clock: FakeClock) -> dict[str, Person]:
    clock.now = NOW
    return settle(session)


@pytest.fixture(params=["alone", "in lanes"])
def road(request: pytest.FixtureRequest, app: FastAPI, runtime: Runtime) -> Iterator[str]:
    """By the routes' own road alone, and in a process with its lanes."""
    with lanes_of(app, runtime) if request.param == "in lanes" else nullcontext():
        yield request.param


@pytest.fixture(params=RELEASES)
def executed(
    request: pytest.FixtureRequest, session: Session, client: TestClient, people: dict[str, Person], road: str
) -> str:
    """A database in which that release first executed its requests: it holds its hashes and its answers."""
    folder = str(request.param)
    for recorded in requests_of(folder):
        answer = recorded.send(client, people)
        assert answer.status_code == 201, f"{recorded.name}: {answer.text}"
        if recorded.request_hash is not None:
            kind, row_id = _row_of(recorded)
            row = session.get_one(kind, row_id, populate_existing=True)
            assert row.request_hash == recorded.request_hash, f"{recorded.name} is known by another hash than it was"
            session.execute(update(kind).where(col(kind.id) == row_id).values(answer=recorded.answer.decode()))
            session.commit()
    taken = [taken_by(client.app, lane) for lane in ("submissions", "actions")]
    assert any(taken) is (road == "in lanes")
    return folder


def _row_of(recorded: Recorded) -> tuple[type[HazardEvent] | type[Inspection], UUID]:
    if recorded.method == "PUT":
        return Inspection, UUID(recorded.path.rpartition("/")[2])
    return HazardEvent, UUID(json.loads(recorded.body)["id"])


def check_replays(folder: str, client: TestClient, people: dict[str, Person]) -> None:
    for recorded in requests_of(folder):
        answer = recorded.send(client, people)
        assert (answer.status_code, answer.content) == (200, recorded.answer), recorded.name


class TestReplay:
    def test_by_this_release(self, executed: str, client: TestClient, people: dict[str, Person]) -> None:
        check_replays(executed, client, people)

    def test_after_every_body_has_grown(
        self, executed: str, road: str, runtime: Runtime, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = next_release.build(monkeypatch)
        client = serve(app, runtime)
        more = {"id": str(uuid4()), "at": "2026-11-24T02:00:00Z", "note": "晴", next_release.NEW_FIELD: "sunny"}
        url = f"/hazards/{phone_0_1_0.CORRIDOR}/comments"
        with lanes_of(app, runtime) if road == "in lanes" else nullcontext():
            check_replays(executed, client, people)
            assert client.post(url, json=more, headers=people["office"].headers).status_code == 201

    def test_to_a_route_in_other_letters(self, executed: str, client: TestClient, people: dict[str, Person]) -> None:
        for recorded in requests_of(executed):
            head, slash, rest = recorded.path.strip("/").partition("/")
            words = [word.upper() if word.count("-") == 4 else word for word in rest.split("/")]
            answer = recorded.send(client, people, url=f"/{head}{slash}{'/'.join(words)}")
            assert (answer.status_code, answer.content) == (200, recorded.answer), recorded.name


@pytest.mark.parametrize("name", ["InspectionIn", "Rectification", "PhotoForm"])
def test_the_next_release_reads_something_else(name: str) -> None:
    """Or the test above would show nothing: a hash over what was validated would differ."""
    model = next(
        getattr(module, name) for module in (hazard_schemas, inspection_schemas, photos) if hasattr(module, name)
    )
    larger = next_release.grown(model)
    assert set(larger.model_fields) - set(model.model_fields) == {next_release.NEW_FIELD}
    assert larger.model_fields[next_release.NEW_FIELD].default == next_release.DEFAULT


class TestRecordings:
    def test_hold_every_kind_of_write(self, app: FastAPI) -> None:
        """What is sent with an id of the client's; premises are the office's own and have no replay."""
        wanted = {
            path
            for path, item in app.openapi()["paths"].items()
            if path.startswith(("/api/v1/hazards", "/api/v1/inspections", "/api/v1/photos"))
            and {"put", "post"} & set(item)
        }
        sent = {_template(recorded.path) for recorded in EVERY}
        assert wanted == sent

    @each(BODIES)
    def test_hashes_are_those_of_bytes_route_and_person(self, recorded: Recorded) -> None:
        def hashed(*, body: bytes = recorded.body, route: str = recorded.path, by: str = recorded.by) -> str:
            return request_hash(f"{recorded.method} /api/v1{route}", PEOPLE[by][0], parse(body)).hex()

        other = next(name for name in PEOPLE if name != recorded.by)
        assert hashed() == recorded.request_hash
        again = json.dumps(json.loads(recorded.body), indent=3, sort_keys=True).encode()
        assert hashed(body=again) == recorded.request_hash
        changed = json.dumps(json.loads(recorded.body) | {"note": "x"}).encode()
        assert recorded.request_hash not in {hashed(body=changed), hashed(route=f"{recorded.path}/x"), hashed(by=other)}

    @pytest.mark.parametrize(
        ("body", "digest"),
        [
            ('{"b":1,"a":"楼"}', "91b3df9597c48e71795cecff88580154ecd0ae8642138178625629856511612e"),
            ('{ "a": "\\u697c", "b": 1 }', "91b3df9597c48e71795cecff88580154ecd0ae8642138178625629856511612e"),
            ('{"a":"楼","b":1.0}', "b3add2eff626e1006ac2b0e57e997b46a48e22218feb1bb3267de3028b45bc5c"),
            ('{"a":"楼","b":null}', "8436fee2313daeb4d7ce8ed1a98fd1c743758c2d99aaec4c9e1f35915d21c488"),
            ('{"a":"楼"}', "16d6166db790d11ef98db2182761bda1b3d494a7883064b2a41867d739dff814"),
            ("[1e2,-0.0,1e-7,118.80000000000001]", "bbb71aa0fc8879afa32c4b39d1b5f5dbeb9b81157b5e552f4833523332f7716f"),
            (
                '{"\\ud83d\\udeaa":"\\u2028\\"\\\\/"}',
                "c0f38310631aca64db672f16b6d181faaf44d12bb09915fe1922d478424eb6f3",
            ),
            ('{"10":1,"9":2,"é":3,"e":4}', "898d56149a9a7b7c99b7cde238327ebfde6e7c383985135f85a2c65f744d9113"),
        ],
    )
    def test_canonical_form(self, body: str, digest: str) -> None:
        assert request_hash("POST /api/v1/x", PEOPLE["office"][0], parse(body.encode())).hex() == digest


def _template(path: str) -> str:
    names = iter(["inspection_id" if path.startswith("/inspections") else "hazard_id", "void_id"])
    return "/api/v1" + "/".join("{" + next(names) + "}" if part.count("-") == 4 else part for part in path.split("/"))


class TestUnknownField:
    """One that a later release will know: named, and nothing else is looked at."""

    @each(BODIES)
    def test_is_named(self, recorded: Recorded, client: TestClient, people: dict[str, Person]) -> None:
        for pointer, body in _with_a_field_more(json.loads(recorded.body)):
            answer = recorded.send(client, people, content=json.dumps(body).encode())
            told = [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
            assert (answer.status_code, told) == (422, [(pointer, "unknown-field")]), answer.text

    def test_is_named_in_a_form(self, client: TestClient, people: dict[str, Person]) -> None:
        recorded = next(one for one in EVERY if one.path == "/photos")
        body = recorded.body.replace(
            b'name="source"',
            b'name="weather"\r\n\r\nsunny\r\n--'
            + phone_0_1_0.BOUNDARY.encode()
            + b'\r\nContent-Disposition: form-data; name="source"',
            1,
        )
        answer = recorded.send(client, people, content=body)
        told = [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
        assert (answer.status_code, told) == (422, [("/weather", "unknown-field")]), answer.text


def _with_a_field_more(value: Any, pointer: str = "") -> list[tuple[str, Any]]:
    """The body with an unknown field in each of its objects, one at a time."""
    if isinstance(value, list):
        return [
            (where, [*value[:place], inner, *value[place + 1 :]])
            for place, item in enumerate(value)
            for where, inner in _with_a_field_more(item, f"{pointer}/{place}")
        ]
    if not isinstance(value, dict):
        return []
    found = [(f"{pointer}/weather", value | {"weather": "sunny"})]
    for name, item in value.items():
        found += [(where, value | {name: inner}) for where, inner in _with_a_field_more(item, f"{pointer}/{name}")]
    return found


@pytest.mark.skipif("XIAOHAO_TEST_RECORD" not in os.environ, reason="only to record a release")
def test_record(client: TestClient, session: Session, people: dict[str, Person]) -> None:
    kept = []
    for sent in phone_0_1_0.requests():
        digest = None
        if sent.content_type == JSON:
            digest = request_hash(f"{sent.method} /api/v1{sent.path}", PEOPLE[sent.by][0], parse(sent.body)).hex()
        recorded = Recorded(*sent[:5], digest, body=sent.body, answer=b"")
        answer = recorded.send(client, people)
        assert answer.status_code == 201, f"{sent.name}: {answer.text}"
        kept.append(replace(recorded, answer=answer.content))
    write(os.environ["XIAOHAO_TEST_RECORD"], kept)
