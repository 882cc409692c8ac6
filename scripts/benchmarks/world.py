"""The district that is measured: our own schema, migrated by the project, with as many hazards as asked for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from app.core.config import Settings
from app.services.installation import install

STREETS = 13
COMMUNITIES = 104
INSPECTORS_A_STREET = 12
PEOPLE_A_STREET = 16
HAZARDS_A_PLACE = 20
DISTRICT_PERSON = "token209"
DISTRICT_CLIENT = "token210"


@dataclass(frozen=True, slots=True)
class World:
    """A filled database, and who may be used in it."""

    settings: Settings
    url: str
    hazards: int

    @property
    def premises(self) -> int:
        return max(COMMUNITIES, self.hazards // HAZARDS_A_PLACE)


def make_world(settings: Settings, url: str, hazards: int) -> World:
    """Install the project's schema in the empty database ``url`` and fill it."""
    install(settings)
    world = World(settings, url, hazards)
    script = Path(__file__).with_name("world.sql").read_text()
    script = script.replace(":hazards", str(hazards)).replace(":premises", str(world.premises))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return world


def set_for_load(url: str) -> None:
    """What an operator sets on a machine of this size; durability stays as it is."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("max_wal_size = '8GB'", "checkpoint_timeout = '15min'", "random_page_cost = 1.1"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")


def key(kind: str, number: int) -> UUID:
    """The id of a row of the world."""
    return UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


def inspector_token(street: int, number: int) -> str:
    """Of the ``number``-th inspector (from 0) of a street (from 1)."""
    return f"token{(street - 1) * PEOPLE_A_STREET + number}"


def office_token(street: int) -> str:
    """Of the street's office person."""
    return f"token{(street - 1) * PEOPLE_A_STREET + 14}"


def street_of(place: int) -> int:
    """The street (from 1) that a place of this number lies in."""
    return place % COMMUNITIES // 8 + 1
