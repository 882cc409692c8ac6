"""A machine client that pulls as the rule of the route says, and checks what it is promised."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx2
from starlette.testclient import TestClient

from tests.factories import Person

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
