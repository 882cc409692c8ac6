"""One of each thing, and a body for each operation that would be accepted: for tests that go over all operations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlmodel import select

from app.core.clock import rfc3339
from app.models import Token
from tests.factories import Person, found, shoot, visit
from tests.phone import Phone


@dataclass(frozen=True)
class Things:
    """One of each thing that can be named, all in one place."""

    hazard_id: str
    void_id: str
    inspection_id: str
    photo_id: str
    premises_id: str
    area_id: str
    user_id: str
    client_id: str
    session_id: str
    """Of the user."""
    person: Person

    @classmethod
    def nowhere(cls, person: Person) -> "Things":
        return cls(*(str(uuid4()) for _ in range(9)), person)


def make_things(phone: Phone) -> Things:
    """In the first street, by its inspector and office."""
    street = phone.street
    hazard = phone.report()
    asked = phone.ask_void(street.office, hazard).json()
    return Things(
        hazard["id"],
        asked["event_id"],
        hazard["inspection_id"],
        hazard["photos"][0]["id"],
        str(street.shop.id),
        str(street.community.id),
        str(street.inspector.id),
        str(street.machine(street.street).id),
        session_of(phone, street.inspector),
        street.inspector,
    )


def session_of(phone: Phone, person: Person) -> str:
    found = phone.street.session.exec(select(Token.family_id).where(Token.user_id == person.id)).first()
    return str(found)


Body = Callable[[Phone, Things], dict[str, Any]]


def envelope(**fields: Any) -> Body:
    """An action's body on the hazard ``here``, with its current version where that is asked."""

    def make(phone: Phone, here: Things) -> dict[str, Any]:
        hazard = phone.read(here.hazard_id)
        made = {"id": str(uuid4()), "at": rfc3339(phone.clock())} | fields
        return made | {"base_version": hazard["version"]}

    return make


def a_visit(phone: Phone, here: Things) -> dict[str, Any]:
    now, shot = phone.clock(), shoot(at=phone.clock())
    return visit(here.premises_id, now, hazards=[found([shot], now)], shots=[shot])


def nothing(_phone: Phone, _here: Things) -> dict[str, Any]:
    return {}


ACTIONS: dict[str, tuple[str, Body]] = {
    "rectifications": ("officer", envelope(base_round=1, photo_ids=[])),
    "reinspections": ("officer", envelope(base_round=1, result="fail", reason_code="no_access")),
    "confirmations": ("leader", envelope(decision="confirm")),
    "interim-measures": ("office", envelope(measures="专人值守")),
    "determinations": (
        "leader",
        envelope(verdict="major", standard="GB 35181", edition="2025", facts_used=["x"], members=["y"]),
    ),
    "voids": ("office", envelope(reason="重复")),
    "voids/{void_id}/decision": ("leader", envelope(decision="refuse")),
    "comments": ("leader", envelope(note="请尽快处理")),
}

SAMPLES: dict[tuple[str, str], tuple[str, Body]] = {
    ("GET", "/areas/{area_id}"): ("leader", nothing),
    ("GET", "/users/{user_id}"): ("admin", nothing),
    ("POST", "/users/{user_id}/deactivation"): ("admin", nothing),
    ("POST", "/users/{user_id}/password"): ("admin", lambda *_: {"password": "Correct-horse-9"}),
    ("GET", "/users/{user_id}/sessions"): ("admin", nothing),
    ("DELETE", "/users/{user_id}/sessions"): ("admin", nothing),
    ("DELETE", "/users/{user_id}/sessions/{session_id}"): ("admin", nothing),
    ("DELETE", "/me/sessions/{session_id}"): ("inspector", nothing),
    ("GET", "/clients/{client_id}"): ("admin", nothing),
    ("POST", "/clients/{client_id}/deactivation"): ("admin", nothing),
    ("GET", "/premises/{premises_id}"): ("inspector", nothing),
    ("PUT", "/inspections/{inspection_id}"): ("inspector", a_visit),
    ("GET", "/inspections/{inspection_id}"): ("inspector", nothing),
    ("GET", "/photos/{photo_id}"): ("leader", nothing),
    ("GET", "/photos/{photo_id}/content"): ("leader", nothing),
    ("GET", "/photos/{photo_id}/thumbnail"): ("office", nothing),
    ("GET", "/hazards/{hazard_id}"): ("inspector", nothing),
    ("GET", "/hazards/{hazard_id}/timeline"): ("leader", nothing),
    ("GET", "/district/hazards/{hazard_id}"): ("machine", nothing),
} | {("POST", f"/hazards/{{hazard_id}}/{path}"): sample for path, sample in ACTIONS.items()}
"""Who may call an operation with an id in its path, and with what."""

NEW_PLACE = {"name": "新店", "kind": "street_shop", "address": "建宁路1号"}
NEW_USER = {
    "username": "new.person",
    "staff_number": "N1",
    "name": "新人",
    "role": "inspector",
    "password": "Correct-9x!",
}
