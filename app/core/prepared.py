"""Statements that are sent often: their text is made once, and on PostgreSQL the driver runs them alone.

The layers above the driver take three to five times as long as the driver itself.
"""

import re
from collections import namedtuple
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple  # rows and values of any type

import psycopg
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
        self._row: Any = None

    def rows(self, on: Session | Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it; a session's pending changes are flushed first."""
        return rows_together(on, [(self, values)])[0]

    def rows_of_each(self, on: Session | Connection, given: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
        """The rows for each of ``given``; on PostgreSQL sent together and waited for once."""
        return rows_together(on, [(self, values) for values in given])

    def filled(self, values: Mapping[str, Any], dialect: Dialect) -> Statement:
        """What PostgreSQL is sent."""
        if self._kept is None:
            self._kept = kept_text(self._statement, dialect)
        text, fixed = self._kept
        return Statement(text, {**fixed, **values})

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows by way of SQLAlchemy."""
        result = connection.execute(self._statement, values)
        return result.all() if result.returns_rows else ()

    def named(self, cursor: psycopg.Cursor[Any]) -> Sequence[Any]:
        """The rows of PostgreSQL's answer."""
        if cursor.pgresult is None or cursor.pgresult.nfields == 0:
            return ()
        if self._row is None:
            names = [column.name for column in cursor.description or ()]
            named = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # known only now
            self._row = partial(tuple.__new__, named)  # half the time of its own constructor
        return list(map(self._row, cursor.fetchall()))


def rows_together(on: Session | Connection, asked: Sequence[tuple[Prepared, Mapping[str, Any]]]) -> list[Sequence[Any]]:
    """The rows of each statement with its values; on PostgreSQL sent together and waited for once."""
    connection = connection_of(on)
    if connection.dialect.name == "sqlite":
        return [prepared.run(connection, values) for prepared, values in asked]
    cursors = run_together(connection, [prepared.filled(values, connection.dialect) for prepared, values in asked])
    return [prepared.named(cursor) for (prepared, _), cursor in zip(asked, cursors, strict=True)]


def connection_of(on: Session | Connection) -> Connection:
    """The connection to send to; a session's pending changes are flushed first."""
    if isinstance(on, Connection):
        return on
    on.flush()
    return on.connection()


def run_together(connection: Connection, statements: Sequence[Statement]) -> list[psycopg.Cursor[Any]]:
    """Send statements to PostgreSQL and wait once. The first failure is raised as SQLAlchemy's."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]  # what its dialect drives
    try:
        if len(statements) == 1:
            return [driver.execute(*statements[0], binary=True)]
        with driver.pipeline():
            return [driver.execute(*statement, binary=True) for statement in statements]
    except psycopg.Error as error:
        if driver.closed:
            with suppress(DBAPIError):  # by this SQLAlchemy learns of it, and gives up all that are as old
                connection.exec_driver_sql("SELECT 1")
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
