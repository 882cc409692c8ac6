"""An installation with data is brought to this release."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, column, insert, select, table

from app.core.database import make_engine
from app.models import User
from app.services.installation import migrate
from tests.postgres import database

ACCOUNT = User.metadata.tables["user_account"]


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table."""
    if database_url.startswith("sqlite"):
        made = make_engine(f"sqlite:///{tmp_path}/old.db", pool_size=1)
        yield made
        made.dispose()
        return
    with database(database_url) as url:
        made = make_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=1)
        yield made
        made.dispose()


def test_passwords_do_not_run_out_by_the_upgrade(empty: Engine) -> None:
    """They had no age before; their accounts may be years old."""
    began = datetime.now(UTC)
    old = User(
        username="wangli",
        staff_number="JN0001",
        name="王丽",
        role="inspector",
        password_hash="x",
        created_at=began - timedelta(days=800),
    )
    known = ("id", "username", "staff_number", "name", "role", "password_hash", "is_active", "created_at")
    as_it_was = table("user_account", *(column(name, ACCOUNT.c[name].type) for name in known))
    with empty.connect() as connection:
        migrate(connection, to="0003")
        connection.execute(insert(as_it_was).values({name: getattr(old, name) for name in known}))
        connection.commit()
        migrate(connection)
        [row] = connection.execute(select(ACCOUNT.c.password_set_at, ACCOUNT.c.must_change_password)).all()
    assert began <= row.password_set_at <= datetime.now(UTC)
    assert row.must_change_password is False
