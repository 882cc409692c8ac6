"""Receipts: what the office accepted, signed so that the phone can prove it. Source: contract.md, «Submission»."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select
from sqlmodel import Session, col

from app.core.clock import rfc3339
from app.core.config import BadSettings
from app.core.rawjson import canonical
from app.models import ReceiptKey


class Receipts:
    """Signs with the key in force."""

    def __init__(self, key_id: UUID, key: Ed25519PrivateKey) -> None:
        self._key_id = str(key_id)
        self._key = key

    def sign(
        self, inspection_id: UUID, content_hash: str, photo_hashes: Sequence[str], received_at: datetime
    ) -> dict[str, str]:
        """``{key_id, signed, signature}``; ``signed`` is the canonical JSON text that ``signature`` (base64) covers."""
        signed = canonical(
            {
                "id": str(inspection_id),
                "content_sha256": content_hash,
                "photo_sha256": sorted(photo_hashes),
                "received_at": rfc3339(received_at),
            }
        )
        signature = base64.b64encode(self._key.sign(signed)).decode()
        return {"key_id": self._key_id, "signed": signed.decode(), "signature": signature}


def make_receipt_key(session: Session, secret: bytes, *, now: datetime) -> None:
    """Make the first signing key, wrapped by the secret key; nothing happens when there is one."""
    if session.execute(select(col(ReceiptKey.id)).limit(1)).first() is not None:
        return
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    row = ReceiptKey(public_key=base64.b64encode(public).decode(), wrapped_private_key="", valid_from=now)
    nonce = hashlib.sha256(row.id.bytes).digest()[:12]
    sealed = AESGCM(_wrapping_key(secret)).encrypt(nonce, private, row.id.bytes)
    row.wrapped_private_key = base64.b64encode(sealed).decode()
    session.add(row)


def open_receipts(session: Session, secret: bytes) -> Receipts:
    """The signer with the newest key; raises ``BadSettings`` when the secret key is not the one that wrapped it."""
    row = session.execute(select(ReceiptKey).order_by(col(ReceiptKey.valid_from).desc()).limit(1)).scalar_one()
    nonce = hashlib.sha256(row.id.bytes).digest()[:12]
    try:
        private = AESGCM(_wrapping_key(secret)).decrypt(nonce, base64.b64decode(row.wrapped_private_key), row.id.bytes)
    except InvalidTag as error:
        raise BadSettings("XIAOHAO_SECRET_KEY is not the key this database was set up with") from error
    return Receipts(row.id, Ed25519PrivateKey.from_private_bytes(private))


def _wrapping_key(secret: bytes) -> bytes:
    return hashlib.sha256(b"xiaohao receipt key\x00" + secret).digest()
