"""When the server has closed its connections, one failure tells of all of them."""

from contextlib import ExitStack, closing

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError

from app.core.config import Settings
from app.core.database import Database, make_engine
from app.core.prepared import Prepared

CONNECTIONS = 4
ONE = Prepared(select(literal(1).label("one")))


@pytest.mark.usefixtures("on_postgresql")
def test_the_first_failure_is_the_last(run_settings: Settings) -> None:
    """However many wait in the pool; sooner or later each would have failed a request."""
    with closing(Database(make_engine(run_settings.sqlalchemy_url, pool_size=CONNECTIONS))) as db:
        with ExitStack() as opened:
            connections = [opened.enter_context(db.autocommit()) for _ in range(CONNECTIONS)]
            pids = [each.execute(text("SELECT pg_backend_pid()")).scalar_one() for each in connections]
        with closing(Database(make_engine(run_settings.sqlalchemy_url, pool_size=1))) as other, other.read() as session:
            session.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(:pids) pid"), {"pids": pids})
        with db.autocommit() as connection, pytest.raises(DBAPIError):
            ONE.rows(connection, {})
        with ExitStack() as opened:
            connections = [opened.enter_context(db.autocommit()) for _ in range(CONNECTIONS)]
            assert [ONE.rows(each, {})[0].one for each in connections] == [1] * CONNECTIONS
