"""Giving positions to committed changes, and the running hash over them.

Two steps, each restartable and never undone: ``seal`` moves what waits in the outbox to the feed with consecutive
positions, ``extend_chain`` hashes over what has a position; no page goes beyond it. On SQLite a writing transaction
seals itself and only the second step is left. Source: choices.md, «The feed».
"""

from typing import Any  # drivers' rows

import structlog
from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.core.database import Database
from app.core.prepared import Prepared, Statement, run_together
from app.core.sqljson import as_text, json_time
from app.domain.feed_chain import Change, leaf_hash, next_hash
from app.models import Feed
from app.queries.changes import FeedHead, read_head

CHAINED_AT_ONCE = 5000
SEALED_AT_ONCE = 5000
"""More could outlast the statement's time limit, and then never be sealed at all."""

LIMIT_S, LONGEST_LIMIT_S = 5, 25
"""The time limit, and the one of a portion that had to grow."""

_COLUMNS = "commit_id, type, object_id, version, op, area_path, moved_to, changed_at, data"

_SEAL = f"""
SELECT set_config('statement_timeout', '%ss', true);
WITH l AS MATERIALIZED (SELECT next FROM seal WHERE one = 1 FOR UPDATE SKIP LOCKED),
 f AS MATERIALIZED (SELECT seq, commit_id FROM outbox ORDER BY seq LIMIT %s),
 c AS MATERIALIZED (SELECT unnest(seqs) AS seq
       FROM (SELECT commit_id, array_agg(seq) AS seqs FROM f GROUP BY commit_id) g
       WHERE cardinality(seqs) = (SELECT count(*) FROM outbox b WHERE b.commit_id = g.commit_id)),
 d AS (DELETE FROM outbox WHERE (SELECT next FROM l) IS NOT NULL AND seq = ANY (ARRAY(SELECT seq FROM c)) RETURNING *),
 o AS (SELECT d.*, row_number() OVER (ORDER BY last, seq) AS n
       FROM (SELECT d.*, max(seq) OVER (PARTITION BY commit_id) AS last FROM d) d),
 i AS (INSERT INTO feed (position, {_COLUMNS}) SELECT (SELECT next FROM l) - 1 + n, {_COLUMNS} FROM o RETURNING 1)
UPDATE seal SET next = next + (SELECT count(*) FROM i) WHERE one = 1 AND (SELECT next FROM l) IS NOT NULL
RETURNING (SELECT count(*) FROM i), (SELECT count(*) FROM f)
"""  # noqa: S608  made of our own names
"""One statement in a transaction of its own (READ COMMITTED), sent with its time limit.

Whoever finds the lock row taken does nothing. The next position comes from the lock row; commits are ordered by their
last row, their rows as they were written. Taken are the commits that lie whole among the first so many rows (``f``,
``c``): all those with a last row up to there, so that what a commit could have seen of others is never taken later.
Nothing is joined: the database thinks that the outbox is as empty as when it counted it, and would join by loops.
"""


def advance_feed(db: Database, *, most: int = CHAINED_AT_ONCE) -> FeedHead:
    """Let what has been committed reach the feed's readers, and say how far they may read; one read when nothing waits.

    Safe to call from anywhere at any time; ``most`` bounds the hashing. A failure is logged: what has its position
    and its hash can be read all the same, and the next call goes on.
    """
    with db.autocommit() as connection:
        head = read_head(connection)
    if not head.has_more(head.position):
        return head
    try:
        if head.has_waiting:
            seal(db)
        extend_chain(db, most=most)
    except DBAPIError as error:
        structlog.get_logger().warning("feed_not_advanced", kind=type(error.orig).__name__)
    with db.autocommit() as connection:
        return read_head(connection)


def seal(db: Database) -> int:
    """Give positions to what is committed and waits, about ``SEALED_AT_ONCE``; 0 when another sealer is at it.

    One round trip. Nothing can be lost or doubled wherever it is interrupted: it is one statement. A portion is
    smaller where a slow machine was cut off, and larger where so many commits were written at once that none lies
    whole in it.
    """
    if db.dialect == "sqlite":
        return 0
    total, most, limit_s = 0, SEALED_AT_ONCE, LIMIT_S
    with db.autocommit() as connection:
        while total < SEALED_AT_ONCE:
            try:
                step = _seal(connection, most, limit_s)
            except DBAPIError as error:
                if limit_s > LIMIT_S or most == 1 or not isinstance(error.orig, QueryCanceled):
                    raise
                most = max(1, most // 8)
                continue
            if step is None:
                break
            taken, seen = step
            total += taken
            if taken == 0 and seen == most:
                most, limit_s = most * 2, LONGEST_LIMIT_S
            elif seen < most or most >= SEALED_AT_ONCE:
                break
    return total


def _seal(connection: Connection, most: int, limit_s: int) -> tuple[int, int] | None:
    """How many rows were sealed, and among how many; None when another sealer is at it."""
    cursor = connection.exec_driver_sql(_SEAL % (limit_s, most)).cursor
    assert cursor is not None  # noqa: S101  both statements return rows
    cursor.nextset()
    row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def extend_chain(db: Database, *, most: int = CHAINED_AT_ONCE) -> int:
    """Hash over the next positions, at most ``most``; how many, 0 when another process was at it.

    It ends at the end of a commit unless a single commit is longer. Feed rows are read, never written; an
    interrupted step leaves no trace, and the next one comes to the same hashes. On PostgreSQL whoever hashes holds
    the head and others pass by; on SQLite, where that would hold up all writers, the hashing lies before a short
    write that looks whether the head is still there.
    """
    if db.dialect == "sqlite":
        return _extend_sqlite_chain(db, most)
    with db.write() as session:
        session.execute(text("SET LOCAL statement_timeout = '5s'"))
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10s'"))
        head = session.execute(_HEAD.with_for_update(skip_locked=True)).one_or_none()
        rows = _next_rows(session, head.position, most) if head is not None else []
        if head is not None and rows:
            _write_chain(session, _hashed(head.running_hash, rows))
        return len(rows)


def _extend_sqlite_chain(db: Database, most: int) -> int:
    with db.read() as session:
        head = session.execute(_HEAD).one()
        rows = _next_rows(session, head.position, most)
    if not rows:
        return 0
    chained = _hashed(head.running_hash, rows)
    with db.write() as session:
        if session.execute(_HEAD).one() != head:
            return 0
        _write_chain(session, chained)
    return len(chained)


def _hashed(running_hash: str, rows: list[Any]) -> list[tuple[int, str]]:
    """The running hash at each position after the head."""
    chained, running = [], bytes.fromhex(running_hash)
    for row in rows:
        running = next_hash(running, leaf_hash(_change(row)))
        chained.append((row.position, running.hex()))
    return chained


def _write_chain(session: Session, chained: list[tuple[int, str]]) -> None:
    positions, hashes = zip(*chained, strict=True)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        given = {"positions": list(positions), "hashes": list(hashes)}
        run_together(connection, [Statement(_INSERT_CHAIN, given)])
    else:
        connection.execute(insert(_chain), [{"position": at, "running_hash": running} for at, running in chained])
    connection.execute(update(_head).values(position=positions[-1], running_hash=hashes[-1]))


def _next_rows(session: Session, head: int, most: int) -> list[Any]:
    """The rows after ``head`` up to the last end of a commit among ``most``."""
    rows = list(_NEXT.rows(session, {"after": head, "most": most + 1}))
    for place, row in enumerate(rows, head + 1):
        if row.position != place:  # an operator removed a row: nobody is served beyond a hole
            structlog.get_logger().error("feed_has_a_hole", position=place)
            del rows[place - head - 1 :]
            break
    if len(rows) <= most:
        return rows
    end = most
    while end and rows[end - 1].commit_id == rows[end].commit_id:
        end -= 1
    return rows[: end or most]


def _change(row: Any) -> Change:
    return Change(row.position, row.type, str(row.object_id), row.version, row.op, row.changed_at, row.data)


_tables = Feed.metadata.tables
_feed, _chain, _head = _tables["feed"], _tables["feed_chain"], _tables["chain_head"]

_NEXT = Prepared(
    select(
        _feed.c.position,
        _feed.c.commit_id,
        _feed.c.type,
        _feed.c.object_id,
        _feed.c.version,
        _feed.c.op,
        as_text(json_time(_feed.c.changed_at)).label("changed_at"),
        _feed.c.data,
    )
    .where(_feed.c.position > bindparam("after"))
    .order_by(_feed.c.position)
    .limit(bindparam("most"))
)
_INSERT_CHAIN = """
INSERT INTO feed_chain (position, running_hash)
SELECT position, running_hash FROM unnest(%(positions)s::bigint[], %(hashes)s::text[]) AS given (position, running_hash)
"""
_HEAD = select(_head.c.position, _head.c.running_hash).where(_head.c.one == 1)
