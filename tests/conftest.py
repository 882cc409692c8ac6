"""One migrated database a run; each test in a transaction that is rolled back, or on a database emptied after it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session, SQLModel
from starlette.testclient import TestClient

from app.core.config import Settings
from app.core.database import Database, make_engine
from app.main import create_app
from app.services.installation import install, open_runtime
from app.services.runtime import Runtime
from tests.factories import Street, make_street
from tests.openapi import check_response
from tests.phone import Phone
from tests.postgres import postgres

hypothesis_settings.register_profile("default", deadline=None, print_blob=True)
hypothesis_settings.load_profile("default")

SECRET = "a secret key of the tests, 32 bytes or more"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.addoption("--long", action="store_true", help="run the long versions")


class FakeClock:
    """Stands at 10:00 on a Tuesday in Shanghai until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session", autouse=True)
def _server_zone() -> Iterator[None]:
    """The machine's zone must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.config.getoption("--database") == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('database')}/test.db"
        return
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def run_settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The run's database, installed."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), database_url=database_url, secret_key=SecretStr(SECRET), demo=False
    )
    install(settings, clock=FakeClock())
    return settings


@pytest.fixture(scope="session")
def engine(run_settings: Settings) -> Iterator[Engine]:
    made = make_engine(run_settings.sqlalchemy_url, pool_size=40)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def app(run_settings: Settings) -> Iterator[FastAPI]:
    """The application, made once; each test gives it a runtime of its own."""
    runtime = open_runtime(run_settings)
    made = create_app(runtime)
    made.openapi()  # by one thread; each answer is checked against it
    yield made
    runtime.db.close()


@pytest.fixture
def settings(run_settings: Settings, tmp_path: Path) -> Settings:
    return run_settings.model_copy(update={"data_dir": tmp_path})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(write=True) as made:
        outer = made.begin()
        yield made
        outer.rollback()


@pytest.fixture
def runtime(settings: Settings, clock: FakeClock, connection: Connection) -> Runtime:
    """A process whose writes are rolled back after the test."""
    return open_runtime(settings, clock=clock, bind=connection)


@pytest.fixture
def db(runtime: Runtime) -> Database:
    return runtime.db


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """What the test itself reads and writes."""
    with Session(connection, join_transaction_mode="create_savepoint") as made:
        yield made


@pytest.fixture
def client(app: FastAPI, runtime: Runtime) -> TestClient:
    """The service over ``runtime``; every answer is checked against the OpenAPI document."""
    return serve(app, runtime)


@pytest.fixture
def street(session: Session, clock: FakeClock) -> Street:
    return make_street(session, clock)


@pytest.fixture
def committed_runtime(settings: Settings, clock: FakeClock, engine: Engine) -> Iterator[Runtime]:
    """A process with real commits, several connections and an emptied database after the test."""
    made = open_runtime(settings, clock=clock, bind=engine)
    yield made
    _empty(engine)


@pytest.fixture
def committed_client(app: FastAPI, committed_runtime: Runtime) -> TestClient:
    return serve(app, committed_runtime)


@pytest.fixture
def committed_street(committed_runtime: Runtime, clock: FakeClock) -> Street:
    with committed_runtime.db.write() as session:
        return make_street(session, clock)


def serve(app: FastAPI, runtime: Runtime) -> TestClient:
    app.state.runtime = runtime
    made = TestClient(app, base_url="http://testserver/api/v1", raise_server_exceptions=False)
    made.event_hooks["response"].append(lambda response: check_response(app, response))
    return made


KEPT = {"alembic_version", "calendar_notice", "calendar_day", "receipt_key"}


def _empty(engine: Engine) -> None:
    tables = [table for table in reversed(SQLModel.metadata.sorted_tables) if table.name not in KEPT]
    with engine.execution_options(write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            names = ", ".join(table.name for table in tables if table.name not in {"seal", "chain_head"})
            connection.execute(text(f"TRUNCATE {names}"))
        else:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in tables:
                if table.name not in {"seal", "chain_head"}:
                    connection.execute(table.delete())
        connection.execute(text("UPDATE seal SET next = 1"))
        connection.execute(text("UPDATE chain_head SET position = 0, running_hash = :zero"), {"zero": "0" * 64})


@pytest.fixture
def phone(client: TestClient, street: Street, clock: FakeClock) -> Phone:
    return Phone(client, street, clock)


@pytest.fixture
def refused() -> Callable[[httpx2.Response, int, str], None]:
    def check(answer: httpx2.Response, status: int, code: str) -> None:
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    return check
