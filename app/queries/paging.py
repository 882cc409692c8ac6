"""Keyset pages and their opaque cursors."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from app.core.errors import BadRequest

Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class BadCursor(BadRequest):
    code, title, title_zh = "bad-cursor", "This cursor is not valid here", "游标无效"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and where the next ones begin; ``next_cursor`` None at the end."""

    items: list[Row]
    next_cursor: str | None


def encode_cursor(*key: str) -> str:
    """The opaque text of a position in an order."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """The key of ``encode_cursor``; raises ``BadCursor`` unless it has ``parts`` texts."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise bad_cursor()
    return key


def instant_of(text: str) -> datetime:
    """An instant out of a cursor, as ``rfc3339`` writes it; raises ``ValueError`` for any other text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def bad_cursor() -> BadCursor:
    """The one refusal for a cursor that was changed, invented, or made for another list."""
    return BadCursor("The cursor was not made by this list.", "游标不是由本列表生成的，请从头读取。")


def cut(rows: list[Row], limit: int) -> tuple[list[Row], bool]:
    """The page out of ``limit + 1`` rows, and whether there are more."""
    return rows[:limit], len(rows) > limit
