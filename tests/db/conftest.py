"""What tests with real commits share."""

import pytest
from starlette.testclient import TestClient

from app.services.runtime import Runtime
from tests.factories import Street
from tests.feed import Places


@pytest.fixture
def places(committed_runtime: Runtime, committed_client: TestClient, committed_street: Street, clock) -> Places:
    return Places(committed_runtime, committed_client, committed_street, clock)


@pytest.fixture
def on_postgresql(committed_runtime: Runtime) -> None:
    if committed_runtime.db.dialect != "postgresql":
        pytest.skip("SQLite has one writer, which seals itself")
