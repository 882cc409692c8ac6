"""The people, places, clocks and photos that the model test plays with, as the service and as the model know them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
from sqlalchemy import delete, update
from sqlmodel import col

from app.domain.vocabulary import Role
from app.jobs.worker import JobRunner
from app.models import CredentialEvent, Job, User, UserArea
from app.services.runtime import Runtime
from tests import photos as maker
from tests.factories import Person, Shot, hire, make_premises, shoot
from tests.feed import Puller, running_hash
from tests.model.expected import Photo, Who
from tests.phone import Phone

DISTRICT, STREET, COMMUNITY, OTHER_STREET = (
    "320106/",
    "320106/320106011/",
    "320106/320106011/320106011002/",
    "320106/320106012/",
)
ROLES = {
    "a": ("inspector", STREET),
    "b": ("inspector", STREET),
    "c": ("officer", STREET),
    "local": ("inspector", COMMUNITY),
    "stranger": ("inspector", OTHER_STREET),
    "moved": ("inspector", STREET),
    "d": ("office", STREET),
    "e": ("office", STREET),
    "f": ("leader", STREET),
    "g": ("leader", STREET),
    "far": ("leader", OTHER_STREET),
    "h": ("district", DISTRICT),
    "k": ("district", DISTRICT),
    "auditor": ("auditor", STREET),
    "admin": ("admin", DISTRICT),
}
MADE_BY = {
    "f": ("b", timedelta(days=3)),
    "g": ("a", timedelta(days=1)),
    "h": ("c", timedelta(days=20)),
    "e": ("b", timedelta(days=28)),
    "k": ("d", timedelta(days=31)),
}
"""Whose account whom made, and how long before the first day."""
_zeros = count(1)


class Clock(NamedTuple):
    """How a device tells a moment that lies ``ago``: how wrong its clock is, and whether it measured that."""

    ago: timedelta = timedelta(0)
    wrong: timedelta = timedelta(0)
    is_measured: bool = True

    def tell(self, now: datetime) -> tuple[datetime, timedelta | None]:
        """The device's clock, and the measured offset."""
        return now - self.ago + self.wrong, (-self.wrong if self.is_measured else None)


CLOCKS = [
    Clock(),
    Clock(timedelta(minutes=1)),
    Clock(timedelta(hours=3)),
    Clock(timedelta(days=2)),
    Clock(timedelta(days=31)),
    Clock(-timedelta(minutes=5)),
    Clock(timedelta(minutes=1), wrong=timedelta(days=700)),
    Clock(timedelta(0), wrong=-timedelta(hours=9)),
    Clock(timedelta(minutes=1), is_measured=False),
]


@dataclass
class Site:
    """Where hazards are found."""

    premises_id: UUID
    path: str


class World:
    """One street for all examples; each begins on the first day with everybody as he was hired."""

    def __init__(self, phone: Phone, runtime: Runtime) -> None:
        self.phone, self.street, self.runtime = phone, phone.street, runtime
        self.first_day = phone.clock()
        street = self.street
        areas = (street.district, street.street, street.community, street.other_street)
        self.areas = {area.path: area for area in areas}
        self.persons: dict[str, Person] = {}
        with runtime.db.write() as session:
            for name, (role, path) in ROLES.items():
                self.persons[name] = hire(session, Role(role), [self.areas[path]], self.first_day)
            for name, (maker_name, before) in MADE_BY.items():
                ids = {"user_id": self.persons[name].id, "by_id": self.persons[maker_name].id}
                session.add(CredentialEvent(**ids, occurred_at=self.first_day - before))
            elsewhere = make_premises(session, street.other_community, self.first_day)
            shops = [street.shop, street.shop, elsewhere, street.other_shop]
            street.session = session
            machine = street.machine()
        self.sites = [Site(shop.id, shop.area_path) for shop in shops]
        self.jobs = JobRunner(runtime)
        self.feed = Feed(Puller(phone.client, machine, limit=1000))
        self.people: dict[str, Who] = {}
        self.numbers: set[str] = set()
        self.shots: dict[str, Shot] = {}
        self.undecoded: list[Photo] = []

    def begin(self) -> None:
        """The first day again."""
        self.phone.clock.now = self.first_day  # type: ignore[attr-defined]  # the clock of the tests
        self.people = {name: Who(name, role, (path,)) for name, (role, path) in ROLES.items()}
        for name, (maker_name, before) in MADE_BY.items():
            for one, other in ((name, maker_name), (maker_name, name)):
                self.people[one].links[other] = self.first_day - before
        self.move("moved", *ROLES["moved"])
        with self.runtime.db.write() as session:
            session.execute(delete(Job))
        self.undecoded.clear()

    def move(self, name: str, role: str, path: str) -> None:
        """Another role and area from now on."""
        user_id = self.persons[name].id
        with self.runtime.db.write() as session:
            session.execute(update(User).where(col(User.id) == user_id).values(role=Role(role)))
            terms = update(UserArea).where(col(UserArea.user_id) == user_id)
            session.execute(terms.values(area_id=self.areas[path].id))
        self.people[name].role, self.people[name].areas = role, (path,)

    def upload(self, who: Who, role: str, *, is_sound: bool = True, content: bytes | None = None) -> Photo:
        """A photo of his that has arrived."""
        photo = self.take(who, role, is_sound=is_sound, content=content)
        self.deliver(photo)
        return photo

    def take(self, who: Who, role: str, *, is_sound: bool = True, content: bytes | None = None) -> Photo:
        """A photo on his phone."""
        if not is_sound:
            content = maker.damaged_middle() + bytes(next(_zeros))
        shot = shoot(role, at=self.phone.clock(), content=content)
        self.shots[shot.id] = shot
        return Photo(shot.id, who.name, role, shot.sha256, is_sound=is_sound)

    def deliver(self, photo: Photo) -> None:
        answer = self.phone.upload(self.persons[photo.owner], self.shots[photo.id])
        assert answer.status_code == 201, answer.text
        photo.is_stored = True
        self.undecoded.append(photo)

    def decode(self) -> list[Photo]:
        """Let the worker do all its jobs; the photos that it has decoded, in the order in which they came."""
        while self.jobs.run_some():
            pass
        decoded = list(self.undecoded)
        self.undecoded.clear()
        return decoded

    def send(self, name: str, method: str, url: str, body: dict[str, Any]) -> httpx2.Response:
        return self.phone.client.request(method, url, json=body, headers=self.persons[name].headers)

    def get(self, name: str, url: str) -> httpx2.Response:
        return self.phone.client.get(url, headers=self.persons[name].headers)


class Feed:
    """What the district was told: every position, with its hash computed again."""

    def __init__(self, puller: Puller) -> None:
        self.puller = puller
        self.hash, self.position = "0" * 64, 0
        self.latest: dict[str, dict[str, Any]] = {}

    def pull(self) -> None:
        for page in self.puller.pages():
            for item in page["items"]:
                self.position += 1
                assert item["position"] == self.position
                before = self.latest.get(item["id"])
                assert before is None or item["version"] > before["version"], "a version came twice or late"
                self.latest[item["id"]] = item
            self.hash = running_hash(page["items"], self.hash)
            assert (page["position"], page["running_hash"]) == (self.position, self.hash)
        self.puller.items.clear()
