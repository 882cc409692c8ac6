"""Statements that are sent often: their text is made once, and on PostgreSQL the driver runs them alone.

The layers above the driver take three to five times as long as the driver itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple  # rows and values of any type

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session

_EXPANDING = re.compile(r"IN \(__\[POSTCOMPILE_(\w+)\]\)")
_LATE = re.compile(r"__\[POSTCOMPILE_(\w+)\]")


class Statement(NamedTuple):
    """What the driver of PostgreSQL is sent."""

    text: str
    values: Mapping[str, Any]


class Prepared:
    """One statement; values that change are ``bindparam`` (``expanding`` for lists), ``literal_execute`` is written in.

    Rows are read by name. On PostgreSQL they hold the driver's own values: an enum column is its text.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._kept: Statement | None = None

    def rows(self, on: Session | Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it; a session's pending changes are flushed first."""
        if isinstance(on, Session):
            on.flush()
            connection = on.connection()
        else:
            connection = on
        if connection.dialect.name == "sqlite":
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        if self._kept is None:
            self._kept = kept_text(self._statement, connection.dialect)
        return run_text(connection, self._kept.text, {**self._kept.values, **values})


def run_text(connection: Connection, text: str, values: Mapping[str, Any]) -> Sequence[Any]:
    """Rows of ``text`` by the driver of PostgreSQL; its errors are SQLAlchemy's."""
    with _driver(connection) as driver, driver.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else ()


def run_together(connection: Connection, statements: Sequence[Statement]) -> list[int]:
    """Send several statements at once and wait once; how many rows each wrote. The first failure is raised."""
    with _driver(connection) as driver:
        with driver.pipeline():
            cursors = [driver.execute(statement.text, statement.values) for statement in statements]
        return [cursor.rowcount for cursor in cursors]


@contextmanager
def _driver(connection: Connection) -> Iterator[psycopg.Connection[Any]]:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]  # what its dialect drives
    try:
        yield driver
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def kept_text(statement: Executable, dialect: Dialect) -> Statement:
    """The text of a statement for PostgreSQL, and those of its values that never change."""
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # every statement of ours has it
    assert isinstance(compiled, SQLCompiler)  # noqa: S101  narrows the type for the checker
    fixed = {}
    for name, parameter in compiled.binds.items():
        if not parameter.required:
            process = parameter.type.bind_processor(dialect)
            fixed[name] = parameter.value if process is None else process(parameter.value)

    def written_in(found: re.Match[str]) -> str:
        parameter = compiled.binds[found[1]]
        return compiled.render_literal_value(parameter.value, parameter.type)

    text = _EXPANDING.sub(r"= ANY (%(\1)s)", compiled.string)
    return Statement(_LATE.sub(written_in, text), fixed)
