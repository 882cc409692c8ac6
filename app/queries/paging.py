"""Keyset pages and their opaque cursors."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from app.access.actor import Actor
from app.core.errors import BadRequest

Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

_PATH = re.compile(r"[0-9/]{1,64}")


class BadCursor(BadRequest):
    code, title, title_zh = "bad-cursor", "This cursor is not valid here", "游标无效"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and where the next ones begin; ``next_cursor`` None at the end."""

    items: list[Row]
    next_cursor: str | None


def encode_cursor(actor: Actor, order: str, *key: str) -> str:
    """The opaque text of a position in an order, for the one who is reading."""
    return base64.urlsafe_b64encode(json.dumps([order, str(actor.id), *key]).encode()).decode().rstrip("=")


def decode_cursor(actor: Actor, order: str, cursor: str, parts: int) -> list[str]:
    """The key of ``encode_cursor``; raises ``BadCursor`` unless made for both and with ``parts`` texts."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(key, list) or key[:2] != [order, str(actor.id)]:
        raise bad_cursor()
    if len(key) != 2 + parts or not all(isinstance(part, str) for part in key):
        raise bad_cursor()
    return key[2:]


def instant_of(text: str) -> datetime:
    """An instant out of a cursor, as ``rfc3339`` writes it; raises ``ValueError`` for any other text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def path_of(text: str) -> str:
    """An area's path out of a cursor; raises ``ValueError`` for any other text."""
    if not _PATH.fullmatch(text):
        raise ValueError("no path of an area")
    return text


def bad_cursor() -> BadCursor:
    """The one refusal for a cursor that was changed, invented, or made for another list or person."""
    return BadCursor("The cursor was not made by this list.", "游标不是由本列表生成的，请从头读取。")


def cut(rows: list[Row], limit: int) -> tuple[list[Row], bool]:
    """The page out of ``limit + 1`` rows, and whether there are more."""
    return rows[:limit], len(rows) > limit
