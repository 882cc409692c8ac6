"""Every documented operation asked by every role: what the document allows, its bounds, and much that it does not.

Never a 5xx, never an answer that the document does not promise, never a success for what it forbids. A failure prints
the request; without ``--long`` the cases are the same in every run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema

from app.jobs.worker import drain
from app.main import build_routes
from app.services.runtime import Runtime
from tests.factories import shoot
from tests.fuzz.asking import ROLES, ask, known_ids, person_with, read_document
from tests.lanes import lanes_of, taken_by
from tests.phone import Phone
from tests.samples import NEW_PLACE, NEW_USER, SAMPLES, Things, a_visit, make_things, nothing

CASES, LONG_CASES = 3, 100
"""Of each operation, role and kind (allowed or not)."""

OPERATIONS = [
    pytest.param(method.upper(), path, id=operation["operationId"])
    for path, item in build_routes().openapi()["paths"].items()
    for method, operation in item.items()
]
each = pytest.mark.parametrize(("method", "path"), OPERATIONS)


def things_for(phone: Phone, path: str) -> Things:
    """What the operation can be asked of: a hazard, and the rest, in the state that it needs."""
    here, inspector = make_things(phone), phone.street.inspector
    if "/hazards/" not in path or "{void_id}" in path:
        return here
    hazard = phone.report()
    if path.endswith("/confirmations"):
        assert phone.claim(inspector, hazard).status_code == 201
        assert phone.reinspect(inspector, hazard).status_code == 201
    return replace(here, hazard_id=hazard["id"])


OWN_PASSWORD = {
    "username": NEW_USER["username"],
    "password": NEW_USER["password"],
    "new_password": "New-person-9x!",
}
"""A new account's first step."""


def sample(phone: Phone, here: Things, method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Who may ask for the operation, and a body that is accepted."""
    path = path.removeprefix("/api/v1")
    shot, new = shoot(at=phone.clock()), {"id": str(uuid4()), "area_id": here.area_id}
    creations: dict[str, tuple[str, dict[str, Any]]] = {
        "/areas": ("admin", {"code": "320106011009", "name": "新社区", "parent_id": str(phone.street.street.id)}),
        "/clients": ("admin", {"name": "平台", "area_id": str(phone.street.district.id)}),
        "/users": ("admin", NEW_USER | {"areas": [{"area_id": here.area_id}]}),
        "/premises": ("office", NEW_PLACE | new),
        "/photos": ("inspector", shot.form() | {"file": shot.content}),
        "/auth/token": (
            "nobody",
            {"grant_type": "password", "username": NEW_USER["username"], "password": OWN_PASSWORD["new_password"]},
        ),
        "/auth/password": ("nobody", OWN_PASSWORD),
    }
    if path.startswith("/auth/"):
        admin = phone.street.person("admin")
        assert phone.client.post("/users", json=creations["/users"][1], headers=admin.headers).status_code == 201
    if path == "/auth/token":
        assert phone.client.post("/auth/password", json=OWN_PASSWORD).status_code == 200
    if method == "POST" and path in creations:
        return creations[path]
    role, make = SAMPLES.get((method, path), ("leader", nothing))
    if path.startswith("/district"):
        role = "machine"
    if path.startswith(("/users", "/clients")):
        role = "admin"
    more = {"photo_ids": [phone.stored(phone.street.officer)]} if path.endswith("/rectifications") else {}
    return role, make(phone, here) | more


@pytest.fixture(scope="session")
def document(app: FastAPI) -> BaseSchema:
    return read_document(app)


@pytest.fixture
def asked(
    app: FastAPI, phone: Phone, document: BaseSchema, runtime: Runtime, method: str, path: str
) -> Iterator["Asked"]:
    """Asked of a process with its lanes: what is plain goes through them, the rest by the routes' own road."""
    with lanes_of(app, runtime):
        yield Asked(phone, document, runtime, method, path)


class Asked:
    """An operation under test, the things it may name, and the statuses of the answers."""

    def __init__(self, phone: Phone, document: BaseSchema, runtime: Runtime, method: str, path: str) -> None:
        self.phone, self.document, self.operation = phone, document, document[path][method]
        self.things = things_for(phone, path)
        self.role, self.body = sample(phone, self.things, method, path)
        self.statuses: Counter[int] = Counter()
        self.path = path
        known_ids(self.things)
        if path.endswith("/thumbnail"):
            drain(runtime)

    def once(self, case: Case, role: str) -> None:
        """Send one case; the answer must be as documented. Failed sign-ins before it are forgotten by then."""
        if self.path.startswith("/auth/"):
            self.phone.clock.move(minutes=15)
        self.statuses[ask(case, role, person_with(self.phone.street, role)).status_code] += 1

    @property
    def was_let_in(self) -> bool:
        """Whether it was done at least once; else only its refusals were tested."""
        return any(status < 300 for status in self.statuses)

    def often(self, cases: st.SearchStrategy[Case], role: str, **options: Any) -> None:
        """As many cases as ``options`` say."""

        @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), **options)
        @given(case=cases)
        def run(case: Case) -> None:
            self.once(case, role)

        run()

    def cases(self, mode: GenerationMode) -> st.SearchStrategy[Case]:
        """The sample alone, with some members made up, or all of it made up."""
        made_up = st.sets(st.sampled_from(sorted(self.body)), max_size=3) if self.body else st.just(set())
        return st.builds(self.over_the_sample, self.operation.as_strategy(mode), made_up | st.none())

    def over_the_sample(self, case: Case, made_up: set[str] | None) -> Case:
        """``case`` with the sample's members but these; None: as it is."""
        if made_up is None:
            return case
        self.name_the_things(case)
        if self.body and isinstance(case.body, dict):
            case.body = self._fresh() | {name: case.body[name] for name in made_up if name in case.body}
        return case

    def name_the_things(self, case: Case) -> None:
        """Where the path has any id, the one of what is there."""
        for name, value in (case.path_parameters or {}).items():
            if _is_id(value):
                is_made_here = self.operation.method == "put"
                case.path_parameters[name] = str(uuid4()) if is_made_here else getattr(self.things, name)

    def bounds(self) -> Iterator[Case]:
        """Least and most of each field, each one missing, of another type, twice; then the same in the sample."""
        config = self.document.config.generation_for(operation=self.operation)
        plain: dict[str, Any] | None = None
        for case in self.document.iter_coverage_cases(
            self.operation, generation_modes=list(GenerationMode), generation_config=config
        ):
            self.name_the_things(case)
            yield case
            if isinstance(case.body, dict) and self.body:
                plain = plain or case.body
                changed = {name for name, value in case.body.items() if value != plain.get(name)}
                yield self.over_the_sample(case, changed)

    def _fresh(self) -> dict[str, Any]:
        """The sample with ids of its own, or else all but the first are the same again."""
        if self.operation.method == "put":
            return a_visit(self.phone, self.things)
        return self.body | ({"id": str(uuid4())} if "id" in self.body else {})


def _is_id(value: object) -> bool:
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False


@each
def test_answers_as_documented(asked: Asked, app: FastAPI, is_long: bool) -> None:
    options = {"max_examples": LONG_CASES if is_long else CASES, "derandomize": not is_long}
    can_be_wrong = asked.operation.body or list(asked.operation.iter_parameters())
    for role in ROLES:
        asked.often(asked.cases(GenerationMode.POSITIVE), role, **options)
        if can_be_wrong:
            asked.often(asked.cases(GenerationMode.NEGATIVE), role, **options)
    assert asked.was_let_in
    assert asked.operation.method != "put" or taken_by(app, "submissions") > 0


@each
def test_bounds_are_kept(asked: Asked) -> None:
    for case in asked.bounds():
        asked.once(case, asked.role)
    assert asked.was_let_in
