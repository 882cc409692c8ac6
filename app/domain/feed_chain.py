"""The running hash of the feed: how a client proves that it missed nothing and that nothing was rewritten.

The recipe, for anybody who keeps what the feed sent:

1. Take an item as parsed from the answer, without ``commit_last``: position, type, id, version, op, changed_at, data.
2. Write it as canonical JSON (RFC 8785: keys sorted, no spaces, UTF-8, numbers as ECMAScript writes them).
3. ``leaf`` = SHA-256 of these bytes.
4. ``running`` = SHA-256 of the 32 bytes of the running hash before it, then the 32 bytes of ``leaf``.

It begins with 32 zero bytes at position 0 and runs over every position. A client that sees its whole district, with
all types, gets every position and can compute it; each page states it at ``position``. Source: choices.md, «The feed».
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import orjson

EMPTY = bytes(32)
"""The running hash of a feed without a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the hash of one position covers; ``changed_at`` and ``data`` as they are sent."""

    position: int
    type: str
    id: str
    version: int
    op: str
    changed_at: str
    data: str


def leaf_hash(change: Change) -> bytes:
    """SHA-256 of the canonical JSON of one item."""
    item = (
        f'{{"changed_at":"{change.changed_at}","data":{_canonical_text(change.data)},"id":"{change.id}","op":"{change.op}",'
        f'"position":{change.position},"type":"{change.type}","version":{change.version}}}'
    )
    return hashlib.sha256(item.encode()).digest()


def next_hash(before: bytes, leaf: bytes) -> bytes:
    """The running hash with one more change."""
    return hashlib.sha256(before + leaf).digest()


def canonical_json(value: object) -> str:
    """The one text of a JSON value (RFC 8785); integers are taken to be exact."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(key)}:{canonical_json(value[key])}" for key in sorted(value, key=_utf16)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _canonical_text(text: str) -> str:
    """The same for JSON text, by faster hands; they order astral characters otherwise, and know no longer integers."""
    is_plain = "\\u" not in text and len(text.encode("utf-16-le")) == 2 * len(text)
    if is_plain:
        with suppress(orjson.JSONEncodeError):
            return orjson.dumps(_DECODER.decode(text), option=orjson.OPT_SORT_KEYS).decode()
    return canonical_json(json.loads(text))


def _fraction(digits: str) -> orjson.Fragment:
    return orjson.Fragment(_number(float(digits)))


_DECODER = json.JSONDecoder(parse_float=_fraction)
_text = json.JSONEncoder(ensure_ascii=False).encode


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _number(value: float) -> str:
    """As ECMAScript writes it: shortest digits, an exponent only below 1e-6 and from 1e21."""
    if value == 0:
        return "0"
    shortest = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(shortest), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits, _, exponent = shortest.partition("e")
    return f"{digits}e{int(exponent):+d}"
