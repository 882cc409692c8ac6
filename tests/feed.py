"""Places that change, and machine clients that pull as the rule of the route says."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from app.core.clock import Clock
from app.domain.vocabulary import FeedType
from app.models import Client, Premises
from app.services.changes import publish
from app.services.runtime import Runtime
from tests.factories import Person, Street, make_premises, sign_in

PREMISES = FeedType.PREMISES

Item = dict[str, Any]


class Puller:
    """Keeps the cursor and everything it was sent."""

    def __init__(self, client: TestClient, person: Person, **params: object) -> None:
        self.client = client
        self.person = person
        self.params = params
        self.cursor: str | None = None
        self.items: list[Item] = []

    def ask(self, **params: object) -> httpx2.Response:
        """The next page as answered; nothing is kept."""
        asked = {"cursor": self.cursor} | self.params | params
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return self.client.get("/district/changes", params=given, headers=self.person.headers)

    def page(self, **params: object) -> dict[str, Any]:
        """The next page; its cursor and items are kept."""
        answer = self.ask(**params)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        self.cursor = page["next_cursor"]
        self.items += page["items"]
        return page

    def pages(self, **params: object) -> Iterator[dict[str, Any]]:
        """Pages until there is no more."""
        while True:
            page = self.page(**params)
            yield page
            if not page["has_more"]:
                return

    def pull(self, **params: object) -> list[Item]:
        """What is new, to the end."""
        return [item for page in self.pages(**params) for item in page["items"]]

    def refusal(self, **params: object) -> tuple[int, str, str | None]:
        """Status, code and reason of an answer that is not a page."""
        answer = self.ask(**params)
        body = answer.json()
        return answer.status_code, body.get("code"), body.get("reason")


class Places:
    """Premises that change, and clients that hear of it."""

    def __init__(self, runtime: Runtime, client: TestClient, street: Street, clock: Clock) -> None:
        self.db = runtime.db
        self.client = client
        self.street = street
        self.clock = clock
        self.ids: list[UUID] = []
        with self.db.write() as session:
            for area in (street.community, street.other_community, street.district):
                self.ids += [make_premises(session, area, clock(), version=0).id for _ in range(4)]

    def puller(self, area: Any = None, **params: object) -> Puller:
        now = self.clock()
        with self.db.write() as session:
            known = Client(
                name="区级平台", area_id=(area or self.street.district).id, secret_hash="0" * 64, created_at=now
            )
            session.add(known)
            session.flush()
            return Puller(self.client, sign_in(session, now, client_id=known.id), **params)

    def change(self, *places: int) -> None:
        """All these premises in one commit."""
        with self.db.write() as session:
            self.change_in(session, *places)

    def change_in(self, session: Session, *places: int) -> None:
        ids = [self.ids[place] for place in places]
        self.lock(session, *places)
        session.execute(update(Premises).where(col(Premises.id).in_(ids)).values(version=Premises.version + 1))
        publish(session, PREMISES, ids, now=self.clock())

    def lock(self, session: Session, *places: int) -> None:
        ids = [self.ids[place] for place in places]
        session.execute(
            select(col(Premises.id)).where(col(Premises.id).in_(ids)).order_by(col(Premises.id)).with_for_update()
        )

    def changed(self, *places: int) -> list[str]:
        return [str(self.ids[place]) for place in places]


def ids_of(items: list[Item]) -> list[str]:
    return [item["id"] for item in items]


def positions(items: list[Item]) -> list[int]:
    return [item["position"] for item in items]


def versions(items: list[Item]) -> list[tuple[str, int]]:
    return [(item["id"], item["version"]) for item in items]


def running_hash(items: list[Item], before: str = "0" * 64) -> str:
    """What a client comes to by the recipe, with nothing of ours."""
    running = bytes.fromhex(before)
    for item in items:
        told = {name: value for name, value in item.items() if name != "commit_last"}
        text = json.dumps(_whole_numbers(told), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        running = hashlib.sha256(running + hashlib.sha256(text.encode()).digest()).digest()
    return running.hex()


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
