"""The district that is measured: our own schema, migrated by the project, with as many hazards as asked for."""

from dataclasses import dataclass

import psycopg

from app.core.config import Settings
from app.core.database import Database, make_engine
from app.services.installation import install
from scripts.benchmarks.ground import COMMUNITIES, add_ground
from scripts.benchmarks.history import copy_history

HAZARDS_A_PLACE = 20


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
    """Install the project's schema in the empty database ``url`` and fill it: two to three minutes for 10^6 hazards."""
    install(settings)
    world = World(settings, url, hazards)
    engine = make_engine(settings.sqlalchemy_url, pool_size=1)
    with Database(engine).write() as session:
        add_ground(session, world.premises)
    engine.dispose()
    copy_history(url, hazards, world.premises)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return world


def set_for_load(url: str) -> None:
    """What an operator sets on a machine of this size; durability stays as it is."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("max_wal_size = '8GB'", "checkpoint_timeout = '15min'", "random_page_cost = 1.1"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
