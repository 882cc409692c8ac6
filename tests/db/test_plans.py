"""How the databases answer lists and counts of hazards: by an index, whatever is asked for.

The plans are those of the statements really sent, planned as the service has them planned. On PostgreSQL they are
made over 100,000 hazards; SQLite, which knows nothing of its rows, plans the same with none.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Self, get_args
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, event
from sqlmodel import Session

from app.access.actor import Actor, ActorArea
from app.access.credentials import authenticate
from app.core import builtin
from app.core.clock import business_date, utc_now
from app.core.config import Settings
from app.core.database import Database, make_engine
from app.domain.vocabulary import AreaLevel, Severity, Status
from app.queries.hazard_filters import HazardFilter
from app.queries.hazard_order import Sort
from app.queries.hazards import list_hazards
from app.queries.paging import encode_cursor
from app.queries.summaries import summarize_hazards
from app.services.installation import install
from scripts.benchmarks.ground import DISTRICT_PERSON, add_ground, community_of, key, officer_token, path_of
from scripts.benchmarks.world import make_world
from tests.conftest import SECRET
from tests.postgres import database

HAZARDS = 100_000
PAGE = 51
"""Rows that a page of 50 reads."""

TODAY = business_date(utc_now())
STREET = 3
COMMUNITY = next(n for n in range(1, 200) if path_of(n).startswith(f"320106/320106{STREET:03}/"))
PLACE = next(n for n in range(1, 200) if community_of(n) == COMMUNITY)

FILTERS: Mapping[str, dict[str, Any]] = {
    "open": {"status": (Status.RECTIFYING, Status.AWAITING_REINSPECTION)},
    "voided": {"status": (Status.VOIDED,)},
    "closed": {"status": (Status.CLOSED,)},
    "overdue": {"overdue": True},
    "not overdue": {"overdue": False},
    "due before": {"due_before": TODAY},
    "area": {"area_id": key("community", COMMUNITY)},
    "premises": {"premises_id": key("premises", PLACE)},
    "severity": {"severity": Severity.MAJOR},
    "category": {"category": builtin.categories()[2]},
    "campaign": {"campaign_id": key("campaign", 1)},
    "handler": {"handler_id": key("person", 33)},
    "text": {"q": "YH-777"},
}
SCOPES = ("district", "street", "community")
Statement = tuple[str, Any]
Read = Callable[[Session], object]


@dataclass(frozen=True)
class Planner:
    """Says how the database would answer what a read sends."""

    database: Database
    actors: Mapping[str, Actor]
    noted: list[Statement]

    def statements(self, read: Read) -> list[Statement]:
        """What ``read`` sends to the table of hazards; a page is taken to hold nothing, so that every part is asked."""
        self.noted.clear()
        with self.database.read() as session:
            read(session)
        return list(self.noted)


@pytest.fixture(scope="module")
def planner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    folder = tmp_path_factory.mktemp("plans")
    if request.config.getoption("--database") == "sqlite":
        yield from _planner(_small_world(folder), _note_on_sqlite)
        return
    with database(request.getfixturevalue("database_url")) as url:
        settings = _settings(folder, url)
        make_world(settings, url, HAZARDS)
        yield from _planner(settings, _note_on_postgresql)


def _planner(settings: Settings, note: Callable[[Connection, list[Statement]], None]) -> Iterator[Planner]:
    engine = make_engine(settings.sqlalchemy_url, pool_size=1)
    noted: list[Statement] = []
    with engine.connect() as connection:
        now = utc_now()
        district = authenticate(connection, DISTRICT_PERSON, now=now)
        street = authenticate(connection, officer_token(STREET), now=now)
        path = path_of(COMMUNITY)
        area = ActorArea(key("community", COMMUNITY), path[-13:-1], AreaLevel.COMMUNITY, path)
        actors = {"district": district, "street": street, "community": replace(street, areas=(area,))}
        note(connection, noted)
    yield Planner(Database(engine), actors, noted)
    engine.dispose()


def _settings(folder: Path, url: str) -> Settings:
    return Settings(data_dir=folder, database_url=url, secret_key=SecretStr(SECRET), demo=False)


def _small_world(folder: Path) -> Settings:
    settings = _settings(folder, f"sqlite:///{folder}/plans.db")
    install(settings)
    engine = make_engine(settings.sqlalchemy_url, pool_size=1)
    with Database(engine).write() as session:
        add_ground(session, 200)
    engine.dispose()
    return settings


def _note_on_postgresql(connection: Connection, noted: list[Statement]) -> None:
    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
            if not re.search(r"FROM hazard\b", query):
                return super().execute(query, params, **more)
            noted.append((query, params))
            return super().execute(f"SELECT * FROM ({query}) told WHERE false", params, **more)  # noqa: S608  our own

    driver: Any = connection.connection.driver_connection
    driver.cursor_factory = Noting


def _note_on_sqlite(connection: Connection, noted: list[Statement]) -> None:
    @event.listens_for(connection.engine, "before_cursor_execute")
    def _note(_on: object, _cursor: object, statement: str, given: Any, *_more: object) -> None:
        if re.search(r"FROM hazard\b", statement):
            noted.append((statement, given))


def _wanted(names: tuple[str, ...]) -> HazardFilter:
    given: dict[str, Any] = {}
    for name in names:
        given |= FILTERS[name]
    return HazardFilter(as_of=TODAY, **given)


def _combinations(most: int) -> Iterator[tuple[str, ...]]:
    """Sets of filters that do not name the same field twice."""
    for count in range(most + 1):
        for names in combinations(FILTERS, count):
            fields = [field for name in names for field in FILTERS[name]]
            if len(fields) == len(set(fields)):
                yield names


def _pages(actor: Actor, wanted: HazardFilter) -> Iterator[tuple[str, Read]]:
    """The first page in each order, and pages after a cursor: in the middle, and where no date orders any more."""
    day, instant = str(TODAY - timedelta(days=30)), "2026-01-01T00:00:00.000000Z"
    for sort in get_args(Sort):
        yield sort, lambda session, sort=sort: list_hazards(session, actor, wanted, sort=sort)
        for value in [instant] if sort == "found_at" else [day, str(date.max)]:
            cursor = encode_cursor(actor, f"hazards:{sort}", str(TODAY), value, str(UUID(int=2**100)))
            yield (
                f"{sort} after {value}",
                lambda session, sort=sort, cursor=cursor: list_hazards(
                    session, actor, wanted, sort=sort, cursor=cursor
                ),
            )


def _explain(database: Database, statement: Statement, *, analyze: bool = False) -> dict[str, Any]:
    """PostgreSQL's plan for a prepared statement: made without looking at the values, as the service has it made."""
    text, values = statement
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    for number, name in enumerate(names, start=1):
        text = text.replace(f"%({name})s", f"${number}")
    types = ", ".join(_TYPES[type(values[name])] for name in names)
    given = ", ".join(f"%({name})s" for name in names)
    with database.autocommit() as connection:
        cursor = psycopg.ClientCursor(connection.connection.driver_connection)  # type: ignore[arg-type]  # the driver's
        cursor.execute(f"PREPARE asked{f'({types})' if names else ''} AS {text.replace('%%', '%')}".encode())
        options = "ANALYZE, FORMAT JSON" if analyze else "FORMAT JSON"
        cursor.execute(f"EXPLAIN ({options}) EXECUTE asked{f'({given})' if names else ''}", values)
        plan: dict[str, Any] = cursor.fetchall()[0][0][0]["Plan"]
        cursor.execute("DEALLOCATE asked")
    return plan


_TYPES = {str: "unknown", date: "date", datetime: "timestamptz", UUID: "uuid", bool: "bool"}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


def _is_scanned(database: Database, statement: Statement) -> bool:
    """Whether all rows of hazard are read in the order they lie in."""
    if database.dialect == "postgresql":
        return _reads_in_order(_explain(database, statement))
    with database.autocommit() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement[0]}", statement[1]).all()
    return any(step[3] == "SCAN hazard" for step in steps)


def _reads_in_order(plan: dict[str, Any]) -> bool:
    return any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "hazard" for node in _nodes(plan))


def _rows_read(plan: dict[str, Any]) -> int:
    """Rows of hazard by whichever way, those that are left out too; the plan tells what it did."""
    return sum(
        node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in _LEFT_OUT))
        for node in _nodes(plan)
        if node.get("Relation Name") == "hazard"
    )


_LEFT_OUT = ("Filter", "Index Recheck")


def _most(request: pytest.FixtureRequest) -> int:
    """How many filters are combined: all with ``--long``; without it SQLite takes them one by one."""
    if request.config.getoption("--long"):
        return len(FILTERS)
    return 2 if request.config.getoption("--database") == "postgresql" else 1


def _is_search(names: tuple[str, ...]) -> bool:
    """A text among few of a district's hazards: no order helps to find them."""
    return "text" in names and not {"category", "handler"}.isdisjoint(names)


MOST_READ = HAZARDS // 5
"""Rows that a page may read by an index to find its own."""
LAST_FOUND = "what is open was found lately; behind it there is none, and all that is older is read to know"
READS_MORE: list[tuple[set[str], str, str]] = [
    ({"text"}, "", "no index knows words: what the page's order brings is read until the page is full"),
    ({"severity"}, "", "what is severe is rare; beside another filter the planner takes the page's order instead"),
    ({"open"}, "found_at after", LAST_FOUND),
    ({"overdue"}, "found_at after", LAST_FOUND),
    ({"open", "due before"}, "-overdue_days", "what is not overdue is ordered by its id alone, and none of these is"),
]
"""Filters and pages that may, each with its reason."""


def test_every_page_is_answered_by_an_index(planner: Planner, request: pytest.FixtureRequest) -> None:
    """On PostgreSQL, with up to two filters, also by what it reads: an index helps who reads a part of it."""
    is_told = planner.database.dialect == "postgresql"
    bad, excused, asked = [], set(), 0
    for scope, actor in planner.actors.items():
        for names in _combinations(_most(request)):
            for page, read in _pages(actor, _wanted(names)):
                excuses = {n for n, (of, on, _) in enumerate(READS_MORE) if of <= {*names} and page.startswith(on)}
                for statement in planner.statements(read):
                    asked += 1
                    if is_told and len(names) <= 2:
                        plan = _explain(planner.database, statement, analyze=True)
                        is_scanned, reads_more = _reads_in_order(plan), _rows_read(plan) > MOST_READ
                    else:
                        is_scanned, reads_more = _is_scanned(planner.database, statement), False
                    excused |= excuses if reads_more else set()
                    if (is_scanned and not _is_search(names)) or (reads_more and not excuses):
                        bad.append((scope, names, page))
    assert bad == []
    assert asked > 300
    assert excused == (set(range(len(READS_MORE))) if is_told else set())


def test_all_counts_but_of_a_text_are_answered_by_an_index(planner: Planner, request: pytest.FixtureRequest) -> None:
    bad = []
    for scope, actor in planner.actors.items():
        for names in _combinations(_most(request)):
            [statement] = planner.statements(partial(summarize_hazards, actor=actor, wanted=_wanted(names)))
            if "text" not in names and _is_scanned(planner.database, statement):
                bad.append((scope, names))
    assert bad == []


STREETS_TIMES = 20
"""A street's page reads the district's order and leaves out what the 12 other streets have."""
COMMUNITYS_TIMES = 150
"""Either the district's order without what 103 others have, or, with as little in it as here, all the community has."""


@pytest.mark.parametrize(
    ("scope", "names", "sort", "times"),
    [
        ("district", (), "due_on", 1),
        ("district", (), "found_at", 1),
        ("district", (), "-overdue_days", 2),
        ("district", ("overdue",), "due_on", 1),
        ("district", ("overdue",), "-overdue_days", 1),
        ("district", ("not overdue",), "due_on", 1),
        ("district", ("due before",), "due_on", 1),
        ("district", ("closed",), "due_on", 1),
        ("district", ("open",), "due_on", 2),
        ("district", ("voided",), "due_on", 3),
        ("district", ("severity",), "due_on", 1),
        ("district", ("severity", "overdue"), "due_on", 20),
        ("district", ("premises",), "due_on", 1),
        ("district", ("premises",), "found_at", 1),
        ("district", ("premises", "open"), "found_at", 1),
        ("street", (), "due_on", STREETS_TIMES),
        ("street", (), "found_at", STREETS_TIMES),
        ("street", ("overdue",), "due_on", STREETS_TIMES),
        ("street", ("open",), "due_on", STREETS_TIMES),
        ("street", ("severity",), "due_on", STREETS_TIMES),
        ("street", ("handler",), "due_on", STREETS_TIMES),
        ("community", (), "due_on", COMMUNITYS_TIMES),
        ("community", (), "found_at", COMMUNITYS_TIMES),
        ("community", ("overdue",), "due_on", STREETS_TIMES),
        ("community", ("open",), "due_on", STREETS_TIMES),
        ("community", ("handler", "closed"), "found_at", STREETS_TIMES),
    ],
)
def test_a_page_reads_few_rows_that_it_does_not_show(
    planner: Planner, request: pytest.FixtureRequest, scope: str, names: tuple[str, ...], sort: Sort, times: int
) -> None:
    if request.config.getoption("--database") == "sqlite":
        pytest.skip("SQLite does not tell what a plan read")
    actor, wanted = planner.actors[scope], _wanted(names)
    for statement in planner.statements(lambda session: list_hazards(session, actor, wanted, sort=sort)):
        assert _rows_read(_explain(planner.database, statement, analyze=True)) <= times * PAGE
