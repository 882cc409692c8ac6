"""The worker: threads that run jobs, advance the feed and sweep; inside the server or a process of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from types import MappingProxyType

import structlog

from app.core.metrics import JobOutcome
from app.core.thumbnails import ThumbnailPool
from app.jobs.sweeps import sweep
from app.jobs.thumbnails import make_photo_thumbnail
from app.queries.jobs import has_due_jobs
from app.services.jobs import Claim, LeaseLost, claim, fail, place_of, release, renew
from app.services.photos import THUMBNAIL_JOB
from app.services.runtime import Runtime
from app.services.sealer import advance_feed

Handler = Callable[[Runtime, ThumbnailPool, Claim], None]
"""Does the slow thing outside any transaction, then writes its effect and ``finish`` in one."""

HANDLERS: MappingProxyType[str, Handler] = MappingProxyType({THUMBNAIL_JOB: make_photo_thumbnail})
AT_ONCE = 4
LEASE_S = 60
"""After which the jobs of a worker that died are taken over; one that lives renews it."""
RENEWAL_S = 10.0
IDLE_S = 0.5
FEED_S = 0.1
SWEEP_S = 60.0
LONGEST_PAUSE_S = 30.0
STOP_S = 10.0
"""How long ``stop`` waits for the threads."""
PICTURE_STOP_S = 3.0
"""How long a picture in work may still take when the worker stops; it is tried again by the next one."""


class JobRunner:
    """Runs jobs one after another; any number of runners may share a PostgreSQL database."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pool = ThumbnailPool()
        self._is_closing = threading.Event()
        self._in_work: Sequence[Claim] = ()

    def run_some(self) -> bool:
        """Run a few jobs that are due; False when there is none."""
        db, now = self._runtime.db, self._runtime.clock()
        with db.autocommit() as connection:  # on SQLite a claim shuts other writers out
            if not has_due_jobs(connection, HANDLERS, now=now):
                return False
        with db.write() as session:
            jobs = claim(session, HANDLERS, now=now, lease_s=LEASE_S, most=AT_ONCE)
        self._in_work = jobs
        try:
            for place, job in enumerate(jobs):
                if self._is_closing.is_set():
                    with db.write() as session:
                        release(session, jobs[place:], now=now)
                    break
                self._run(job)
        finally:
            self._in_work = ()  # what could not be given back goes to whoever comes when its lease has ended
        return bool(jobs)

    def renew_leases(self) -> bool:
        """Nobody takes over what is in work here; called every ``RENEWAL_S`` beside ``run_some``. Always False."""
        if jobs := self._in_work:
            with self._runtime.db.write() as session:
                renew(session, jobs, now=self._runtime.clock(), lease_s=LEASE_S)
        return False

    def close(self) -> None:
        """Give back what is not begun; a picture in work may still take ``PICTURE_STOP_S``."""
        self._is_closing.set()
        self._pool.close(patience_s=PICTURE_STOP_S)

    def _run(self, job: Claim) -> None:
        try:
            HANDLERS[job.kind](self._runtime, self._pool, job)
            self._runtime.metrics.count_job(job.kind, JobOutcome.DONE)
        except LeaseLost:
            self._note_loss(job)
        except Exception as error:
            self._note_failure(job, error)

    def _note_failure(self, job: Claim, error: Exception) -> None:
        try:
            with self._runtime.db.write() as session:
                is_dead = fail(session, job, error, now=self._runtime.clock())
        except LeaseLost:
            self._note_loss(job)
            return
        self._runtime.metrics.count_job(job.kind, JobOutcome.DEAD if is_dead else JobOutcome.RETRIED)
        log = structlog.get_logger()
        tell = log.error if is_dead else log.warning
        tell("job_failed", job=str(job.id), kind=job.kind, attempts=job.attempts, error=place_of(error))

    def _note_loss(self, job: Claim) -> None:
        self._runtime.metrics.count_job(job.kind, JobOutcome.LOST)
        structlog.get_logger().warning("lease_lost", job=str(job.id), kind=job.kind)


class Worker:
    """Does what is due until it is stopped; a failure in one loop is logged and never ends it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._runner = JobRunner(runtime)
        self._is_stopping = threading.Event()
        loops: list[tuple[Callable[[], bool], float]] = [
            (self._runner.run_some, IDLE_S),
            (self._runner.renew_leases, RENEWAL_S),
            (self._sweep, SWEEP_S),
        ]
        if runtime.db.dialect == "postgresql":  # on SQLite a writing transaction seals itself
            loops.append((self._advance_feed, FEED_S))
        self._threads = [threading.Thread(target=self._loop, args=loop, daemon=True) for loop in loops]

    def start(self) -> None:
        """Begin; once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End soon: what is being done is finished or given back. Returns after ``STOP_S`` at the latest."""
        self._is_stopping.set()
        deadline = time.monotonic() + STOP_S
        self._runner.close()
        started = [thread for thread in self._threads if thread.ident is not None]
        for thread in started:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in started):
            structlog.get_logger().warning("worker_abandoned")  # its leases end by themselves

    def _sweep(self) -> bool:
        sweep(self._runtime)
        return False

    def _advance_feed(self) -> bool:
        advance_feed(self._runtime.db)
        return False

    def _loop(self, step: Callable[[], bool], idle_s: float) -> None:
        """Repeat ``step``: at once while there is more, after ``idle_s`` when not, later and later while it fails."""
        failures = 0
        while not self._is_stopping.is_set():
            pause_s = 0.0
            try:
                pause_s = 0.0 if step() else idle_s
                failures = 0
            except Exception as error:
                failures += 1
                pause_s = min(LONGEST_PAUSE_S, idle_s * 2**failures)
                structlog.get_logger().error("worker_failed", error=place_of(error))
            self._is_stopping.wait(pause_s)


def drain(runtime: Runtime) -> None:
    """Run every job that is due, here and now, until none is left; what fails waits for its next attempt."""
    runner = JobRunner(runtime)
    try:
        while runner.run_some():
            pass
    finally:
        runner.close()
