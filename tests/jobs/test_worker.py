"""The worker's threads: they do what is due, survive what fails, and end when told."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import structlog
from sqlalchemy import event, func, select, text, update

from app.jobs import worker as jobs
from app.jobs.sweeps import sweep
from app.jobs.worker import STOP_S, JobRunner, Worker, drain
from app.models import ChainHead, Feed, Job, Photo, Token, VoidRequest
from app.services.jobs import enqueue, finish
from app.services.photos import THUMBNAIL_JOB
from tests.factories import hire, make_street, shoot
from tests.phone import Phone

DEADLINE_S = 20


@pytest.fixture
def worker(committed_runtime):
    made = Worker(committed_runtime)
    yield made
    made.stop()


@pytest.fixture
def committed_phone(committed_runtime, committed_client, clock):
    """A phone whose inspector is hired for good."""
    with committed_runtime.db.write() as session:
        street = make_street(session, clock)
        assert street.inspector
    return Phone(committed_client, street, clock)


def until(condition):
    """Wait until ``condition()`` holds; fail after ``DEADLINE_S``."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"


class TestWorker:
    def test_makes_thumbnails_while_the_server_answers(self, committed_phone, worker):
        worker.start()
        hazard = committed_phone.report()
        until(lambda: committed_phone.read(hazard["id"])["photos"][0]["thumbnail_ready"])

    def test_gives_positions_on_its_own(self, committed_phone, committed_runtime, worker):
        committed_phone.report()
        if committed_runtime.db.dialect == "sqlite":
            pytest.skip("on SQLite the writing transaction seals itself")
        worker.start()

        def sealed():
            with committed_runtime.db.read() as session:
                waiting = session.execute(text("SELECT count(*) FROM outbox")).scalar_one()
                chained = session.execute(select(ChainHead.position)).scalar_one()
                return not waiting and 0 < chained == session.execute(select(func.max(Feed.position))).scalar_one()

        until(sealed)

    def test_goes_on_after_a_failure(self, committed_phone, committed_runtime, clock, worker):
        lost, found = shoot(at=clock()), shoot(at=clock())
        for shot in (lost, found):
            assert committed_phone.upload(committed_phone.street.inspector, shot).status_code == 201
        committed_runtime.storage.path(lost.sha256).unlink()
        worker.start()

        def settled():
            with committed_runtime.db.read() as session:
                ready = session.get_one(Photo, found.id).thumbnail_ready
                attempts = session.execute(
                    select(Job.attempts, Job.state).where(Job.dedupe_key == f"{THUMBNAIL_JOB}:{lost.id}")
                ).one()
                return ready and tuple(attempts) == (1, "queued")

        until(settled)

    def test_stops_within_its_time_and_leaves_the_rest_to_others(self, committed_phone, committed_runtime, clock):
        for number in range(12):
            shot = shoot(at=clock())
            assert committed_phone.upload(committed_phone.street.inspector, shot).status_code == 201, number
        first = Worker(committed_runtime)
        first.start()
        began = time.monotonic()
        first.stop()
        assert time.monotonic() - began < STOP_S
        clock.move(minutes=1)  # a picture that was given up waits a moment
        drain(committed_runtime)
        with committed_runtime.db.read() as session:
            assert set(session.execute(select(Job.state)).scalars()) == {"done"}


class TestLease:
    """Jobs that a test makes; ``runtime`` and its clock are the test's."""

    @pytest.fixture
    def queued(self, committed_runtime, clock):
        with committed_runtime.db.write() as session:
            for key in ("first", "second"):
                enqueue(session, "test", key, {}, now=clock())

    def done(self, runtime):
        with runtime.db.read() as session:
            return sorted(session.execute(select(Job.dedupe_key).where(Job.state == "done")).scalars())

    @pytest.mark.usefixtures("queued")
    def test_the_jobs_of_a_worker_that_died_are_taken_over_after_a_minute(self, committed_runtime, clock, monkeypatch):
        def die(*_):
            raise SystemExit

        def do(runtime, _pool, job):
            with runtime.db.write() as session:
                finish(session, job, now=clock())

        monkeypatch.setattr(jobs, "HANDLERS", {"test": die})
        with pytest.raises(SystemExit):
            drain(committed_runtime)
        monkeypatch.setattr(jobs, "HANDLERS", {"test": do})
        clock.move(seconds=59)
        drain(committed_runtime)
        assert self.done(committed_runtime) == []
        clock.move(seconds=1)
        drain(committed_runtime)
        assert self.done(committed_runtime) == ["first", "second"]

    @pytest.mark.usefixtures("queued")
    def test_a_worker_that_lives_renews_the_leases_of_all_it_claimed(self, committed_runtime, clock, monkeypatch):
        def ends():
            with committed_runtime.db.read() as session:
                return set(session.execute(select(Job.run_at).where(Job.state == "running")).scalars())

        def do(runtime, _pool, job):
            clock.move(seconds=59)
            until(lambda: ends() == {clock() + timedelta(seconds=60)})
            with runtime.db.write() as session:
                finish(session, job, now=clock())

        monkeypatch.setattr(jobs, "HANDLERS", {"test": do})
        monkeypatch.setattr(jobs, "RENEWAL_S", 0.01)
        worker = Worker(committed_runtime)
        worker.start()
        until(lambda: self.done(committed_runtime) == ["first", "second"])
        worker.stop()

    @pytest.mark.usefixtures("queued")
    def test_a_claim_that_could_not_be_given_back_is_not_renewed(self, committed_runtime, clock, monkeypatch, engine):
        """The database goes away while a job fails: its lease ends, and somebody takes it over."""

        def refuse(_connection):
            raise InterruptedError

        def die(*_):
            event.listen(engine, "begin", refuse)
            raise RuntimeError

        def do(runtime, _pool, job):
            with runtime.db.write() as session:
                finish(session, job, now=clock())

        runner = JobRunner(committed_runtime)
        monkeypatch.setattr(jobs, "HANDLERS", {"test": die})
        with pytest.raises(InterruptedError):
            runner.run_some()
        event.remove(engine, "begin", refuse)
        monkeypatch.setattr(jobs, "HANDLERS", {"test": do})
        clock.move(seconds=59)
        runner.renew_leases()
        clock.move(seconds=1)
        drain(committed_runtime)
        runner.close()
        assert self.done(committed_runtime) == ["first", "second"]


class TestSweep:
    def test_a_void_request_lapses(self, phone, street, runtime, session, clock):
        hazard = phone.report()
        assert phone.ask_void(street.office, hazard).status_code == 201
        clock.move(days=6)
        sweep(runtime)
        assert session.execute(select(VoidRequest.state)).scalar_one() == "pending"
        clock.move(days=2)
        sweep(runtime)
        sweep(runtime)
        session.expire_all()
        assert session.execute(select(VoidRequest.state)).scalar_one() == "lapsed"
        assert phone.read(hazard["id"])["version"] == phone.read(hazard["id"], street.leader)["version"]

    def test_expired_tokens_go_after_a_week(self, runtime, session, street, clock):
        person = hire(session, "auditor", [street.street], clock())
        own = select(Token).where(Token.user_id == person.id)
        clock.move(days=3650 + 6)
        sweep(runtime)
        assert session.execute(own).scalar_one_or_none() is not None
        clock.move(days=2)
        sweep(runtime)
        session.expire_all()
        assert session.execute(own).scalar_one_or_none() is None

    def test_photos_that_nothing_named_go_after_180_days(self, phone, street, runtime, session, clock):
        forgotten, named = shoot("after", at=clock()), shoot("after", at=clock())
        for shot in (forgotten, named):
            assert phone.upload(street.inspector, shot).status_code == 201
            os.utime(runtime.storage.path(shot.sha256), (0, 0))
        assert phone.claim(street.inspector, phone.report(), photo_ids=[named.id]).status_code == 201
        clock.move(days=179)
        sweep(runtime)
        assert session.scalar(select(func.count()).where(Photo.id == UUID(forgotten.id))) == 1
        clock.move(days=2)
        sweep(runtime)
        assert session.scalar(select(func.count()).where(Photo.id == UUID(forgotten.id))) == 0
        assert session.scalar(select(func.count()).where(Photo.id == UUID(named.id))) == 1
        assert not runtime.storage.has(forgotten.sha256)
        assert runtime.storage.has(named.sha256)

    def test_bytes_that_another_photo_has_stay(self, phone, street, runtime, session, clock):
        first = shoot("after", at=clock())
        assert phone.upload(street.inspector, first).status_code == 201
        clock.move(days=100)
        copy = shoot("after", at=clock(), content=first.content)
        assert phone.upload(street.inspector, copy).status_code == 201
        os.utime(runtime.storage.path(first.sha256), (0, 0))
        clock.move(days=100)
        sweep(runtime)
        assert session.scalars(select(Photo.id)).all() == [UUID(copy.id)]
        assert runtime.storage.has(first.sha256)

    def test_one_that_fails_leaves_the_others_alone(self, phone, street, runtime, session, clock):
        hazard = phone.report()
        assert phone.ask_void(street.office, hazard).status_code == 201
        no_day_after = datetime(9999, 12, 31, 23, tzinfo=UTC)
        session.execute(update(VoidRequest).values(asked_at=no_day_after))
        session.commit()
        clock.move(days=3660)
        with structlog.testing.capture_logs() as lines:
            sweep(runtime)
        assert [(line["event"], line["task"]) for line in lines] == [
            ("sweep_failed", "lapse_voids"),
            ("swept", "forget_tokens"),
        ]
        assert session.execute(select(func.count()).select_from(Token)).scalar_one() == 0
