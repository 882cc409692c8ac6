"""The feed with many at once, and when something is killed, rewritten or restored."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from app.core.database import Database
from app.domain.vocabulary import FeedOp
from app.models import ChainHead, Feed, FeedChain, Premises, Seal
from app.services import sealer
from app.services.changes import new_commit
from app.services.sealer import advance_feed, extend_chain, seal
from tests.feed import PREMISES, Places, Puller, ids_of, positions, running_hash, versions
from tests.races import at_once


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Ask until it holds; a test that waits in vain fails."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[list[object]]:
    """``work`` beside the block; its result, or what it raised, afterwards."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield outcome
    thread.join(timeout=30)
    assert not thread.is_alive()


class Writers:
    """Change premises at the same time; some give up, some stay open until others have committed."""

    def __init__(self, places: Places, seed: int, *, count: int, rounds: int) -> None:
        self.places = places
        self.seed = seed
        self.rounds = rounds
        self.committed: list[tuple[str, int]] = []
        self.at_work = count
        self.news = threading.Condition()

    def write(self, number: int) -> None:
        chance = random.Random(f"{self.seed}:{number}")
        for _ in range(self.rounds):
            chosen = chance.sample(range(12), chance.randint(1, 5))
            with suppress(InterruptedError):
                told = self.change(chosen, chance.choice(["fast", "fast", "slow", "aborted"]))
                with self.news:
                    self.committed += told
                    self.news.notify_all()
        with self.news:
            self.at_work -= 1

    def change(self, chosen: list[int], kind: str) -> list[tuple[str, int]]:
        with self.places.db.write() as session:
            self.places.change_in(session, *chosen)
            ids = [self.places.ids[place] for place in chosen]
            rows = session.execute(select(Premises.id, Premises.version).where(col(Premises.id).in_(ids))).all()
            if kind == "aborted":
                raise InterruptedError
            if kind == "slow" and self.places.db.dialect == "postgresql":
                with self.news:
                    before = len(self.committed)
                    self.news.wait_for(lambda: len(self.committed) > before, timeout=0.1)
        return [(str(row.id), row.version) for row in rows]

    def are_done(self) -> bool:
        with self.news:
            return self.at_work == 0


class TestManyAtOnce:
    @pytest.mark.parametrize(("seed", "portion"), [(0, 5000), (1, 5000), (2, 4)])
    def test_nothing_is_missed_by_anybody(  # way 4
        self, places: Places, is_long: bool, monkeypatch, seed: int, portion: int
    ) -> None:
        """Writers, aborted and slow transactions, several sealers, pullers of several page sizes."""
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", portion)
        writers = Writers(places, seed, count=4, rounds=100 if is_long else 15)
        pullers = [places.puller(limit=limit) for limit in (1, 3, 7, 1000)]

        def pull(puller: Puller) -> None:
            is_last = False
            while not is_last:
                is_last = writers.are_done()
                puller.pull()

        at_once(*(partial(writers.write, number) for number in range(4)), *(partial(pull, each) for each in pullers))
        for puller in pullers:
            assert positions(puller.items) == list(range(1, len(writers.committed) + 1))
            assert sorted(versions(puller.items)) == sorted(writers.committed)
            for place in places.changed(*range(12)):
                mine = [item["version"] for item in puller.items if item["id"] == place]
                assert mine == list(range(1, len(mine) + 1))
            assert puller.items == pullers[0].items
        last = pullers[0].page()
        assert (last["items"], last["running_hash"]) == ([], running_hash(pullers[0].items))
        commits = [commit for commit, _ in groupby(commits_of(places))]
        assert len(commits) == len(set(commits))  # none was torn apart

    def test_sealers_do_not_get_into_each_others_way(self, places: Places) -> None:
        for place in range(12):
            places.change(place)
        at_once(*[lambda: advance_feed(places.db)] * 8)
        advance_feed(places.db)  # who found the lock taken had nothing to do
        page = places.puller().page()
        assert (positions(page["items"]), page["has_more"]) == (list(range(1, 13)), False)


def commits_of(places: Places) -> list[UUID]:
    with places.db.read() as session:
        return list(session.execute(select(col(Feed.commit_id)).order_by(col(Feed.position))).scalars())


@pytest.mark.usefixtures("on_postgresql")
class TestBacklog:
    def test_it_is_sealed_in_portions_of_whole_commits(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", 4)
        for chosen in ([0, 1, 2], [3, 4], [5], [6, 7, 8, 9]):
            places.change(*chosen)
        assert [seal(places.db) for _ in range(4)] == [3, 3, 4, 0]
        assert ids_of(places.puller().pull()) == places.changed(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)

    def test_a_commit_that_began_early_and_ended_late_waits_for_its_turn(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", 3)
        with places.db.write() as slow:
            places.change_in(slow, 0)
            for place in (1, 2, 3):
                places.change(place)
            places.change_in(slow, 4)
        assert [seal(places.db) for _ in range(3)] == [2, 3, 0]
        assert ids_of(places.puller().pull()) == places.changed(1, 2, 3, 0, 4)

    def test_a_commit_longer_than_a_portion_is_sealed_whole(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", 2)
        places.change(0, 1, 2, 3)
        assert [seal(places.db), seal(places.db)] == [4, 0]
        assert ids_of(places.puller().pull()) == places.changed(0, 1, 2, 3)

    def test_it_takes_no_longer_where_the_database_thinks_that_nothing_waits(
        self, places: Places, engine: Engine
    ) -> None:
        """As after every count of an outbox that had just been emptied."""

        def write() -> None:
            with places.db.write() as session:
                for place in range(100):
                    places.change_in(session, place % 12, (place + 1) % 12)
                    new_commit(session)

        write()
        assert seal(places.db) == 200
        with places.db.autocommit() as connection:
            connection.exec_driver_sql("ANALYZE outbox")
        write()
        with engine.connect() as connection:  # one transaction, in which the database counts what it looks at
            assert seal(Database(connection)) == 200
            looked = connection.execute(
                text("SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname = 'outbox'")
            ).scalar_one()
            connection.rollback()
        assert looked <= 10 * 200

    def test_a_database_too_slow_for_it_gets_less_at_once(self, places: Places, monkeypatch) -> None:
        """And a commit that is longer than that gets more time."""
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", 32)
        monkeypatch.setattr(sealer, "LIMIT_S", 1)
        for chosen in ([0], [1], [2, 3, 4, 5, 6, 7], [8], [9]):
            places.change(*chosen)
        with slow_from(places, rows=5):
            assert [seal(places.db), seal(places.db)] == [10, 0]
        assert ids_of(places.puller().pull()) == places.changed(*range(10))

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.integers(0, 3), min_size=1, max_size=14), st.integers(1, 6))
    def test_whatever_the_order_of_rows_commits_stay_whole_and_ordered_by_their_last(
        self, places: Places, monkeypatch, writes: list[int], portion: int
    ) -> None:
        """Four transactions write in turns, then end; the first waits until the others are sealed."""
        monkeypatch.setattr(sealer, "SEALED_AT_ONCE", portion)
        done = len(commits_of(places))
        last_row = {writer: place for place, writer in enumerate(writes)}
        with ExitStack() as late:
            first = late.enter_context(places.db.write())
            with ExitStack() as others:
                sessions = [first, *(others.enter_context(places.db.write()) for _ in range(3))]
                for writer in writes:
                    places.change_in(sessions[writer], writer)
            seal_all(places)
        seal_all(places)
        told = [commit for commit, _ in groupby(commits_of(places)[done:])]
        assert len(told) == len(set(told)) == len(set(writes))
        with places.db.read() as session:
            rows = session.execute(select(Feed.object_id).order_by(col(Feed.position)).offset(done)).scalars().all()
        order = [places.ids.index(place) for place, _ in groupby(rows)]
        expected = sorted(set(writes) - {0}, key=last_row.__getitem__) + [0] * (0 in writes)
        assert order == expected


@contextmanager
def slow_from(places: Places, *, rows: int) -> Iterator[None]:
    """The database takes two seconds for a statement that gives positions to so many rows."""
    with places.db.write() as session:
        session.execute(
            text(
                "CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
                " IF (SELECT count(*) FROM given) >= TG_ARGV[0]::int THEN PERFORM pg_sleep(2); END IF;"
                " RETURN NULL; END'"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER be_slow AFTER INSERT ON feed REFERENCING NEW TABLE AS given"
                f" FOR EACH STATEMENT EXECUTE FUNCTION be_slow({rows})"
            )
        )
    try:
        yield
    finally:
        with places.db.write() as session:
            session.execute(text("DROP FUNCTION be_slow CASCADE"))


def seal_all(places: Places) -> None:
    while seal(places.db):
        pass


_WAITING = (
    "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE :statement"
)


def is_waiting(places: Places, statement: str) -> bool:
    """Whether somebody waits for a lock in a statement that contains this; asking takes no lock."""
    with places.db.read() as session:
        asked = session.execute(text(f"SELECT count(*) {_WAITING}"), {"statement": f"%{statement}%"})
        return asked.scalar_one() == 1


def terminated(places: Places, waiting_in: str) -> bool:
    """Kill the backend that waits for a lock in a statement that contains this."""
    with places.db.read() as session:
        asked = session.execute(text(f"SELECT pg_terminate_backend(pid) {_WAITING}"), {"statement": f"%{waiting_in}%"})
        return len(asked.all()) > 0


@pytest.mark.usefixtures("on_postgresql")
class TestKilled:
    def test_a_sealer_in_the_middle(self, places: Places) -> None:
        puller = places.puller()
        places.change(0)
        puller.pull()
        places.change(1, 2)
        with places.db.write() as blocker:
            blocker.add(
                Feed(
                    position=3,  # the sealer has taken the lock and the outbox, and waits here
                    commit_id=UUID(int=0),
                    type=PREMISES,
                    object_id=places.ids[0],
                    version=1,
                    op=FeedOp.UPSERT,
                    area_path="",
                    changed_at=places.clock(),
                    data="null",
                )
            )
            blocker.flush()
            with in_thread(lambda: seal(places.db)) as outcome:
                until(lambda: is_waiting(places, "DELETE FROM outbox"))
                assert seal(places.db) == 0
                page = puller.page()
                assert (page["items"], page["position"], page["has_more"]) == ([], 1, True)
                until(lambda: terminated(places, "DELETE FROM outbox"))
            assert isinstance(outcome[0], DBAPIError)
            blocker.rollback()
        assert ids_of(puller.pull()) == places.changed(1, 2)
        assert positions(puller.items) == [1, 2, 3]

    def test_the_step_of_the_running_hash(self, places: Places) -> None:
        places.change(0)
        places.change(1, 2)
        seal(places.db)
        with places.db.write() as blocker:
            blocker.add(FeedChain(position=3, running_hash="f" * 64))
            blocker.flush()
            with in_thread(lambda: extend_chain(places.db)) as outcome:
                until(lambda: terminated(places, "INSERT INTO feed_chain"))
            assert isinstance(outcome[0], DBAPIError)
            blocker.rollback()
        with places.db.read() as session:
            assert session.execute(select(func.count()).select_from(FeedChain)).scalar_one() == 0
        page = places.puller().page()
        assert page["running_hash"] == running_hash(page["items"])
        assert positions(page["items"]) == [1, 2, 3]

    def test_a_failing_sealer_does_not_keep_anybody_from_what_is_sealed(self, places: Places) -> None:
        puller = places.puller()
        places.change(0)
        advance_feed(places.db)
        places.change(1)
        with places.db.write() as session:
            session.execute(text("ALTER TABLE seal RENAME TO seal_away"))
            session.execute(text("CREATE VIEW seal AS SELECT * FROM seal_away UNION SELECT * FROM seal_away"))
        try:
            page = puller.page()  # the view can be read, not locked
        finally:
            with places.db.write() as session:
                session.execute(text("DROP VIEW seal"))
                session.execute(text("ALTER TABLE seal_away RENAME TO seal"))
        assert (ids_of(page["items"]), page["has_more"]) == (places.changed(0), True)
        assert ids_of(puller.pull()) == places.changed(1)


class TestRunningHash:
    @pytest.mark.parametrize("most", [1, 2, 3, 100])
    def test_it_does_not_depend_on_the_steps(self, places: Places, most: int) -> None:
        for chosen in ([0], [1, 2, 3], [4, 5]):
            places.change(*chosen)
        seal(places.db)
        steps = []
        while step := extend_chain(places.db, most=most):
            steps.append(step)
        assert sum(steps) == 6
        assert most > 3 or max(steps) <= most
        page = places.puller().page()
        assert page["running_hash"] == running_hash(page["items"])

    def test_a_step_ends_at_the_end_of_a_commit(self, places: Places) -> None:
        for chosen in ([0], [1, 2], [3, 4, 5]):
            places.change(*chosen)
        seal(places.db)
        assert [extend_chain(places.db, most=2) for _ in range(5)] == [1, 2, 2, 1, 0]

    def test_no_page_goes_beyond_it(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr("app.api.district.changes.HASHED_BY_A_PULL", 1)
        places.change(0)
        places.change(1)
        puller = places.puller()
        page = puller.page()
        assert (positions(page["items"]), page["has_more"]) == ([1], True)

    def test_a_rewritten_row_shows(self, places: Places) -> None:
        places.change(0)
        advance_feed(places.db)
        with places.db.write() as session:
            session.execute(update(Feed).values(data=func.replace(Feed.data, "建宁路", "中山路")))
        page = places.puller().page()
        assert "中山路" in page["items"][0]["data"]["address"]
        assert page["running_hash"] != running_hash(page["items"])

    def test_nobody_is_served_beyond_a_hole(self, places: Places) -> None:
        for place in range(3):
            places.change(place)
        seal(places.db)
        with places.db.write() as session:
            session.execute(Feed.metadata.tables["feed"].delete().where(col(Feed.position) == 2))
        page = places.puller().page()
        assert (positions(page["items"]), page["position"]) == ([1], 1)


class TestRestored:
    def test_a_copy_with_other_rows_is_found_out(self, places: Places) -> None:  # way 14
        ahead, behind = places.puller(), places.puller()
        places.change(0)
        behind.pull()
        copy = snapshot(places)
        places.change(1)
        places.change(2)
        ahead.pull()
        restore(places, copy)
        page = ahead.page()
        assert (page["items"], page["next_cursor"], page["has_more"]) == ([], ahead.cursor, False)
        places.change(3)
        places.change(4)
        assert ahead.refusal() == (410, "resync-required", "log-forked")
        assert ids_of(behind.pull()) == places.changed(3, 4)
        ahead.cursor = None
        assert ids_of(ahead.pull()) == places.changed(0, 3, 4)

    def test_a_copy_that_catches_up_is_no_fork(self, places: Places) -> None:
        puller = places.puller()
        places.change(0)
        copy = snapshot(places)
        places.change(1)
        puller.pull()
        later = snapshot(places)
        restore(places, copy)
        cursor = puller.cursor
        assert puller.page()["next_cursor"] == cursor
        restore(places, later)
        places.change(2)
        assert ids_of(puller.pull()) == places.changed(2)


LOG = (Feed, FeedChain, Seal, ChainHead)


def snapshot(places: Places) -> list[list[dict[str, Any]]]:
    advance_feed(places.db)
    with places.db.read() as session:
        return [[row.model_dump() for row in session.execute(select(table)).scalars()] for table in LOG]


def restore(places: Places, copy: list[list[dict[str, Any]]]) -> None:
    advance_feed(places.db)
    with places.db.write() as session:
        for entity, rows in zip(LOG, copy, strict=True):
            table = entity.metadata.tables[str(entity.__tablename__)]
            session.execute(table.delete())
            if rows:
                session.execute(table.insert(), rows)
