"""What is due by the clock, computed from data: a missed night catches up, a second run does nothing."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from app.services.hazards.voids import lapse_voids
from app.services.jobs import forget_done, place_of
from app.services.lockout import forget_failures
from app.services.runtime import Runtime
from app.services.tokens import forget_expired
from app.services.unnamed_photos import drop_unused_bytes, remove_unnamed

DONE_JOBS_KEPT = timedelta(days=30)


def sweep(runtime: Runtime) -> None:
    """Everything that is due now; what fails is logged and leaves the others alone."""
    for task in (_lapse_voids, _forget_tokens, _forget_jobs, _remove_unnamed_photos, _clear_incoming):
        _run(task, runtime)


def _run(task: Callable[[Runtime], int], runtime: Runtime) -> None:
    log = structlog.get_logger()
    try:
        if done := task(runtime):
            log.info("swept", task=task.__name__.strip("_"), count=done)
    except Exception as error:
        log.error("sweep_failed", task=task.__name__.strip("_"), error=place_of(error))


def _lapse_voids(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        return lapse_voids(session, runtime.calendars.current(session), now=runtime.clock())


def _forget_tokens(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        return forget_expired(session, now=runtime.clock()) + forget_failures(session, now=runtime.clock())


def _forget_jobs(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        return forget_done(session, before=runtime.clock() - DONE_JOBS_KEPT)


def _remove_unnamed_photos(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        removed = remove_unnamed(session, now=runtime.clock())
    for photo_id, _ in removed:
        structlog.get_logger().info("unnamed_photo_removed", photo=photo_id)
    with runtime.db.read() as session:
        drop_unused_bytes(session, runtime.storage, [sha256 for _, sha256 in removed])
    return len(removed)


def _clear_incoming(runtime: Runtime) -> int:
    return runtime.storage.clear_incoming()
