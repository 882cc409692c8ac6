"""SQL of ours as pgbench takes it, and rows of ours as one statement that writes them again under new ids."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import Connection

from app.core.database import Database, make_engine

Row = dict[str, Any]
_LITERAL = re.compile(r"E?'(?:[^']|'')*'")


def sent_by(url: str, read: Callable[[Connection], object]) -> list[str]:
    """The statements that ``read`` sends over ``url``, their values written in."""
    sent: list[tuple[Any, Any]] = []

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
            sent.append((query, params))
            return super().execute(query, params, **more)

    engine = make_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=1)
    try:
        with Database(engine).autocommit() as connection:
            driver: Any = connection.connection.driver_connection
            driver.cursor_factory = Noting
            read(connection)
            cursor = psycopg.ClientCursor(driver)
            return [cursor.mogrify(statement, values) for statement, values in sent]
    finally:
        engine.dispose()


def as_script(statement: str) -> str:
    """The statement on one line; in pgbench a colon begins a variable, also within text."""
    return " ".join(_LITERAL.sub(_without_colons, statement).split("\n")) + ";\n"


def _without_colons(found: re.Match[str]) -> str:
    literal = found[0]
    if ":" not in literal:
        return literal
    if literal.startswith("E"):
        return literal.replace(":", r"\x3a")
    return "E" + literal.replace("\\", r"\\").replace(":", r"\x3a")


def rows_of(connection: psycopg.Connection[Any], query: str, values: Mapping[str, Any]) -> list[Row]:
    """Rows as dicts of column values."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def insert_again(
    connection: psycopg.Connection[Any], table: str, rows: Sequence[Row], renamed: Mapping[str, str]
) -> str:
    """``INSERT … SELECT … FROM k``: the rows, every value of ``renamed`` replaced by its expression over k."""
    query = "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    types = dict(connection.execute(query, [table]).fetchall())
    selects = [", ".join(f"CAST({_expression(row[name], renamed)} AS {types[name]})" for name in row) for row in rows]
    union = " UNION ALL ".join(f"SELECT {columns} FROM k" for columns in selects)
    return f"INSERT INTO {table} ({', '.join(rows[0])}) {union}"


def _expression(value: Any, renamed: Mapping[str, str]) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, UUID):
        return renamed.get(str(value), sql.Literal(value).as_string(None))
    return _text(value, renamed) if isinstance(value, str) else sql.Literal(value).as_string(None)


def _text(value: str, renamed: Mapping[str, str]) -> str:
    parts = re.split("(" + "|".join(map(re.escape, sorted(renamed, key=len, reverse=True))) + ")", value)
    return (
        " || ".join(
            f"{renamed[part]}::text" if part in renamed else sql.Literal(part).as_string(None) for part in parts if part
        )
        or "''"
    )
