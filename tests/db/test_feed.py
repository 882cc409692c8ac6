"""Nothing committed is ever missed: order, pages and whatever happens between two pulls.

The fifteen ways in which an incremental pull loses data are named where they are tested, here and in
``test_feed_faults.py`` (4, 5, 13 and 14); dates never decide what is told (9, 10), and instants carry their zone (11).
"""

from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlmodel import Session

from app.domain.vocabulary import FeedType, Status
from app.models import Hazard, Premises
from app.queries import changes as changes_queries
from app.queries.changes import whole_commits
from app.services import changes
from app.services.changes import Writing, insert_and_publish, new_commit, publish, publish_removal
from tests.feed import PREMISES, Places, ids_of, positions
from tests.phone import Phone


@pytest.mark.usefixtures("on_postgresql")
class TestOrderOfCommits:
    def test_a_late_commit_with_an_earlier_sequence_is_not_missed(self, places: Places) -> None:  # way 1
        puller = places.puller()
        with places.db.write() as slow:
            places.change_in(slow, 0)
            places.change(1)
            assert ids_of(puller.pull()) == places.changed(1)
        assert ids_of(puller.pull()) == places.changed(0)
        assert positions(puller.items) == [1, 2]

    def test_a_seal_orders_commits_by_their_last_row(self, places: Places) -> None:
        with places.db.write() as slow:
            places.change_in(slow, 0)
            places.change(1)
            places.change_in(slow, 2)
        assert ids_of(places.puller().pull()) == places.changed(1, 0, 2)

    def test_an_abandoned_transaction_leaves_neither_row_nor_gap(self, places: Places) -> None:
        with suppress(InterruptedError), places.db.write() as session:
            places.change_in(session, 0, 1)
            raise InterruptedError
        places.change(2)
        assert positions(puller_items := places.puller().pull()) == [1]
        assert ids_of(puller_items) == places.changed(2)

    def test_an_open_transaction_holds_nobody_up(self, places: Places) -> None:
        with places.db.write() as forgotten:
            places.change_in(forgotten, 0)
            places.change(1)
            page = places.puller().page()
            assert (ids_of(page["items"]), page["has_more"]) == (places.changed(1), False)


class TestPublishing:
    def test_the_order_is_the_callers(self, places: Places) -> None:
        places.change(3, 1, 2, 0)
        places.change(2, 0)
        assert ids_of(places.puller().pull()) == places.changed(3, 1, 2, 0, 2, 0)

    def test_nothing_and_the_same_twice(self, places: Places) -> None:
        with places.db.write() as session:
            publish(session, PREMISES, [], now=places.clock())
            publish(session, PREMISES, [places.ids[0], places.ids[0]], now=places.clock())
        assert ids_of(places.puller().pull()) == places.changed(0)

    def test_what_does_not_exist_cannot_be_told(self, places: Places) -> None:
        with pytest.raises(LookupError), places.db.write() as session:
            publish(session, PREMISES, [places.ids[0], UUID(int=7)], now=places.clock())
        assert places.puller().pull() == []

    def test_groups_of_one_transaction_are_commits_of_their_own(self, places: Places) -> None:
        with places.db.write() as session:
            places.change_in(session, 0, 1)
            places.change_in(session, 2)
            new_commit(session)
            places.change_in(session, 3)
        places.change(4)
        assert [item["commit_last"] for item in places.puller().pull()] == [False, False, True, True, True]

    def test_a_very_long_transaction_is_told_in_groups(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(changes, "LONGEST_COMMIT", 3)
        with places.db.write() as session:
            places.change_in(session, 0, 1, 2, 3, 4, 5, 6)
            places.change_in(session, 7)
            places.change_in(session, 8, 9)
        ends = [item["commit_last"] for item in places.puller().pull()]
        assert ends == [False, False, True, False, False, True, False, True, False, True]

    def test_a_session_used_again_makes_another_commit(self, places: Places, engine: Engine) -> None:
        with Session(engine.execution_options(write=True)) as session:
            for place in range(2):
                places.change_in(session, place)
                session.commit()
        assert [item["commit_last"] for item in places.puller().pull()] == [True, True]


class TestPages:
    def test_a_page_ends_at_the_end_of_a_commit(self, places: Places) -> None:  # ways 2 and 15
        places.change(0, 1)
        places.change(2, 3, 4)
        places.change(5)
        pages = list(places.puller().pages(limit=4))
        assert [positions(page["items"]) for page in pages] == [[1, 2], [3, 4, 5, 6]]
        assert [item["commit_last"] for page in pages for item in page["items"]] == [
            False, True, False, False, True, True
        ]  # fmt: skip

    def test_a_commit_longer_than_a_page_spans_pages(self, places: Places) -> None:
        places.change(0)
        places.change(*range(1, 8))
        places.change(0)
        pages = list(places.puller().pages(limit=3))
        assert [positions(page["items"]) for page in pages] == [[1], [2, 3, 4], [5, 6, 7], [8, 9]]
        lasts = [item["position"] for page in pages for item in page["items"] if item["commit_last"]]
        assert lasts == [1, 8, 9]

    def test_the_end_of_a_commit_is_meant_of_what_is_shown(self, places: Places) -> None:
        places.change(0, 8, 1, 9)  # 8 and 9 lie outside the street
        places.change(10, 2)
        items = places.puller(places.street.street).pull()
        assert [(item["position"], item["commit_last"]) for item in items] == [(1, False), (3, True), (6, True)]

    def test_changes_while_paging_come_later(self, places: Places) -> None:  # ways 3 and 10
        puller = places.puller(limit=2)
        places.change(0)
        places.change(1)
        places.change(2)
        puller.page()
        places.change(0)  # already sent, at the same instant
        places.change(2)  # not sent yet
        puller.pull()
        assert ids_of(puller.items) == places.changed(0, 1, 2, 0, 2)
        assert [item["version"] for item in puller.items] == [1, 1, 1, 2, 2]

    def test_the_size_of_pages_may_change(self, places: Places) -> None:  # way 8
        for place in range(12):
            places.change(place)
        whole = places.puller().pull()
        puller = places.puller()
        for limit in (1, 5, 2, 1000):
            puller.page(limit=limit)
        assert puller.items == whole

    def test_who_keeps_the_cursor_too_late_gets_the_rows_again(self, places: Places) -> None:  # way 12
        puller = places.puller()
        places.change(0)
        first = puller.ask().json()["items"]
        assert puller.ask().json()["items"] == first

    def test_a_void_is_told_and_not_inferred(self, places: Places, racing_phone: Phone) -> None:  # ways 6 and 13
        """By each way of telling: what is void stays void, whatever is told beside it."""
        puller = places.puller(types="hazard")
        hazard_id = UUID(racing_phone.report()["id"])
        with places.db.write() as session:
            hazard = session.get_one(Hazard, hazard_id)
            hazard.status, hazard.closed_at, hazard.version = Status.VOIDED, places.clock(), hazard.version + 1
            publish(session, FeedType.HAZARD, [hazard_id], now=places.clock())
        with places.db.write() as session:
            session.get_one(Hazard, hazard_id).version += 1
            told = {FeedType.PREMISES: places.ids[:1], FeedType.HAZARD: [hazard_id]}
            insert_and_publish(session, [Writing([], told)], now=places.clock())
        ops = [item["op"] for item in puller.pull()]
        assert (ops[0], ops[-2:]) == ("upsert", ["void", "void"])

    def test_what_is_out_of_scope_is_looked_at_in_portions(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(changes_queries, "MOST_POSITIONS", 4)
        for _ in range(3):
            places.change(8, 9, 10)
        places.change(0)
        pages = list(places.puller(places.street.street).pages())
        assert [(positions(page["items"]), page["has_more"], page["position"]) for page in pages] == [
            ([], True, 4),
            ([], True, 8),
            ([10], False, 10),
        ]

    def test_a_portion_does_not_cut_a_commit_that_fits(self, places: Places, monkeypatch) -> None:
        monkeypatch.setattr(changes_queries, "MOST_POSITIONS", 4)
        places.change(8, 9)
        places.change(0, 1, 2)
        pages = list(places.puller(places.street.street).pages())
        assert [positions(page["items"]) for page in pages] == [[], [3, 4, 5]]

    def test_no_more_means_that_all_was_sent(self, places: Places, monkeypatch) -> None:
        """Even when hashing is behind: then the page says that there is more."""
        monkeypatch.setattr("app.api.district.changes.HASHED_BY_A_PULL", 2)
        for place in range(7):
            places.change(place)
        assert positions(places.puller().pull()) == [1, 2, 3, 4, 5, 6, 7]


ROWS = st.lists(st.tuples(st.integers(1, 6), st.lists(st.integers(0, 11), min_size=6, max_size=6)), max_size=8)


class TestAnyHistory:
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(ROWS, st.integers(1, 7), st.integers(1, 9), st.integers(1, 5), st.booleans())
    def test_pages_put_together_are_the_history(
        self, places: Places, monkeypatch, commits: Any, limit: int, most: int, hashed: int, narrow: bool
    ) -> None:
        """Any commits, page size, portion and scope: everything in order, commits whole where they can be."""
        monkeypatch.undo()
        puller = places.puller(places.street.street if narrow else None)
        puller.pull()  # what the examples before this one left
        expected: list[tuple[str, bool]] = []
        for count, choice in commits:
            chosen = list(dict.fromkeys(choice[:count]))
            places.change(*chosen)
            shown = [place for place in chosen if not narrow or place < 8]
            expected += [(str(places.ids[place]), place == shown[-1]) for place in shown]
        monkeypatch.setattr(changes_queries, "MOST_POSITIONS", most)
        monkeypatch.setattr("app.api.district.changes.HASHED_BY_A_PULL", hashed)
        pages = list(puller.pages(limit=limit))
        assert [(item["id"], item["commit_last"]) for page in pages for item in page["items"]] == expected
        for page in pages:
            ends = [item["commit_last"] for item in page["items"]]
            assert not ends or ends[-1] or True not in ends  # who cuts a commit sends nothing else

    @given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
    def test_as_many_whole_commits_as_fit(self, jumps: list[int]) -> None:
        commits = [UUID(int=sum(jump == 0 for jump in jumps[: place + 1])) for place in range(len(jumps))]
        limit = len(commits) - 1
        kept = whole_commits(commits, limit)
        assert 0 <= kept <= limit
        assert kept == 0 or commits[kept - 1] != commits[kept]
        assert len(set(commits[kept : limit + 1])) == 1


def test_a_pull_at_rest_costs_two_statements(places: Places, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether something waits, and where the head is; besides who asks."""
    places.change(0)
    puller = places.puller()
    puller.pull()
    statements: list[str] = []
    execute = psycopg.Cursor.execute

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    def execute_noted(cursor: Any, statement: Any, *values: Any, **options: Any) -> Any:
        statements.append(str(statement))
        return execute(cursor, statement, *values, **options)

    if engine.dialect.name == "sqlite":
        event.listen(engine, "before_cursor_execute", note)
    monkeypatch.setattr(psycopg.Cursor, "execute", execute_noted)
    try:
        assert puller.page()["items"] == []
    finally:
        if engine.dialect.name == "sqlite":
            event.remove(engine, "before_cursor_execute", note)
    assert len([statement for statement in statements if "chain_head" in statement]) == 1
    assert len([statement for statement in statements if statement != "BEGIN"]) <= 3


def test_what_left_the_scope_comes_with_its_arrival_elsewhere(places: Places) -> None:  # way 7
    leaving, staying = places.puller(places.street.community), places.puller(places.street.street)
    places.change(0)
    leaving.pull()
    staying.pull()
    with places.db.write() as session:
        place = session.get_one(Premises, places.ids[0])
        old, place.area_path = place.area_path, places.street.other_community.path
        places.change_in(session, 0)
        publish_removal(session, PREMISES, [place.id], old, now=places.clock())
    assert [(item["op"], item["data"]) for item in leaving.pull()] == [("removed_from_scope", None)]
    assert [item["op"] for item in staying.pull()] == ["upsert"]
    assert leaving.page()["running_hash"] == staying.page()["running_hash"]
