"""Alembic's environment: one tree for both databases, one transaction per migration."""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlmodel import AutoString, SQLModel

import app.models  # noqa: F401  registers the tables
from app.core.config import load_settings
from app.models.types import Id, UtcDateTime


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our types as plain SQLAlchemy: a migration never imports ``app``."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "instant()"
    if isinstance(item, Id):
        return "identifier()"
    if isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.Text()"
    return False


def run(connection: Connection) -> None:
    """Apply what is asked for on ``connection``."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET lock_timeout = '5s'")
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(load_settings().sqlalchemy_url)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()
