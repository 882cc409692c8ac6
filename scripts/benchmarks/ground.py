"""What a world stands on, on either database: a district with 13 streets of 8 communities, people, tokens, places."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session

from app.core.clock import business_date
from app.domain.vocabulary import AreaLevel, PremisesKind, PremisesStatus, Role
from app.models import Area, Client, Premises, Token, User, UserArea

STREETS = 13
COMMUNITIES_A_STREET = 8
COMMUNITIES = STREETS * COMMUNITIES_A_STREET
INSPECTORS_A_STREET = 12
PEOPLE_A_STREET = 16
DISTRICT_PERSON = "token209"
DISTRICT_CLIENT = "token210"
_STREET_PEOPLE = STREETS * PEOPLE_A_STREET
_DISTRICT = "320106"


def add_ground(session: Session, premises: int) -> None:
    """Areas, people with tokens that do not run out, the district's client, and so many premises."""
    now = datetime.now(UTC)
    for model, rows in (
        (Area, _areas()),
        (User, _people(now)),
        (UserArea, _work_areas(now)),
        (Client, _clients(now)),
        (Token, _tokens(now)),
        (Premises, _premises(premises, now)),
    ):
        session.execute(insert(model), list(rows))


def key(kind: str, number: int) -> UUID:
    """The id of an area, person or premises; in SQL ``md5(kind || number)::uuid``."""
    return UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


def inspector_token(street: int, number: int) -> str:
    """Of the ``number``-th inspector (from 0) of a street (from 1)."""
    return f"token{(street - 1) * PEOPLE_A_STREET + number}"


def officer_token(street: int) -> str:
    """Of the street's first officer."""
    return inspector_token(street, INSPECTORS_A_STREET)


def office_token(street: int) -> str:
    """Of the street's office person."""
    return inspector_token(street, 14)


def community_of(place: int) -> int:
    """The community (from 1) that a place of this number lies in."""
    return place % COMMUNITIES + 1


def street_of(place: int) -> int:
    """The street (from 1) that it lies in."""
    return (community_of(place) - 1) // COMMUNITIES_A_STREET + 1


def path_of(community: int) -> str:
    """The path of a community."""
    street = _street_code((community - 1) // COMMUNITIES_A_STREET + 1)
    return f"{_DISTRICT}/{street}/{street}{community:03}/"


def _street_code(street: int) -> str:
    return f"{_DISTRICT}{street:03}"


Rows = Iterator[dict[str, object]]


def _areas() -> Rows:
    top = key("district", 1)
    yield _area(top, _DISTRICT, "鼓楼区", AreaLevel.DISTRICT, None) | {"path": f"{_DISTRICT}/"}
    for number in range(1, STREETS + 1):
        code = _street_code(number)
        row = _area(key("street", number), code, f"街道{number}", AreaLevel.STREET, top)
        yield row | {"path": f"{_DISTRICT}/{code}/"}
    for number in range(1, COMMUNITIES + 1):
        street = (number - 1) // COMMUNITIES_A_STREET + 1
        code = f"{_street_code(street)}{number:03}"
        row = _area(key("community", number), code, f"社区{number}", AreaLevel.COMMUNITY, key("street", street))
        yield row | {"path": path_of(number)}


def _area(id: UUID, code: str, name: str, level: AreaLevel, parent_id: UUID | None) -> dict[str, object]:
    return {"id": id, "code": code, "name": name, "level": level, "parent_id": parent_id}


def _role(number: int) -> Role:
    if number > _STREET_PEOPLE:
        return Role.DISTRICT
    place = number % PEOPLE_A_STREET
    if place < INSPECTORS_A_STREET:
        return Role.INSPECTOR
    return (Role.OFFICER, Role.OFFICER, Role.OFFICE, Role.LEADER)[place - INSPECTORS_A_STREET]


def _people(now: datetime) -> Rows:
    for number in range(_STREET_PEOPLE + 2):
        yield {
            "id": key("person", number),
            "username": f"person{number}",
            "staff_number": f"S{number}",
            "name": f"工作人员{number}",
            "role": _role(number),
            "password_hash": "!",
            "certificate_no": str(number) if _role(number) is Role.OFFICER else None,
            "is_active": True,
            "created_at": now - timedelta(days=900),
        }


def _work_areas(now: datetime) -> Rows:
    for number in range(_STREET_PEOPLE + 2):
        is_of_street = number < _STREET_PEOPLE
        area = key("street", number // PEOPLE_A_STREET + 1) if is_of_street else key("district", 1)
        yield {
            "id": key("user_area", number),
            "user_id": key("person", number),
            "area_id": area,
            "valid_from": business_date(now) - timedelta(days=800),
        }


def _clients(now: datetime) -> Rows:
    yield {
        "id": key("client", 1),
        "name": "区级平台",
        "area_id": key("district", 1),
        "secret_hash": "0",
        "scope_epoch": 1,
        "is_active": True,
        "created_at": now,
    }


def _tokens(now: datetime) -> Rows:
    for number in range(_STREET_PEOPLE + 3):
        is_person = number < _STREET_PEOPLE + 2
        yield {
            "token_hash": hashlib.sha256(f"token{number}".encode()).hexdigest(),
            "kind": "access",
            "family_id": key("family", number),
            "user_id": key("person", number) if is_person else None,
            "client_id": None if is_person else key("client", 1),
            "issued_at": now,
            "expires_at": now + timedelta(days=900),
        }


def _premises(count: int, now: datetime) -> Rows:
    for number in range(1, count + 1):
        community = community_of(number)
        yield {
            "id": key("premises", number),
            "kind": PremisesKind.STREET_SHOP,
            "name": f"门店{number}",
            "area_id": key("community", community),
            "area_path": path_of(community),
            "address": f"建宁路{number}号",
            "attributes": {},
            "contacts": [],
            "status": PremisesStatus.ACTIVE,
            "version": 1,
            "registered_at": now - timedelta(days=800),
        }
