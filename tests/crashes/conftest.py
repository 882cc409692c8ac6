"""A service of its own for each module, killed at the end."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine

from app.core.database import dump_json, prepare_sqlite
from tests.conftest import SECRET
from tests.crashes.service import Service, environment
from tests.crashes.world import World
from tests.postgres import database


@contextmanager
def open_service(data_dir: Path, server_url: str | None, *, processes: int = 1) -> Iterator[tuple[Service, Engine]]:
    """A service that is not started over an empty database; the test's own connections close at once, so that the
    server alone finds the database as its death left it. One process can be told where to die."""
    service = Service(environment(data_dir, server_url, SECRET, processes))
    url = f"sqlite:///{data_dir}/xiaohao.db"
    if server_url is not None:
        url = server_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, poolclass=NullPool, json_serializer=dump_json)
    if server_url is None:
        prepare_sqlite(engine)
    with closing(service):
        yield service, engine


@contextmanager
def open_world(data_dir: Path, server_url: str | None, *, processes: int = 1) -> Iterator[World]:
    """A service that runs, and its people."""
    with open_service(data_dir, server_url, processes=processes) as (service, engine):
        service.start()
        yield World(service, engine, data_dir)


@pytest.fixture
def server_url(database_url: str) -> Iterator[str | None]:
    """An empty database of its own, or None for the embedded one."""
    if database_url.startswith("sqlite"):
        yield None
        return
    with database(database_url) as url:
        yield url


@pytest.fixture
def world(shared_world: World) -> World:
    """The module's, with a server that runs whatever the test before did."""
    if not shared_world.service.is_running:
        shared_world.service.start()
    return shared_world


@pytest.fixture(scope="module")
def shared_world(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data_dir = tmp_path_factory.mktemp("data")
    if database_url.startswith("sqlite"):
        with open_world(data_dir, None) as made:
            yield made
        return
    with database(database_url) as url, open_world(data_dir, url) as made:
        yield made
