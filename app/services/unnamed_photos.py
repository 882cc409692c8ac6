"""Photos that nothing ever named are removed after 180 days. Source: contract.md, «Photos»."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlmodel import Session, col

from app.core.storage import Storage
from app.models import Photo

KEPT_FOR = timedelta(days=180)
AT_ONCE = 500


def remove_unnamed(session: Session, *, now: datetime) -> list[tuple[str, str]]:
    """Forget the oldest unnamed photos, at most ``AT_ONCE``: (id, sha256) of each, for the log and the storage."""
    old = (
        select(col(Photo.id))
        .where(col(Photo.named_at).is_(None), col(Photo.created_at) < now - KEPT_FOR)
        .order_by(col(Photo.created_at), col(Photo.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = session.execute(old).scalars().all()
    gone = session.execute(
        delete(Photo)
        .where(col(Photo.id).in_(ids), col(Photo.named_at).is_(None))
        .returning(col(Photo.id), col(Photo.sha256))
        .execution_options(synchronize_session=False)
    )
    return [(str(row.id), row.sha256) for row in gone]


def drop_unused_bytes(session: Session, storage: Storage, hashes: Sequence[str]) -> int:
    """Drop the files of ``hashes`` that no photo has any more; how many.

    Called after the removal is committed. The storage keeps a file that an upload put there lately: its row may
    not be committed yet.
    """
    used = set(session.execute(select(col(Photo.sha256)).where(col(Photo.sha256).in_(hashes))).scalars())
    return sum(storage.drop(sha256) for sha256 in sorted(set(hashes) - used))
