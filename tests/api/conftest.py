"""What the tests of the API share besides the phone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Connection

from app.services.runtime import Runtime
from tests.phone import Phone
from tests.stored import stored_state

__all__ = ["Phone", "Unchanged"]

Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def unchanged(connection: Connection, runtime: Runtime) -> Unchanged:
    """A block after which every stored row and file is as it was before."""

    @contextmanager
    def check() -> Iterator[None]:
        before = stored_state(connection, runtime.storage.root)
        yield
        assert stored_state(connection, runtime.storage.root) == before

    return check
