"""What tests with real commits share."""

import pytest
from starlette.testclient import TestClient

from app.services.runtime import Runtime
from tests.conftest import FakeClock
from tests.factories import Street
from tests.feed import Places
from tests.phone import Phone


@pytest.fixture
def places(committed_runtime: Runtime, committed_client: TestClient, committed_street: Street, clock) -> Places:
    return Places(committed_runtime, committed_client, committed_street, clock)


@pytest.fixture
def on_postgresql(committed_runtime: Runtime) -> None:
    if committed_runtime.db.dialect != "postgresql":
        pytest.skip("SQLite has one writer, which seals itself")


@pytest.fixture
def racers(committed_street: Street, committed_runtime: Runtime) -> Street:
    """Everybody is hired before the races; a session of its own, because the one that made the street is over."""
    with committed_runtime.db.write() as session:
        committed_street.session = session
        for person in ("inspector", "other_inspector", "officer", "office", "leader", "district_person", "stranger"):
            assert getattr(committed_street, person)
        assert committed_street.person("leader", "second")
        committed_street.people["machine"] = committed_street.machine()
    return committed_street


@pytest.fixture
def racing_phone(committed_client: TestClient, racers: Street, clock: FakeClock) -> Phone:
    return Phone(committed_client, racers, clock)


@pytest.fixture
def rounds(is_long: bool) -> range:
    """Each race is run so often."""
    return range(40 if is_long else 3)
