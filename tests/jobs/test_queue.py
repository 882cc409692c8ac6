"""The job table: one job a key, one worker a job, its effect and its end together."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from app.models import Job
from app.services.jobs import (
    MAX_ATTEMPTS,
    LeaseLost,
    claim,
    enqueue,
    fail,
    finish,
    forget_done,
    place_of,
    release,
    replay_dead,
)
from tests.races import at_once

KIND = "count"


@pytest.fixture
def queue(db, clock):
    """Writes a job down, and again when asked to."""

    def put(key="one", **when):
        with db.write() as session:
            enqueue(session, KIND, key, {"key": key}, now=clock(), **when)

    return put


@pytest.fixture
def take(db, clock):
    def run(most=10, lease_s=60, kinds=(KIND,)):
        with db.write() as session:
            return claim(session, kinds, now=clock(), lease_s=lease_s, most=most)

    return run


def job_of(db, key="one"):
    with db.read() as session:
        return session.execute(select(Job).where(Job.dedupe_key == key)).scalar_one()


def error_of(text):
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


class TestEnqueue:
    def test_a_key_is_queued_once_even_when_done(self, db, clock, queue, take):
        queue()
        queue()
        (job,) = take()
        with db.write() as session:
            finish(session, job, now=clock())
        queue()
        assert take() == []
        assert job_of(db).state == "done"

    def test_nothing_is_queued_by_a_transaction_that_fails(self, db, clock, take):
        def write():
            with db.write() as session:
                enqueue(session, KIND, "one", {}, now=clock())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write()
        assert take() == []

    def test_not_before_its_time(self, clock, queue, take):
        queue(run_at=clock.now.replace(hour=5))
        assert take() == []
        clock.move(hours=3)
        assert [job.payload for job in take()] == [{"key": "one"}]


class TestClaim:
    def test_a_job_in_work_is_not_given_twice(self, queue, take):
        queue()
        assert len(take()) == 1
        assert take() == []

    def test_the_oldest_first_and_no_more_than_asked_for(self, clock, queue, take):
        for key in ("first", "second", "third"):
            queue(key)
            clock.move(seconds=1)
        assert [job.payload["key"] for job in take(most=2)] == ["first", "second"]

    def test_a_kind_that_this_release_does_not_know_waits_for_one_that_does(self, queue, take):
        queue()
        assert take(kinds=("other",)) == []
        assert len(take()) == 1

    def test_a_lost_lease_is_taken_over_and_its_holder_writes_nothing(self, db, clock, queue, take):
        queue()
        (dead_worker,) = take(lease_s=60)
        clock.move(seconds=61)
        (heir,) = take(lease_s=60)
        assert heir.attempts == 2

        def write_effect():
            with db.write() as session:
                enqueue(session, KIND, "its effect", {}, now=clock())
                finish(session, dead_worker, now=clock())

        with pytest.raises(LeaseLost):
            write_effect()
        assert take() == []
        with pytest.raises(LeaseLost), db.write() as session:
            fail(session, dead_worker, error_of("late"), now=clock())
        with db.write() as session:
            finish(session, heir, now=clock())
        assert job_of(db).state == "done"

    def test_a_job_that_kills_every_worker_is_given_up(self, db, clock, queue, take):
        queue()
        for _ in range(MAX_ATTEMPTS):
            assert len(take(lease_s=60)) == 1
            clock.move(seconds=61)
        assert take() == []
        assert (job_of(db).state, job_of(db).last_error) == ("dead", "the worker never came back")

    def test_finished_once(self, db, clock, queue, take):
        queue()
        (job,) = take()
        with db.write() as session:
            finish(session, job, now=clock())
        with pytest.raises(LeaseLost), db.write() as session:
            finish(session, job, now=clock())

    def test_given_back_it_costs_no_attempt(self, db, clock, queue, take):
        queue()
        with db.write() as session:
            release(session, take(), now=clock())
        assert [job.attempts for job in take()] == [1]


class TestFailure:
    def test_it_comes_back_later_and_later_until_it_is_dead(self, db, clock, queue, take):
        queue()
        delays = []
        for attempt in range(1, MAX_ATTEMPTS + 1):
            (job,) = take()
            assert job.attempts == attempt
            with db.write() as session:
                is_dead = fail(session, job, error_of("no"), now=clock())
            assert is_dead is (attempt == MAX_ATTEMPTS)
            assert take() == []
            if not is_dead:
                delays.append((job_of(db).run_at - clock()).total_seconds())
                clock.now = job_of(db).run_at
        assert delays[0] < 5 < delays[2] < delays[6] <= delays[-1] <= 3600
        assert job_of(db).state == "dead"

    def test_a_dead_job_is_replayed(self, db, clock, queue, take):
        queue()
        for _ in range(MAX_ATTEMPTS):
            (job,) = take()
            with db.write() as session:
                fail(session, job, error_of("no"), now=clock())
            clock.move(hours=2)
        with db.write() as session:
            assert replay_dead(session, now=clock(), job_id=uuid4()) == 0
            assert replay_dead(session, now=clock()) == 1
        assert [job.attempts for job in take()] == [1]

    def test_what_an_error_says_is_not_kept(self, db, clock, queue, take):
        queue()
        (job,) = take()
        with db.write() as session:
            fail(session, job, error_of("电话 13912345678"), now=clock())
        assert job_of(db).last_error == place_of(error_of("x"))
        assert job_of(db).last_error.startswith("ValueError at test_queue.py:")


def test_what_is_done_is_forgotten_in_time(db, clock, queue, take):
    queue("old")
    clock.move(seconds=1)
    queue("waiting")
    clock.move(seconds=1)
    (old,) = take(most=1)
    with db.write() as session:
        finish(session, old, now=clock())
        assert forget_done(session, before=clock()) == 0
    clock.move(days=31)
    with db.write() as session:
        assert forget_done(session, before=clock()) == 1
    assert [job.payload["key"] for job in take()] == ["waiting"]


def test_workers_at_once_share_the_jobs(committed_runtime, clock):
    db = committed_runtime.db
    with db.write() as session:
        for number in range(40):
            enqueue(session, KIND, str(number), {"key": str(number)}, now=clock())

    def work():
        taken = []
        while True:
            with db.write() as session:
                jobs = claim(session, [KIND], now=clock(), lease_s=60, most=3)
            if not jobs:
                return taken
            for job in jobs:
                with db.write() as session:
                    finish(session, job, now=clock())
                taken.append(job.payload["key"])

    taken = [key for keys in at_once(work, work, work, work) for key in keys]
    assert sorted(taken, key=int) == [str(number) for number in range(40)]


def test_two_transactions_queue_one_key_once(committed_runtime, clock):
    def put():
        with committed_runtime.db.write() as session:
            enqueue(session, KIND, "one", {}, now=clock())

    at_once(put, put, put)
    with committed_runtime.db.read() as session:
        assert len(session.execute(select(Job)).scalars().all()) == 1
