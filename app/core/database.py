"""The only two ways to a session, and what each database needs to be durable.

SQLite: WAL, ``synchronous=FULL``, foreign keys, and ``BEGIN IMMEDIATE`` for every write (a read that
upgrades to a write fails at once). PostgreSQL: reads run autocommitted, so that a read is one round trip.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ConnectionEventsTarget
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

Dialect = Literal["sqlite", "postgresql"]

LOCK_TIMEOUT = "500ms"
"""For what several people want written together: who holds a row that one of them needs holds up all of them so long;
then each goes alone."""


class Database:
    """Keeps a reader and a writer; one ``with`` block is one transaction."""

    def __init__(self, bind: Engine | Connection) -> None:
        """``bind`` is an engine, or in tests a connection whose transaction is rolled back at the end."""
        self.dialect: Dialect = "sqlite" if bind.dialect.name == "sqlite" else "postgresql"
        self._bind = bind
        self._reader: Engine | Connection = bind
        self._writer: Engine | Connection = bind
        self._join: Literal["create_savepoint", "conditional_savepoint"] = "create_savepoint"
        if isinstance(bind, Engine):
            self._join = "conditional_savepoint"
            self._writer = bind.execution_options(write=True)
            if self.dialect == "postgresql":
                self._reader = bind.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is never committed."""
        with Session(self._reader, expire_on_commit=False, join_transaction_mode=self._join) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Commit when the block ends, roll back when it raises."""
        with (
            Session(self._writer, expire_on_commit=False, join_transaction_mode=self._join) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def write_briefly(self) -> Iterator[Session]:
        """The same for a transaction of several people's work, which must not stand for one lock: ``LOCK_TIMEOUT``."""
        with self.write() as session:
            if self.dialect == "postgresql":
                session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection without a session; on PostgreSQL each statement commits by itself, in one round trip."""
        if isinstance(self._reader, Engine):
            with self._reader.connect() as connection:
                yield connection
        else:
            with self._reader.begin_nested():
                yield self._reader

    def pool_use(self) -> tuple[int, int]:
        """Connections in use, and how many there may be; both 0 over a single connection."""
        pool = self._bind.pool if isinstance(self._bind, Engine) else None
        return (pool.checkedout(), pool.size()) if isinstance(pool, QueuePool) else (0, 0)

    def close(self) -> None:
        """Give all connections back."""
        if isinstance(self._bind, Engine):
            self._bind.dispose()


def make_engine(url: str, *, pool_size: int) -> Engine:
    """An engine for ``url`` (a SQLAlchemy address) with at most ``pool_size`` connections."""
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            connect_args={"check_same_thread": False},
            json_serializer=dump_json,
            hide_parameters=True,
        )
        prepare_sqlite(engine)
        return engine
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # the connections that are warm: each prepares its statements for itself
        pool_timeout=10,
        pool_pre_ping=False,
        json_serializer=dump_json,
        hide_parameters=True,
        connect_args={
            "application_name": "xiaohao",
            "connect_timeout": 5,
            "keepalives_idle": 10,  # a database whose machine vanished is given up after half a minute
            "keepalives_interval": 5,
            "keepalives_count": 4,
            "tcp_user_timeout": 30_000,
            "prepare_threshold": 1,
            "options": "-c statement_timeout=30000 -c lock_timeout=10000"
            " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
            " -c plan_cache_mode=force_generic_plan",  # a prepared statement is planned once, not each time
        },
    )


def prepare_sqlite(target: ConnectionEventsTarget) -> None:
    """Set what every SQLite connection needs; transactions begin when we say so, not when the driver guesses."""

    @event.listens_for(target, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(target, "begin")
    def _begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def dump_json(value: object) -> str:
    """JSON text for a column: UUIDs and dates as their text."""
    return orjson.dumps(value).decode()
