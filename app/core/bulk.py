"""Many rows at once: one statement on PostgreSQL, one per table on SQLite."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any  # column values of any type

import orjson
from sqlalchemy import Dialect, Table, bindparam, update
from sqlmodel import Session

from app.core.prepared import Statement, connection_of, run_together

Rows = Sequence[dict[str, Any]]


def insert_rows(session: Session, tables: Sequence[tuple[Table, Rows]]) -> None:
    """Insert ``tables`` in order, empty ones left out; every row names every column of its table.

    On PostgreSQL the rows travel as one JSON document a table and foreign keys are checked at the end
    of the one statement. The session's own pending changes are flushed first.
    """
    filled = [(table, rows) for table, rows in tables if rows]
    if not filled:
        return
    connection = connection_of(session)
    if connection.dialect.name == "sqlite":
        for table, rows in filled:
            text, columns = _insertion_a_row(table, connection.dialect)
            connection.exec_driver_sql(text, [_bound(row, columns) for row in rows])
        return
    run_together(connection, [insertion(filled)])


def insertion(tables: Sequence[tuple[Table, Rows]]) -> Statement:
    """The one statement for PostgreSQL."""
    filled = [(table, rows) for table, rows in tables if rows]
    documents = {f"rows_{place}": orjson.dumps(rows).decode() for place, (_, rows) in enumerate(filled)}
    return Statement(_text(tuple(table for table, _ in filled)), documents)


@cache
def _text(tables: tuple[Table, ...]) -> str:
    """``WITH`` one insert a table, each from its document."""
    parts = []
    for place, table in enumerate(tables):
        columns = ", ".join(column.name for column in table.columns)
        parts.append(
            f"i{place} AS (INSERT INTO {table.name} ({columns}) "  # noqa: S608  names are our own tables'
            f"SELECT {columns} FROM json_populate_recordset(NULL::{table.name}, %(rows_{place})s::json))"
        )
    return f"WITH {', '.join(parts)} SELECT 1"


_Columns = Sequence[tuple[str, Callable[[Any], Any] | None]]
"""Names, and what makes of a value the driver's."""


def _bound(row: Mapping[str, Any], columns: _Columns) -> tuple[Any, ...]:
    return tuple(row[name] if process is None else process(row[name]) for name, process in columns)


@cache
def _insertion_a_row(table: Table, dialect: Dialect) -> tuple[str, _Columns]:
    """For SQLite; SQLAlchemy's own takes longer over the parameters than the database over the rows."""
    columns = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns]
    names, places = ", ".join(name for name, _ in columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({places})", columns  # noqa: S608  names are our own tables'


def update_rows(session: Session, table: Table, columns: Sequence[str], rows: Rows) -> None:
    """Set ``columns`` of the rows with the given ``id``; every row names all of them."""
    connection = connection_of(session)
    if connection.dialect.name == "sqlite":
        connection.execute(
            update(table).where(table.c.id == bindparam("row_id")).values({name: bindparam(name) for name in columns}),
            [{name: row[name] for name in columns} | {"row_id": row["id"]} for row in rows],
        )
        return
    run_together(connection, [Statement(_setting(table, tuple(columns)), {"rows": orjson.dumps(rows).decode()})])


@cache
def _setting(table: Table, columns: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = given.{name}" for name in columns)
    return (
        f"UPDATE {table.name} SET {changes} "  # noqa: S608  names are our own tables'
        f"FROM json_populate_recordset(NULL::{table.name}, %(rows)s::json) AS given WHERE {table.name}.id = given.id"
    )
