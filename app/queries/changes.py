"""The feed as a machine client reads it: pages of positions, each change as it was written down.

Everything up to the end of the running hash never changes again, so that the statements of a page need no common
snapshot. Source: contract.md, «District»; choices.md, «The feed».
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, Never  # rows of Core statements
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlmodel import Session

from app.access.actor import Actor
from app.access.scope import bounds_of, in_some_of
from app.core.errors import Gone
from app.core.prepared import Prepared, rows_together
from app.core.sqljson import as_bytes, as_text, json_time
from app.domain.feed_chain import EMPTY
from app.models import Feed
from app.queries.feed_cursor import FeedCursor, Types, decode_feed_cursor, encode_feed_cursor

MOST_POSITIONS = 20_000
"""Looked at for one page, however few of them the client may see."""


class ResyncReason(StrEnum):
    """Why a client must begin again without a cursor."""

    SCOPE_CHANGED = "scope-changed"  # its area is another one: it may hold too much or too little
    LOG_RESTORED = "log-restored"  # the database was restored from a copy
    LOG_FORKED = "log-forked"  # at this position stands something else than what it was told
    HORIZON = "horizon"  # so old a position is not kept any more


class ResyncRequired(Gone):
    code, title, title_zh = "resync-required", "Begin again without a cursor", "请不带游标从头重新同步"


@dataclass(frozen=True, slots=True)
class FeedHead:
    """How far the feed can be read, how far positions are given (``sealed``), and whether changes wait for one."""

    log_epoch: UUID
    position: int
    running_hash: str
    sealed: int
    has_waiting: bool

    def has_more(self, position: int) -> bool:
        """Whether anything committed before this was read is still to come after ``position``."""
        return self.has_waiting or position < self.sealed


@dataclass(frozen=True, slots=True)
class FeedReader:
    """The machine client that asks, and the types it wants (None: all)."""

    actor: Actor
    secret: bytes
    types: Types | None

    def open(self, cursor: str | None, head: FeedHead) -> FeedCursor:
        """Where it stands; without a cursor at the beginning. Raises ``BadCursor``."""
        client_id = self.actor.client_id
        assert client_id is not None  # noqa: S101  the caller let only machine clients in
        if cursor is not None:
            return decode_feed_cursor(cursor, self.secret, client_id=client_id, types=self.types)
        return FeedCursor(0, EMPTY.hex(), client_id, self.types, self.actor.scope_epoch, head.log_epoch)


@dataclass(frozen=True, slots=True)
class _Span:
    """Positions after ``start`` up to ``end``, as the reader sees them."""

    reader: FeedReader
    start: int
    end: int

    @property
    def shape(self) -> tuple[int, bool]:
        """By which statements for it differ: the number of areas, and whether types are asked for."""
        return len(self.reader.actor.areas), self.reader.types is not None

    def values(self) -> dict[str, Any]:
        """What ``_visible`` is run with, and the span."""
        types = sorted(self.reader.types or ())
        return bounds_of(self.reader.actor) | {"types": types, "start": self.start, "end": self.end}


def read_head(on: Session | Connection) -> FeedHead:
    """Where the feed stands; one statement."""
    row = _HEAD.rows(on, {})[0]
    return FeedHead(row.log_epoch, row.position, row.running_hash, row.next - 1, row.has_waiting)


def read_changes(on: Connection, reader: FeedReader, head: FeedHead, *, cursor: str | None, limit: int) -> bytes:
    """The next page as JSON: at most ``limit`` changes after ``cursor`` (None: from the beginning).

    It ends at the end of a commit, unless a commit is longer than a page (or than what one page may look at).
    ``head`` was read before. Two or three statements, at most ``MOST_POSITIONS`` rows looked at. Raises ``BadCursor``
    or ``ResyncRequired``.
    """
    at = reader.open(cursor, head)
    asks_own = {"at": at.position}
    if at.position >= head.position:
        _check(at, reader.actor, head, _told(at.position, _HASH.rows(on, asks_own)))
        return _body(b"", at, reader.secret, has_more=head.has_more(at.position))
    span = _Span(reader, at.position, min(head.position, at.position + MOST_POSITIONS))
    own, rows = rows_together(on, [(_HASH, asks_own), (_page(*span.shape), span.values() | {"most": limit + 1})])
    _check(at, reader.actor, head, _told(at.position, own))
    rows, end, last_is_whole = _cut(on, span, rows, head.sealed, limit)
    running_hash = head.running_hash if end == head.position else _told(end, _HASH.rows(on, {"at": end}))
    assert running_hash is not None  # noqa: S101  positions up to the head have their hash
    at = replace(at, position=end, running_hash=running_hash)
    return _body(_items(rows, last_is_whole=last_is_whole), at, reader.secret, has_more=head.has_more(end))


def _items(rows: Sequence[Any], *, last_is_whole: bool) -> bytes:
    if not rows:
        return b""
    parts: list[bytes] = []
    for row, after in pairwise(rows):
        parts += (row.item, b"false}," if row.commit_id == after.commit_id else b"true},")
    parts += (rows[-1].item, b"true}" if last_is_whole else b"false}")
    return b"".join(parts)


def _told(position: int, rows: Sequence[Any]) -> str | None:
    """The running hash at ``position`` (None: not kept, or beyond the head)."""
    if position == 0:
        return EMPTY.hex()
    return rows[0].running_hash if rows else None


def _check(at: FeedCursor, actor: Actor, head: FeedHead, own_hash: str | None) -> None:
    """Raise ``ResyncRequired`` unless the log before the cursor is still the one the client was told."""
    if at.log_epoch != head.log_epoch:
        _resync(ResyncReason.LOG_RESTORED, "The log was restored from a copy.", "数据已从备份恢复。")
    if at.scope_epoch != actor.scope_epoch:
        _resync(ResyncReason.SCOPE_CHANGED, "Your area has changed.", "您的辖区范围已变更。")
    if at.position > head.position:
        return  # read from a copy that is behind; it will catch up
    if own_hash is None:
        _resync(ResyncReason.HORIZON, "So old a position is not kept.", "该位置之前的变更已不再保留。")
    if own_hash != at.running_hash:
        _resync(ResyncReason.LOG_FORKED, "The log is not the one you were told.", "变更日志与您此前收到的不一致。")


def _resync(reason: ResyncReason, detail: str, detail_zh: str) -> Never:
    raise ResyncRequired(
        f"{detail} Begin again without a cursor.", f"{detail_zh}请不带游标从头重新同步。", reason=reason.value
    )


def _cut(on: Connection, span: _Span, rows: Sequence[Any], sealed: int, limit: int) -> tuple[Sequence[Any], int, bool]:
    """The rows of the page, the position it ends at, and whether its last row ends its commit."""
    if len(rows) > limit:
        kept = whole_commits([row.commit_id for row in rows], limit)
        rows = rows[: kept or limit]
        return rows, rows[-1].position, kept > 0
    if not rows or span.end == sealed or not _goes_on(on, span, rows[-1].commit_id):
        return rows, span.end, True
    kept = whole_commits([row.commit_id for row in (*rows, rows[-1])], len(rows))
    before = rows[kept].position - 1
    if before > span.start:
        return rows[:kept], before, True
    return rows, span.end, False


def whole_commits(commits: Sequence[UUID] | Sequence[str], limit: int) -> int:
    """How many of the first ``limit`` rows to send so that no commit is cut; 0 when the first is longer than that.

    ``commits`` holds the commit of each row, and of one more.
    """
    kept = limit
    while kept and commits[kept - 1] == commits[kept]:
        kept -= 1
    return kept


def _goes_on(on: Connection, span: _Span, commit_id: str) -> bool:
    """Whether the actor sees more of this commit after the span; its rows are neighbours."""
    next_commit = (
        select(func.min(_position)).where(_position > span.end, _feed.c.commit_id != UUID(commit_id)).scalar_subquery()
    )
    more = exists(_feed.c.position).where(
        _visible(*span.shape),
        _position > span.end,
        or_(next_commit.is_(None), _position < next_commit),
    )
    return bool(on.execute(select(more), span.values()).scalar_one())


@lru_cache
def _page(areas: int, has_types: bool) -> Prepared:
    """The statement for an actor with so many areas; the database writes the items."""
    return Prepared(
        select(_position, cast(_feed.c.commit_id, Text).label("commit_id"), as_bytes(_item_text()).label("item"))
        .where(_visible(areas, has_types), _position > bindparam("start"), _position <= bindparam("end"))
        .order_by(_position)
        .limit(bindparam("most"))
    )


def _visible(areas: int, has_types: bool) -> ColumnElement[bool]:
    """Within the actor's areas; of what left them only what the actor sees nowhere else."""
    moved_to = _feed.c.moved_to
    visible = in_some_of(_feed.c.area_path, areas) & or_(moved_to.is_(None), not_(in_some_of(moved_to, areas)))
    return visible & _feed.c.type.in_(bindparam("types", expanding=True)) if has_types else visible


def _item_text() -> ColumnElement[str]:
    """A change as JSON text up to the value of ``commit_last``, which the page decides."""
    members: dict[str, Any] = {
        '{"position":': cast(_position, Text),
        ',"type":"': _feed.c.type,
        '","id":"': cast(_feed.c.object_id, Text),
        '","version":': cast(_feed.c.version, Text),
        ',"op":"': _feed.c.op,
        '","changed_at":"': as_text(json_time(_feed.c.changed_at)),
        '","data":': _feed.c.data,
    }
    text: ColumnElement[Any] = literal_column("''", Text)
    for before, value in members.items():
        text = text.concat(literal_column(f"'{before}'")).concat(value)
    return text.concat(literal_column("',\"commit_last\":'"))


def _body(items: bytes, at: FeedCursor, secret: bytes, *, has_more: bool) -> bytes:
    """The page around the stored records, which are neither parsed nor decoded."""
    rest = (
        f'],"next_cursor":"{encode_feed_cursor(at, secret)}","has_more":{"true" if has_more else "false"},'
        f'"position":{at.position},"running_hash":"{at.running_hash}"}}'
    )
    return b"".join((b'{"items":[', items, rest.encode()))


_tables = Feed.metadata.tables
_feed, _chain, _chain_head = _tables["feed"], _tables["feed_chain"], _tables["chain_head"]
_seal, _outbox = _tables["seal"], _tables["outbox"]
_position = _feed.c.position

_HAS_WAITING = select(_outbox.c.seq).order_by(_outbox.c.seq).limit(1).scalar_subquery().is_not(None)
"""By the index: rows that were taken away a moment ago are skipped there."""
_HASH = Prepared(select(_chain.c.running_hash).where(_chain.c.position == bindparam("at")))
_HEAD = Prepared(
    select(
        _seal.c.next,
        _seal.c.log_epoch,
        _chain_head.c.position,
        _chain_head.c.running_hash,
        _HAS_WAITING.label("has_waiting"),
    ).select_from(_seal.join(_chain_head, _chain_head.c.one == _seal.c.one))
)
