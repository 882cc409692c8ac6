"""The public keys that receipts can be checked with."""

from sqlalchemy import select
from sqlmodel import Session, col

from app.models import ReceiptKey


def list_receipt_keys(session: Session) -> list[ReceiptKey]:
    """All keys that ever signed, newest first; they are public, and few."""
    return list(session.scalars(select(ReceiptKey).order_by(col(ReceiptKey.valid_from).desc(), col(ReceiptKey.id))))
