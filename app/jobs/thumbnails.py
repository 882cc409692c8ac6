"""The job of each stored photo: decode it in another process, keep a thumbnail, tell its hazards."""

from datetime import datetime
from uuid import UUID

from app.core.thumbnails import ThumbnailPool, Unreadable
from app.queries.photos import find_undecoded
from app.services.jobs import Claim, finish
from app.services.photo_decoding import record_decoded
from app.services.runtime import Runtime


def make_photo_thumbnail(runtime: Runtime, pool: ThumbnailPool, job: Claim) -> None:
    """Decode outside any transaction, then write what it told and ``done`` in one.

    Raises ``FileNotFoundError`` when the storage has lost the original, ``ThumbnailFailed``, ``PhotoJustNamed``,
    ``StorageFull`` or ``LeaseLost``: then nothing is written and the job is tried again.
    """
    photo_id = UUID(job.payload["photo_id"])
    with runtime.db.autocommit() as connection:
        sha256 = find_undecoded(connection, photo_id)
    readable = sha256 is not None and _make(runtime, pool, sha256)
    now: datetime = runtime.clock()
    with runtime.db.write() as session:
        finish(session, job, now=now)
        record_decoded(session, photo_id, readable=readable, now=now)


def _make(runtime: Runtime, pool: ThumbnailPool, sha256: str) -> bool:
    original = runtime.storage.path(sha256)
    if not original.is_file():
        raise FileNotFoundError(sha256)
    try:
        thumbnail = pool.make(original)
    except Unreadable:
        return False
    runtime.storage.put_thumbnail(sha256, thumbnail.content)
    return True
