"""Databases whose connection dies at a chosen statement, as when the process that holds it is killed there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Self

import psycopg
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from app.core.database import Database, make_engine


class Died(Exception):
    """The process is no more."""


def kill_backend(engine: Engine, pid: int) -> None:
    """End a PostgreSQL connection, and come back when all it held is free."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as admin:  # else it sees one moment for ever
        assert admin.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid}).scalar_one() is True
        deadline = monotonic() + 20
        while admin.execute(text("SELECT count(*) FROM pg_stat_get_activity(:pid)"), {"pid": pid}).scalar_one():
            assert monotonic() < deadline


class Mortal:
    """A database for a process that dies before or after its ``n``-th statement (from 0)."""

    def __init__(self, url: str, admin: Engine) -> None:
        self._admin = admin
        self._engine = impatient(make_engine(url, pool_size=1))
        self._left: int | None = None
        self._is_after = False
        if self._engine.dialect.name == "postgresql":
            event.listen(self._engine, "connect", self._give_cursor)
        else:
            event.listen(self._engine, "before_cursor_execute", lambda *_: self._raise(is_after=False))
            event.listen(self._engine, "after_cursor_execute", lambda *_: self._raise(is_after=True))

    @contextmanager
    def dying(self, statement: int, *, is_after: bool) -> Iterator[Database]:
        """The database; the connection is gone when the block ends."""
        self._left, self._is_after = statement, is_after
        with suppress(Died, DBAPIError):
            yield Database(self._engine)
        self._engine.dispose()

    @property
    def has_died(self) -> bool:
        """Whether it came to that statement."""
        return self._left is not None and self._left < 0

    def close(self) -> None:
        self._engine.dispose()

    def _is_time(self, *, is_after: bool) -> bool:
        if self._left is None or self._left < 0 or is_after is not self._is_after:
            return False
        self._left -= 1
        return self._left < 0

    def _raise(self, *, is_after: bool) -> None:
        if self._is_time(is_after=is_after):
            raise Died

    def _give_cursor(self, connection: psycopg.Connection[Any], _record: object) -> None:
        def strike(*, is_after: bool) -> None:
            if self._is_time(is_after=is_after):
                kill_backend(self._admin, connection.info.backend_pid)

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, *arguments: Any, **options: Any) -> Self:
                strike(is_after=False)
                done = super().execute(*arguments, **options)
                strike(is_after=True)
                return done

        connection.cursor_factory = Cursor


def impatient(engine: Engine) -> Engine:
    """Never waits for SQLite's one writer: who has only one thread would wait for himself."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=0"))
    return engine
