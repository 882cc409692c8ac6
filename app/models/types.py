"""Column types that mean the same on PostgreSQL and SQLite, and order the same."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any  # what drivers hand over
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from app.core.clock import rfc3339

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. ``timestamptz`` on PostgreSQL; RFC 3339 text with six decimals on SQLite, which sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        return rfc3339(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


class Id(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, its text with dashes on SQLite."""

    impl = Uuid(as_uuid=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(36) if dialect.name == "sqlite" else Uuid(as_uuid=True))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> UUID | str | None:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: UUID | str | None, dialect: Dialect) -> UUID | None:  # noqa: ARG002
        return UUID(value) if isinstance(value, str) else value


BIG = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer that SQLite may use as its row id."""

AREA_PATH = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Area codes joined by ``/``; compared byte by byte, so that an area is one range."""

JSON_TEXT = JSON(none_as_null=True)


def text_enum(codes: type[StrEnum], name: str) -> Enum:
    """Stable codes as text, with the CHECK ``name``."""
    return Enum(
        codes,
        native_enum=False,
        create_constraint=True,
        name=name,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
