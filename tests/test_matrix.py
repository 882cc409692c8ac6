"""Role × operation × inside and outside the area: every cell of the permissions is tried on the running service."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from app.api.matrix import COLUMNS, matrix_lines
from app.domain.permissions import PERMISSIONS, Outside
from app.domain.vocabulary import Role
from tests.factories import Person, shoot
from tests.phone import Phone
from tests.samples import SAMPLES, Things, make_things
from tests.test_isolation import IN_BODIES, call, caller, make_things_elsewhere, names_in

NOBODY = {"username": "x", "password": "y", "new_password": "Another-2026"}
FORMS = {"issue_token": {"grant_type": "password", "username": "x", "password": "y"}}
UNSEALED = {"list_changes", "get_feed_status"}
"""What they show is sealed after the commit: tests/api/test_district.py asks for it."""
FOR_OTHER_REASONS = {
    "issue_token": {"bad-credentials", "sign-in-locked"},
    "change_password": {"bad-credentials", "sign-in-locked"},
    "end_my_session": {"not-found"},
    "get_photo_thumbnail": {"thumbnail-missing"},
    "create_client": {"not-a-district"},
}
"""Refusals that are told to who is in the right role and area."""
SHOWS_NUMBERS = {"get_hazard_summary"}


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path.removeprefix("/api/v1"))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_every_operation_has_its_line(app: FastAPI) -> None:
    assert set(PERMISSIONS) == set(operations(app.openapi()))


def test_the_printed_matrix_says_what_is_tried(app: FastAPI) -> None:
    first, *lines = matrix_lines(app.openapi())
    for line in lines:
        permission = PERMISSIONS[line.split()[0]]
        marks = line[first.index(COLUMNS[0]) : first.index("outside")].split()
        assert dict(zip(COLUMNS, marks, strict=True)) == {
            role.value: "x" if role in permission.roles else "·" for role in Role
        } | {"machine": "x" if permission.machines else "·"}


def send(phone: Phone, name: str, person: Person, here: Things, where: Things) -> httpx2.Response:
    """The operation with things of ``where``: in its path, else in its body; everything else is of ``here``."""
    operation = operations(phone.client.app.openapi())[name]
    method, path = operation
    if name == "post_photo":
        return phone.upload(person, shoot(at=phone.clock()))
    if name in FORMS:
        return phone.client.request(method, path, data=FORMS[name], headers=person.headers)
    if path in {"/healthz", "/readyz", "/metrics"}:
        return phone.client.get(f"http://testserver{path}")
    ids = {known: getattr(where, known) for known in names_in(path)}
    bodies = [make(phone, here, where) for (*one, _), (_, make) in IN_BODIES.items() if tuple(one) == operation]
    if name == "put_inspection":
        return call(phone, operation, person, {"inspection_id": str(uuid4())}, bodies[0])
    body = SAMPLES[operation][1](phone, here) if operation in SAMPLES else bodies[0] if bodies else {}
    if name == "change_password":
        body = NOBODY
    if name == "create_area":
        body |= {"code": f"320106011002{uuid4().int % 100:02d}"}
    if name == "create_user":
        body |= {"username": f"u{uuid4().hex[:8]}", "staff_number": uuid4().hex[:8]}
    return call(phone, operation, person, ids, body)


@pytest.mark.parametrize("name", PERMISSIONS)
def test_each_role_inside_and_outside_its_area(phone: Phone, name: str) -> None:
    permission = PERMISSIONS[name]
    here, there = make_things(phone), make_things_elsewhere(phone)
    for role in COLUMNS:
        person = caller(phone.street, role)
        allowed = permission.machines if role == "machine" else Role(role) in permission.roles
        has_areas = permission.outside in {Outside.NOT_FOUND, Outside.LEFT_OUT}
        for where in (there, here) if has_areas else (here,):
            answer = send(phone, name, person, here, where)
            if not allowed:
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (role, answer.text)
            elif where is there:
                check_outside(permission.outside, answer, there)
            else:
                check_inside(name, permission.outside, answer, here)


def check_outside(told: Outside, answer: httpx2.Response, there: Things) -> None:
    if told is Outside.NOT_FOUND:
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), answer.text
    elif told is Outside.LEFT_OUT:
        assert answer.status_code == 200
        assert not shown(answer, there)


def check_inside(name: str, told: Outside, answer: httpx2.Response, here: Things) -> None:
    """Whatever the state then allows, neither role nor area is in the way."""
    if answer.status_code >= 400 and answer.json()["code"] not in FOR_OTHER_REASONS.get(name, ()):
        assert answer.status_code == 409, answer.text
    if name in SHOWS_NUMBERS:
        assert answer.json()["total"] == 1
    elif told is Outside.LEFT_OUT and name not in UNSEALED:
        assert shown(answer, here)


def shown(answer: httpx2.Response, things: Things) -> set[str]:
    """Which of the things the answer names."""
    ids = {value for value in vars(things).values() if isinstance(value, str) and UUID(value)}
    return {one for one in ids if one in answer.text}
