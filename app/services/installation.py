"""Opening a data set: migrations, built-in data, keys; the same for the server, the commands and the tests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, select
from sqlmodel import Session

from app.core.clock import Clock, utc_now
from app.core.config import Settings, secret_key
from app.core.database import Database, make_engine
from app.core.images import can_decode_heic
from app.core.metrics import Metrics
from app.core.storage import Storage
from app.domain.feed_chain import EMPTY
from app.models import ChainHead, Seal
from app.queries.backlog_gauges import BacklogGauges
from app.services.calendar import Calendars, seed_calendar
from app.services.last_used import LastUsed
from app.services.numbers import Numbers
from app.services.receipts import make_receipt_key, open_receipts
from app.services.runtime import Runtime

_INSTALLING = 320106
"""The number of our only advisory lock."""
_AGAIN_S = 0.1


FOR_ANSWERS = 5
"""Connections beside those of the worker threads: four for the lanes, one to spare."""
FOR_WORKER = 5
"""Connections for the worker alone: four for its loops, one to spare."""


def open_runtime(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    bind: Engine | Connection | None = None,
    metrics: Metrics | None = None,
    connections: int | None = None,
) -> Runtime:
    """A process's runtime over an installed database; ``bind`` replaces the engine in tests.

    There are ``connections`` at most, None: enough for a process that does everything.
    Raises ``BadSettings`` for a missing or foreign secret key.
    """
    secret = secret_key(settings)
    if bind is None:
        everything = settings.threads + FOR_ANSWERS + FOR_WORKER - 1
        bind = make_engine(settings.sqlalchemy_url, pool_size=connections or everything)
    db = Database(bind)
    with db.read() as session:
        receipts = open_receipts(session, secret)
    metrics = metrics or Metrics()
    metrics.registry.register(BacklogGauges(db, clock))
    return Runtime(
        settings=settings,
        db=db,
        storage=Storage(settings.storage_root),
        clock=clock,
        secret=secret,
        numbers=Numbers(db),
        receipts=receipts,
        calendars=Calendars(),
        metrics=metrics,
        last_used=LastUsed(db),
        takes_heic=can_decode_heic(),
    )


def install(settings: Settings, *, clock: Clock = utc_now) -> None:
    """Bring the database to this release and write what it must hold; a second run changes nothing."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = secret_key(settings)
    engine = make_engine(settings.sqlalchemy_url, pool_size=2)
    try:
        with _alone(engine):
            with engine.connect() as connection:
                migrate(connection)
            with Database(engine).write() as session:
                seed(session, secret, clock=clock)
    finally:
        engine.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nodes that start at once on one PostgreSQL install one after another, also behind a pooler of transactions.

    Asked for again and again: who waited inside a statement would hold a snapshot, for which an index that is made
    concurrently waits.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            while not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_INSTALLING})").scalar_one():
                time.sleep(_AGAIN_S)
        yield


def migrate(connection: Connection, *, to: str = "head") -> None:
    """Apply the migrations up to ``to`` on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    connection.commit()


def seed(session: Session, secret: bytes, *, clock: Clock) -> None:
    """The feed's single rows, the calendar and the first signing key, where they are missing."""
    now = clock()
    if session.execute(select(Seal)).first() is None:
        session.add(Seal(log_epoch=uuid4()))
        session.add(ChainHead(running_hash=EMPTY.hex()))
    seed_calendar(session, now=now)
    make_receipt_key(session, secret, now=now)
    session.flush()
