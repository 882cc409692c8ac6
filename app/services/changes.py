"""Telling the district: what was changed is written down for the feed, in the transaction that changes it.

**Publish last.** A transaction takes all its locks before its first row here: the feed orders commits by their last
row, and only so do the versions of an object come in their order. Source: choices.md, «The feed».
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import count
from typing import Any  # drivers' values
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Subquery,
    Table,
    Text,
    Uuid,
    bindparam,
    case,
    insert,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping
from sqlmodel import Session

from app.core.bulk import Rows, insert_rows, insertion
from app.core.clock import rfc3339
from app.core.ids import uuid7
from app.core.prepared import Statement, connection_of, kept_text, run_together
from app.domain.vocabulary import FeedOp, FeedType
from app.models import Feed, Outbox
from app.models.types import AREA_PATH, Id, UtcDateTime
from app.queries.rendering import published_rows

LONGEST_COMMIT = 2000
"""A longer transaction is told in several groups, so that sealing and hashing it stay short."""


def publish(session: Session, type: FeedType, ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the district how these objects stand now, in this order; one statement, the database writes the JSON.

    Pending changes are flushed. A photo must have been named (before, nobody but its uploader may know of it).
    Raises ``LookupError`` when one of them does not exist.
    """
    _write(session, type, ids, {"changed_at": now})


@dataclass(frozen=True, slots=True)
class Writing:
    """Rows, and what to tell of them: one commit for readers of the feed."""

    tables: Sequence[tuple[Table, Rows]]
    told: Mapping[FeedType, Sequence[UUID]]
    """In the order in which readers get them; writings that go together name the same types, if only with none."""


def insert_and_publish(session: Session, writings: Sequence[Writing], *, now: datetime) -> None:
    """``insert_rows``, then ``publish`` type by type, for each; all together, on PostgreSQL waited for once.

    Raises ``LookupError`` when something to publish does not exist.
    """
    if max(map(_length, writings)) <= LONGEST_COMMIT:
        _insert_and_publish_together(session, writings, now)
        return
    for writing in writings:
        if len(writings) > 1:
            new_commit(session)
        insert_rows(session, writing.tables)
        for type, ids in writing.told.items():
            publish(session, type, ids, now=now)


def _length(writing: Writing) -> int:
    return sum(map(len, writing.told.values()))


_Told = dict[FeedType, dict[UUID, tuple[int, UUID]]]
"""By object, its place among all that is told and its commit; the objects of a commit follow each other."""


def _insert_and_publish_together(session: Session, writings: Sequence[Writing], now: datetime) -> None:
    connection = connection_of(session)
    rows: dict[Table, list[dict[str, Any]]] = {}
    told: _Told = {}
    places = count()
    for writing in writings:
        for table, some in writing.tables:
            rows.setdefault(table, []).extend(some)
        if len(writings) > 1:  # alone it goes with what its transaction told before
            new_commit(session)
        commit_id = _group_for(session, _length(writing))
        for type, ids in writing.told.items():
            objects = told.setdefault(type, {})
            objects |= {id: (next(places), commit_id) for id in dict.fromkeys(ids) if id not in objects}
    told = {type: objects for type, objects in told.items() if objects}
    if connection.dialect.name == "sqlite":
        insert_rows(session, list(rows.items()))
        _publish_together(connection, told, now)
    else:
        _send_together(connection, rows, told, now)


def _publish_together(connection: Connection, told: _Told, now: datetime) -> None:
    """For SQLite: one statement a type."""
    first = _take_positions(connection, sum(map(len, told.values())))
    for type, objects in told.items():
        given = [(id, first + place, commit_id) for id, (place, commit_id) in objects.items()]
        _write_positions(connection, type, given, {"changed_at": now})


def _send_together(connection: Connection, rows: dict[Table, list[dict[str, Any]]], told: _Told, now: datetime) -> None:
    """For PostgreSQL: two statements."""
    kept = _told_together(tuple(told), connection.dialect)
    values: dict[str, Any] = {"changed_at": now}
    for place, objects in enumerate(told.values()):
        commits = [commit_id for _, commit_id in objects.values()]
        values |= {f"ids_{place}": list(objects), f"commits_{place}": commits}
    statements = [insertion(list(rows.items()))] if any(rows.values()) else []
    written = run_together(connection, [*statements, Statement(kept.text, {**kept.values, **values})])[-1].rowcount
    if written != (total := sum(map(len, told.values()))):
        raise LookupError(f"{written} of {total} objects to publish exist")


def publish_removal(
    session: Session, type: FeedType, ids: Sequence[UUID], old_area_path: str, *, now: datetime
) -> None:
    """Tell those who see ``old_area_path`` and not where these objects are now that they left their scope.

    Called beside ``publish`` after a move, with the objects already in their new area.
    """
    _write(session, type, ids, {"changed_at": now, "old_area_path": old_area_path})


def new_commit(session: Session) -> UUID:
    """Begin another group of changes in the same transaction: pages of the feed may end between the two."""
    return _begin_group(session).commit_id


@dataclass(slots=True)
class _Group:
    """Changes that a reader gets together; one a transaction, unless it is told or becomes too long."""

    transaction: SessionTransaction | None
    commit_id: UUID
    rows: int = 0


def _begin_group(session: Session) -> _Group:
    group = session.info["feed_group"] = _Group(session.get_transaction(), uuid7())
    return group


def _group_for(session: Session, rows: int) -> UUID:
    """The commit id of this transaction's next ``rows`` changes."""
    group: _Group | None = session.info.get("feed_group")
    if group is None or group.transaction is not session.get_transaction() or group.rows + rows > LONGEST_COMMIT:
        group = _begin_group(session)
    group.rows += rows
    return group.commit_id


def _write(session: Session, type: FeedType, ids: Sequence[UUID], values: dict[str, Any]) -> None:
    unique = list(dict.fromkeys(ids))
    if unique:
        session.flush()
    for start in range(0, len(unique), LONGEST_COMMIT):
        _write_some(session, type, unique[start : start + LONGEST_COMMIT], dict(values))


def _write_some(session: Session, type: FeedType, ids: list[UUID], values: dict[str, Any]) -> None:
    connection, commit_id = session.connection(), _group_for(session, len(ids))
    if connection.dialect.name == "sqlite":
        first = _take_positions(connection, len(ids))
        _write_positions(connection, type, [(id, first + place, commit_id) for place, id in enumerate(ids)], values)
        return
    statement = _statement(type, connection.dialect, is_removal="old_area_path" in values)
    values |= {"type": type.value, "commit_id": commit_id, "ids": ids}
    [done] = run_together(connection, [Statement(statement.string, values)])
    _check_written(type, done.rowcount, len(ids))


def _write_positions(
    connection: Connection, type: FeedType, given: Sequence[tuple[UUID, int, UUID]], values: Mapping[str, Any]
) -> None:
    """For SQLite: objects, each with its position and its commit."""
    statement = _statement(type, connection.dialect, is_removal="old_area_path" in values)
    values = {
        **values,
        "type": type.value,
        "ids": orjson.dumps(given).decode(),
        "changed_at": rfc3339(values["changed_at"]),
    }
    bound = tuple(values[name] for name in statement.positiontup or ())
    _check_written(type, connection.exec_driver_sql(statement.string, bound).rowcount, len(given))


def _check_written(type: FeedType, written: int, given: int) -> None:
    if written != given:
        raise LookupError(f"{written} of {given} objects of type {type} to publish exist")


def _take_positions(connection: Connection, count: int) -> int:
    """The first of ``count`` positions; on SQLite a writing transaction is alone and seals itself."""
    taken = connection.exec_driver_sql(
        "UPDATE seal SET next = next + ? WHERE one = 1 RETURNING next - ?", (count, count)
    )
    first: int = taken.scalar_one()
    return first


@cache
def _statement(type: FeedType, dialect: SqlDialect, *, is_removal: bool) -> SQLCompiler:
    """Compiled once: the expressions of a record take longer to walk than to run."""
    on_sqlite = dialect.name == "sqlite"
    target: Any = Feed if on_sqlite else Outbox
    rows = published_rows(type, "sqlite" if on_sqlite else "postgresql").subquery()
    columns: dict[str, ColumnElement[Any]] = {
        "commit_id": rows.c.commit_id if on_sqlite else bindparam("commit_id", type_=Id),
        "type": bindparam("type", type_=Text),
        "object_id": rows.c.id,
        "version": rows.c.version,
        "op": _literal(FeedOp.REMOVED_FROM_SCOPE) if is_removal else _op(rows),
        "area_path": bindparam("old_area_path", type_=AREA_PATH) if is_removal else rows.c.area_path,
        "moved_to": rows.c.area_path if is_removal else null(),
        "changed_at": bindparam("changed_at", type_=UtcDateTime),
        "data": literal_column("'null'") if is_removal else rows.c.record,
    }
    if on_sqlite:
        columns["position"] = rows.c.place
    query = select(*columns.values()).order_by(rows.c.place)
    compiled = insert(target).from_select(list(columns), query).compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101  narrows the type for the checker
    return compiled


def _op(rows: Subquery) -> ColumnElement[Any]:
    """What is void stays void, whatever still happens to it."""
    return case((rows.c.is_voided, _literal(FeedOp.VOID)), else_=_literal(FeedOp.UPSERT))


def _literal(op: FeedOp) -> ColumnElement[str]:
    return literal_column(f"'{op.value}'")


@cache
def _told_together(types: tuple[FeedType, ...], dialect: SqlDialect) -> Statement:
    """For PostgreSQL: how objects of several types stand, in their order."""
    parts = []
    for place, type in enumerate(types):
        rows = published_rows(type, "postgresql", f"ids_{place}").subquery()
        commits = Grouping(bindparam(f"commits_{place}", type_=ARRAY(Uuid())))
        parts.append(
            select(
                literal_column(str(place)).label("turn"),
                literal_column(f"'{type.value}'").label("type"),
                commits[rows.c.place].label("commit_id"),
                rows,
            )
        )
    told = union_all(*parts).subquery()
    columns: dict[str, ColumnElement[Any]] = {
        "commit_id": told.c.commit_id,
        "type": told.c.type,
        "object_id": told.c.id,
        "version": told.c.version,
        "op": _op(told),
        "area_path": told.c.area_path,
        "changed_at": bindparam("changed_at", type_=UtcDateTime),
        "data": told.c.record,
    }
    query = select(*columns.values()).order_by(told.c.turn, told.c.place)
    return kept_text(insert(Outbox).from_select(list(columns), query), dialect)
