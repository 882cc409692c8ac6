"""Where a machine client stands in the feed: opaque to it, and only ours.

Position and running hash (a log that was restored or forked is found by it), client, types, scope epoch and log epoch,
under a MAC. Source: contract.md, «District».
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

from app.domain.vocabulary import FeedType
from app.queries.paging import bad_cursor

Types = frozenset[FeedType]

_LAYOUT = struct.Struct(">BQ32s16sBI16s")
_FORM = 1
_MAC_BYTES = 18
"""Makes 96 bytes: their text has no unused bits that could be changed unseen."""
_BIT_OF = {
    FeedType.HAZARD: 1,
    FeedType.INSPECTION: 2,
    FeedType.PREMISES: 4,
    FeedType.PHOTO: 8,
    FeedType.CAMPAIGN: 16,
    FeedType.SUPERVISION: 32,
}
"""Part of cursors that clients keep: never renumbered."""


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """A place in the feed. ``types`` None: all of them, also those to come."""

    position: int
    running_hash: str
    client_id: UUID
    types: Types | None
    scope_epoch: int
    log_epoch: UUID


def encode_feed_cursor(cursor: FeedCursor, secret: bytes) -> str:
    """The text a client gets."""
    body = _LAYOUT.pack(
        _FORM,
        cursor.position,
        bytes.fromhex(cursor.running_hash),
        cursor.client_id.bytes,
        sum(_BIT_OF[kind] for kind in cursor.types or ()),
        cursor.scope_epoch,
        cursor.log_epoch.bytes,
    )
    return base64.urlsafe_b64encode(body + _mac(body, secret)).decode()


def decode_feed_cursor(text: str, secret: bytes, *, client_id: UUID, types: Types | None) -> FeedCursor:
    """The place behind ``text``; raises ``BadCursor`` unless we gave it to this client for these types."""
    try:
        raw = base64.urlsafe_b64decode(text)
    except (ValueError, binascii.Error) as error:
        raise bad_cursor() from error
    if base64.urlsafe_b64encode(raw).decode() != text:  # the decoder is lenient
        raise bad_cursor()
    body, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _mac(body, secret)) or len(body) != _LAYOUT.size or body[0] != _FORM:
        raise bad_cursor()
    _, position, running_hash, owner, bits, scope_epoch, log_epoch = _LAYOUT.unpack(body)
    kept = frozenset(kind for kind, bit in _BIT_OF.items() if bits & bit) or None
    if owner != client_id.bytes or kept != types:
        raise bad_cursor()
    return FeedCursor(position, running_hash.hex(), client_id, types, scope_epoch, UUID(bytes=log_epoch))


def _mac(body: bytes, secret: bytes) -> bytes:
    key = hashlib.sha256(b"xiaohao feed cursor\x00" + secret).digest()
    return hmac.digest(key, body, "sha256")[:_MAC_BYTES]
