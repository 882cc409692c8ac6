"""Nothing outside one's area can be seen, counted or guessed; generated from the routes of the application.

A stranger's id reads word for word like one that never existed, in paths, bodies and filters. A new route, body or
filter without a sample here fails. Source: lifecycle.md, «Roles»; contract.md, «API in general».
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlmodel import Session

from app.api import ROUTERS
from tests.factories import Person, Street, found, make_area, shoot, visit
from tests.phone import Phone
from tests.samples import ACTIONS, NEW_PLACE, NEW_USER, SAMPLES, Things, a_visit, envelope, make_things, session_of

OPERATIONS = sorted(
    (method, route.path.removeprefix("/api/v1"))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
)
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/receipt-keys"),
    ("POST", "/auth/token"),
    ("POST", "/auth/password"),
}
WRITERS_ID = {("PUT", "/inspections/{inspection_id}")}
"""The id in the path is made by the writer: one in use is told as ``id-taken``, inside and outside the area."""


@pytest.fixture
def here(phone: Phone) -> Things:
    """In the first street."""
    return make_things(phone)


@pytest.fixture
def there(phone: Phone) -> Things:
    """In the other street, where nobody of the first one may look."""
    return make_things_elsewhere(phone)


def make_things_elsewhere(phone: Phone) -> Things:
    street, now, stranger = phone.street, phone.clock(), phone.street.stranger
    office = street.person("office", area=street.other_street)
    shot = shoot(at=now)
    hazard = found([shot], now)
    body = visit(street.other_shop.id, now, hazards=[hazard], shots=[shot])
    answer = phone.submit(stranger, body)
    assert (answer.status_code, phone.upload(stranger, shot).status_code) == (201, 201)
    asked = phone.ask_void(office, phone.read(hazard["id"], stranger))
    return Things(
        hazard["id"],
        asked.json()["event_id"],
        answer.json()["id"],
        shot.id,
        str(street.other_shop.id),
        str(street.other_shop.area_id),
        str(stranger.id),
        str(street.machine(street.other_street).id),
        session_of(phone, stranger),
        stranger,
    )


OWN_ID = {("DELETE", "/me/sessions/{session_id}")}
"""The id is the caller's own or there is none: tests/api/test_sessions.py."""


def caller(street: Street, role: str) -> Person:
    """Somebody of the first street, or its machine client."""
    return street.machine(street.street) if role == "machine" else street.person(role, area=street.street)


def call(phone: Phone, operation: tuple[str, str], person: Person, ids: dict[str, str], body: Any) -> httpx2.Response:
    method, path = operation
    url = path.format(**ids)
    content = {"json": body} if method in {"POST", "PUT"} else {}
    return phone.client.request(method, url, headers=person.headers, **content)


def told(answer: httpx2.Response) -> tuple[int, dict[str, Any]]:
    """All that the answer tells, but for the request's own number."""
    return answer.status_code, {name: value for name, value in answer.json().items() if name != "trace_id"}


def names_in(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


WITH_IDS = [operation for operation in OPERATIONS if "{" in operation[1]]


def test_every_operation_with_an_id_has_a_sample() -> None:
    assert set(SAMPLES) == set(WITH_IDS)
    assert all(name in Things.__dataclass_fields__ for _, path in WITH_IDS for name in names_in(path))


@pytest.mark.parametrize("operation", [one for one in WITH_IDS if one not in WRITERS_ID], ids=" ".join)
def test_a_strangers_id_reads_like_one_that_never_was(
    phone: Phone, here: Things, there: Things, operation: tuple[str, str]
) -> None:
    role, make = SAMPLES[operation]
    person = caller(phone.street, role)
    nowhere = Things.nowhere(person)
    for name in names_in(operation[1]):
        own = {other: getattr(here, other) for other in names_in(operation[1])}
        answers = [
            call(phone, operation, person, own | {name: getattr(things, name)}, make(phone, here))
            for things in (there, nowhere)
        ]
        assert told(answers[0]) == told(answers[1])
        assert answers[0].status_code == 404, answers[0].text


@pytest.mark.parametrize("operation", [one for one in WITH_IDS if one not in OWN_ID], ids=" ".join)
def test_ones_own_id_does_not(phone: Phone, here: Things, operation: tuple[str, str]) -> None:
    """The samples themselves are right: with ids of one's own area nobody is told that there is nothing."""
    role, make = SAMPLES[operation]
    ids = {name: getattr(here, name) for name in names_in(operation[1])}
    answer = call(phone, operation, caller(phone.street, role), ids, make(phone, here))
    assert answer.status_code != 403
    assert answer.status_code != 404 or answer.json()["code"] == "thumbnail-missing"
    assert answer.status_code != 422, answer.text


def test_an_inspection_id_in_use_tells_the_same_inside_and_outside(phone: Phone, here: Things, there: Things) -> None:
    answers = [
        phone.submit(phone.street.officer, a_visit(phone, here), things.inspection_id) for things in (here, there)
    ]
    assert told(answers[0]) == told(answers[1])
    assert told(answers[0])[1]["code"] == "id-taken"


IN_BODIES: dict[tuple[str, str, str], tuple[str, Callable[[Phone, Things, Things], dict[str, Any]]]] = {
    ("POST", "/areas", "parent_id"): (
        "admin",
        lambda _p, _h, far: {"code": "320106011009", "name": "新社区", "parent_id": far.area_id},
    ),
    ("POST", "/clients", "area_id"): ("admin", lambda _p, _h, far: {"name": "平台", "area_id": far.area_id}),
    ("POST", "/users", "areas/area_id"): (
        "admin",
        lambda _p, _h, far: NEW_USER | {"areas": [{"area_id": far.area_id}]},
    ),
    ("POST", "/premises", "area_id"): (
        "office",
        lambda _p, _h, far: NEW_PLACE | {"id": str(uuid4()), "area_id": far.area_id},
    ),
    ("POST", "/premises", "parent_id"): (
        "office",
        lambda _p, here, far: NEW_PLACE | {"id": str(uuid4()), "area_id": here.area_id, "parent_id": far.premises_id},
    ),
    ("PUT", "/inspections/{inspection_id}", "premises_id"): ("inspector", lambda phone, _h, far: a_visit(phone, far)),
    ("PUT", "/inspections/{inspection_id}", "premises/area_id"): (
        "inspector",
        lambda phone, here, far: (
            a_visit(phone, here)
            | {"premises_id": None, "premises": NEW_PLACE | {"id": str(uuid4()), "area_id": far.area_id}}
        ),
    ),
    ("PUT", "/inspections/{inspection_id}", "inspector_ids"): (
        "inspector",
        lambda phone, here, far: a_visit(phone, here) | {"inspector_ids": [far.user_id]},
    ),
    ("PUT", "/inspections/{inspection_id}", "rechecks/hazard_id"): (
        "inspector",
        lambda phone, here, far: (
            a_visit(phone, here)
            | {
                "rechecks": [
                    {
                        "action_id": str(uuid4()),
                        "hazard_id": far.hazard_id,
                        "base_round": 1,
                        "result": "fail",
                        "reason_code": "no_access",
                    }
                ]
            }
        ),
    ),
    ("PUT", "/inspections/{inspection_id}", "rechecks/photo_ids"): (
        "inspector",
        lambda phone, here, far: (
            a_visit(phone, here)
            | {
                "rechecks": [
                    {
                        "action_id": str(uuid4()),
                        "hazard_id": here.hazard_id,
                        "base_round": 1,
                        "result": "pass",
                        "photo_ids": [far.photo_id],
                    }
                ]
            }
        ),
    ),
    ("POST", "/hazards/{hazard_id}/voids", "duplicate_of"): (
        "office",
        lambda phone, here, far: envelope(reason="重复", duplicate_of=far.hazard_id)(phone, here),
    ),
} | {
    ("POST", f"/hazards/{{hazard_id}}/{path}", "photo_ids"): (
        sample[0],
        lambda phone, here, far, make=sample[1]: make(phone, here) | {"photo_ids": [far.photo_id]},
    )
    for path, sample in ACTIONS.items()
    if path != "comments"
}
"""Ids in bodies that name something which must be there already."""
MADE_BY_THE_WRITER = {
    *(
        (method, path, "id")
        for method, path in OPERATIONS
        if method == "POST" and path.startswith("/hazards/{hazard_id}/")
    ),
    ("POST", "/premises", "id"),
    *(
        ("PUT", "/inspections/{inspection_id}", name)
        for name in ("premises/id", "hazards/id", "photos/id", "rechecks/action_id")
    ),
    *(("PUT", "/inspections/{inspection_id}", name) for name in ("hazards/photo_ids", "answers/photo_ids")),
    ("POST", "/photos", "id"),
    ("POST", "/hazards/{hazard_id}/comments", "photo_ids"),
}
"""Ids of what the body itself brings: photos of hazards and answers are declared beside them; a comment has none."""


def ids_in(schema: dict[str, Any], document: dict[str, Any]) -> set[str]:
    """The members of a body that are ids, nested ones with their path."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    names = {""} if schema.get("format") == "uuid" else set()
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        names |= ids_in(inner, document)
    for name, inner in schema.get("properties", {}).items():
        names |= {f"{name}/{deeper}".rstrip("/") for deeper in ids_in(inner, document)}
    return names


def test_every_id_in_a_body_has_a_sample(app: FastAPI) -> None:
    document, used = app.openapi(), set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for name in ids_in(content["schema"], document):
                    used.add((method.upper(), path.removeprefix("/api/v1"), name))
    assert used == set(IN_BODIES) | MADE_BY_THE_WRITER


@pytest.mark.parametrize("place", IN_BODIES, ids=" ".join)
def test_a_strangers_id_in_a_body(phone: Phone, here: Things, there: Things, place: tuple[str, str, str]) -> None:
    method, path, name = place
    role, make = IN_BODIES[place]
    person = caller(phone.street, role)
    ids = {known: getattr(here, known) for known in names_in(path)}
    answers = []
    for far in (there, Things.nowhere(person)):
        if (method, path) in WRITERS_ID:
            ids = {"inspection_id": str(uuid4())}
        answers.append(call(phone, (method, path), person, ids, make(phone, here, far)))
    if name.startswith("rechecks/"):
        problems = [answer.json()["rechecks"][0]["problem"] for answer in answers]
        assert problems[0] == problems[1]
        assert problems[0]["code"] in {"not-found", "photo-missing"}
        return
    first, second = (told(answer) for answer in answers)
    for _, body in (first, second):
        for fault in body["errors"]:
            fault.update(pointer="", message="")  # they repeat what was sent
    assert first == second
    assert first[0] in {404, 409, 422}


IN_FILTERS = {
    ("/hazards", "area_id"): 404,
    ("/hazards/summary", "area_id"): 404,
    ("/premises", "area_id"): 404,
    ("/hazards", "premises_id"): 200,
    ("/hazards/summary", "premises_id"): 200,
    ("/hazards", "campaign_id"): 200,
    ("/hazards/summary", "campaign_id"): 200,
    ("/hazards", "handler_id"): 200,
    ("/hazards/summary", "handler_id"): 200,
    ("/inspections", "premises_id"): 200,
    ("/inspections", "reporter_id"): 200,
    ("/premises", "parent_id"): 200,
    ("/areas", "parent_id"): 200,
}


def test_every_id_in_a_filter_is_known(app: FastAPI) -> None:
    document = app.openapi()
    used = {
        (path.removeprefix("/api/v1"), parameter["name"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and ids_in(parameter["schema"], document)
    }
    assert used == set(IN_FILTERS)


@pytest.mark.parametrize(
    ("place", "status"), IN_FILTERS.items(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_strangers_id_in_a_filter(
    phone: Phone, here: Things, there: Things, place: tuple[str, str], status: int
) -> None:
    path, name = place
    known = {
        "parent_id": "area_id" if path == "/areas" else "premises_id",
        "handler_id": "user_id",
        "reporter_id": "user_id",
    }
    leader = phone.street.leader
    answers = []
    for things in (there, Things.nowhere(leader)):
        wanted = getattr(things, known.get(name, name), str(uuid4()))
        answers.append(phone.client.get(path, params={name: wanted}, headers=leader.headers))
    assert told(answers[0]) == told(answers[1])
    assert answers[0].status_code == status
    assert not answers[0].json().get("items")
    assert not answers[0].json().get("total")


def a_body(phone: Phone, here: Things, operation: tuple[str, str]) -> Any:
    """Something that would pass the schema."""
    if operation in SAMPLES:
        return SAMPLES[operation][1](phone, here)
    bodies = [
        make(phone, here, here) for (method, path, _), (_, make) in IN_BODIES.items() if (method, path) == operation
    ]
    return bodies[0] if bodies else {}


def send(phone: Phone, operation: tuple[str, str], person: Person, here: Things) -> httpx2.Response:
    if operation == ("POST", "/photos"):
        return phone.upload(person, shoot(at=phone.clock()))
    ids = {name: getattr(here, name) for name in names_in(operation[1])}
    return call(phone, operation, person, ids, a_body(phone, here, operation))


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one not in OPEN], ids=" ".join)
def test_nobody_signed_in(phone: Phone, here: Things, operation: tuple[str, str]) -> None:
    answer = send(phone, operation, Person(uuid4(), {}), here)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), answer.text


def test_a_community_sees_its_own_part_of_the_street(phone: Phone, session: Session, street: Street) -> None:
    """An area is a range of paths: a code that begins alike is another area."""
    hazard = phone.report()
    longer = make_area(session, "32010601100211", "一号网格", street.community)
    for area, status in (
        (street.community, 200),
        (street.street, 200),
        (street.other_community, 404),
        (longer, 404),
        (street.other_street, 404),
    ):
        person = street.person("inspector", "local", area=area)
        assert phone.client.get(f"/hazards/{hazard['id']}", headers=person.headers).status_code == status
        listed = phone.client.get("/hazards", headers=person.headers).json()["items"]
        assert [UUID(item["id"]) for item in listed] == ([UUID(hazard["id"])] if status == 200 else [])
        assert phone.client.get("/hazards/summary", headers=person.headers).json()["total"] == len(listed)
