"""JSON made by the database, written once for PostgreSQL and SQLite; the values are the same on both.

Instants are RFC 3339 in UTC with six decimals on both.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any  # SQL expressions of any type

from sqlalchemy import ColumnElement, FromClause, Select, Text, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal


class _JsonText(FunctionElement[str]):
    """An SQL function of ours whose value is JSON."""

    type = Text()


class _Object(_JsonText):
    name = "xh_object"
    inherit_cache = True


class _Array(_JsonText):
    name = "xh_array"
    inherit_cache = True


class _Time(_JsonText):
    name = "xh_time"
    inherit_cache = True


class _Bool(_JsonText):
    name = "xh_bool"
    inherit_cache = True


class _Stored(_JsonText):
    name = "xh_stored"
    inherit_cache = True


class _AsText(_JsonText):
    name = "xh_text"
    inherit_cache = True


class _AsBytes(FunctionElement[Any]):
    """No type: each driver gives what the database sends."""

    name = "xh_bytes"
    inherit_cache = True


_fixed_numbers = count(1)


class _Fixed(ColumnElement[str]):
    """Known to the statement cache by its name alone."""

    _traverse_internals = [("fixed_name", InternalTraversal.dp_string)]  # noqa: RUF012  SQLAlchemy's own form
    type = Text()

    def __init__(self, whole: ColumnElement[str]) -> None:
        self.whole = whole
        self.fixed_name = f"fixed_{next(_fixed_numbers)}"


def json_object(members: Mapping[str, Any]) -> ColumnElement[str]:
    """A JSON object with these members, in this order; at most 50 (PostgreSQL takes 100 arguments)."""
    parts: list[ColumnElement[Any]] = []
    for key, value in members.items():
        parts += [literal_column(f"'{key}'"), value]
    return _Object(*parts)


def json_array(query: Select[Any]) -> ColumnElement[str]:
    """The rows of ``query`` (one column of JSON objects, ordered) as an array, ``[]`` when there are none."""
    rows: FromClause = query.subquery()
    return _Stored(select(_Array(next(iter(rows.c)))).select_from(rows).scalar_subquery())


def json_time(column: Any) -> ColumnElement[str]:
    """An instant as a JSON string."""
    return _Time(column)


def json_bool(column: Any) -> ColumnElement[str]:
    """A boolean as true or false."""
    return _Bool(column)


def json_stored(column: Any) -> ColumnElement[str]:
    """The value of a JSON column, as it is."""
    return _Stored(column)


def as_text(value: ColumnElement[str]) -> ColumnElement[str]:
    """A JSON expression as text, for a column or for Python."""
    return _AsText(value)


def as_bytes(text: ColumnElement[str]) -> ColumnElement[Any]:
    """A text in UTF-8, for Python to send on: decoding and encoding it again costs more than making it."""
    return _AsBytes(text)


def fixed(value: ColumnElement[str]) -> ColumnElement[str]:
    """``value``, made once at import: walked when a statement is compiled, not each time that one is executed.

    A record of forty members takes longer to walk than to run. The statement names its tables by other columns.
    """
    return _Fixed(value)


def _args(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return ", ".join(compiler.process(clause, **kw) for clause in element.clauses)


@compiles(_Fixed)
def _fixed(element: _Fixed, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.whole, **kw)


@compiles(_Object, "postgresql")
def _pg_object(element: _Object, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_build_object({_args(element, compiler, **kw)})"


@compiles(_Object, "sqlite")
def _sqlite_object(element: _Object, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_object({_args(element, compiler, **kw)})"


@compiles(_Array, "postgresql")
def _pg_array(element: _Array, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce(json_agg({_args(element, compiler, **kw)}), '[]'::json)"


@compiles(_Array, "sqlite")
def _sqlite_array(element: _Array, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_group_array(json({_args(element, compiler, **kw)}))"


@compiles(_Time, "postgresql")
def _pg_time(element: _Time, compiler: SQLCompiler, **kw: Any) -> str:
    return f"to_char({_args(element, compiler, **kw)} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


@compiles(_Time, "sqlite")
def _sqlite_time(element: _Time, compiler: SQLCompiler, **kw: Any) -> str:
    return _args(element, compiler, **kw)


@compiles(_Bool, "postgresql")
def _pg_bool(element: _Bool, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({_args(element, compiler, **kw)})"


@compiles(_Bool, "sqlite")
def _sqlite_bool(element: _Bool, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json(CASE ({_args(element, compiler, **kw)}) WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"


@compiles(_Stored, "postgresql")
def _pg_stored(element: _Stored, compiler: SQLCompiler, **kw: Any) -> str:
    return _args(element, compiler, **kw)


@compiles(_Stored, "sqlite")
def _sqlite_stored(element: _Stored, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json({_args(element, compiler, **kw)})"


@compiles(_AsText, "postgresql")
def _pg_text(element: _AsText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({_args(element, compiler, **kw)})::text"


@compiles(_AsText, "sqlite")
def _sqlite_text(element: _AsText, compiler: SQLCompiler, **kw: Any) -> str:
    return _args(element, compiler, **kw)


@compiles(_AsBytes, "postgresql")
def _pg_bytes(element: _AsBytes, compiler: SQLCompiler, **kw: Any) -> str:
    return f"convert_to({_args(element, compiler, **kw)}, 'UTF8')"


@compiles(_AsBytes, "sqlite")
def _sqlite_bytes(element: _AsBytes, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({_args(element, compiler, **kw)} AS BLOB)"
