"""What a phone sent under a release, byte for byte, and what it was answered first.

A folder under ``recorded`` is a release: ``index.json`` lists its requests in their order, beside it lie their bodies
and first answers. A folder is never changed; a release that sends something new gets a folder of its own, written with
``XIAOHAO_TEST_RECORD=<folder> pytest tests/replays``.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import httpx2
from sqlmodel import Session
from starlette.testclient import TestClient

from app.domain.vocabulary import AreaLevel, PremisesKind, Role
from app.models import Area, Premises, User, UserArea
from tests.factories import Person, sign_in

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""When everything was recorded, and is executed again."""
JSON = "application/json"


def fixed(number: int) -> UUID:
    """An id that is the same in every recording and every run."""
    return UUID(f"0190aaaa-0000-7000-8000-{number:012x}")


PEOPLE = {
    "inspector": (fixed(0x11), Role.INSPECTOR),
    "colleague": (fixed(0x12), Role.INSPECTOR),
    "office": (fixed(0x13), Role.OFFICE),
    "leader": (fixed(0x14), Role.LEADER),
}
PREMISES = fixed(0x21)


@dataclass(frozen=True)
class Recorded:
    """One request: who sent it where, and the SHA-256 in hex that it was known by (None: a photo, known by its own)."""

    name: str
    by: str
    method: str
    path: str
    content_type: str
    request_hash: str | None
    body: bytes = field(repr=False)
    answer: bytes = field(repr=False)

    def send(self, client: TestClient, people: dict[str, Person], **changes: object) -> httpx2.Response:
        """As it was sent, but for ``changes``."""
        sent = {"method": self.method, "url": self.path, "content": self.body} | changes
        headers = people[self.by].headers | {"Content-Type": self.content_type}
        return client.request(**sent, headers=headers)  # type: ignore[arg-type]  # what a test changes


def releases() -> list[str]:
    return sorted(path.name for path in RECORDED.iterdir() if path.is_dir()) if RECORDED.exists() else []


def requests_of(folder: str) -> Iterator[Recorded]:
    source = RECORDED / folder
    for entry in json.loads((source / "index.json").read_text(encoding="utf-8")):
        body, answer = ((source / f"{entry['name']}.{kind}").read_bytes() for kind in ("request", "answer"))
        yield Recorded(**entry, body=body, answer=answer)


def write(folder: str, requests: list[Recorded]) -> None:
    """Keep requests with their bodies and first answers."""
    target = RECORDED / folder
    target.mkdir(parents=True)
    index = []
    for recorded in requests:
        entry = asdict(recorded)
        for kind, content in (("request", entry.pop("body")), ("answer", entry.pop("answer"))):
            (target / f"{recorded.name}.{kind}").write_bytes(content)
        index.append(entry)
    (target / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def settle(session: Session) -> dict[str, Person]:
    """The street that everything was recorded in, with the same ids."""
    district = Area(id=fixed(1), code="320106", name="鼓楼区", level=AreaLevel.DISTRICT, path="320106/")
    path = f"{district.path}320106011/"
    street = Area(
        id=fixed(2), code="320106011", name="建宁路街道", level=AreaLevel.STREET, parent_id=fixed(1), path=path
    )
    for area in (district, street):
        session.add(area)
        session.flush()
    session.add(
        Premises(
            id=PREMISES,
            kind=PremisesKind.STREET_SHOP,
            name="老张酸菜鱼",
            area_id=street.id,
            area_path=street.path,
            address="建宁路2号",
            registered_at=NOW,
        )
    )
    for name, (person_id, role) in PEOPLE.items():
        user = User(
            id=person_id,
            username=name,
            staff_number=name,
            name="工作人员",
            role=role,
            password_hash="!",
            created_at=NOW,
        )
        session.add(user)
        session.flush()
        session.add(UserArea(user_id=person_id, area_id=street.id, valid_from=date(2026, 1, 1)))
    session.commit()
    return {name: sign_in(session, NOW, user_id=person_id) for name, (person_id, _) in PEOPLE.items()}
