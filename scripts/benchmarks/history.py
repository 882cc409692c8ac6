"""The big tables of a world, by COPY: visits with 3 hazards each, their photos, events and links.

90 % of the hazards are closed; of the open ones 30 % are overdue. Ids rise with the number, as those made by phones
rise with time.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any  # rows of any columns
from uuid import UUID

import psycopg
from psycopg import sql

from app.core import builtin
from app.core.clock import business_date
from scripts.benchmarks.columns import TABLES
from scripts.benchmarks.ground import (
    INSPECTORS_A_STREET,
    PEOPLE_A_STREET,
    STREETS,
    community_of,
    key,
    path_of,
    street_of,
)

HAZARDS_A_VISIT = 3
_AT_ONCE = 3000
_NULL = r"\N"
_TERMS = (3, 7, 15, 30)
_OLDEST_DAYS = 740
_VISIT, _HAZARD, _PHOTO, _EVENT = 1, 2, 3, 4
_RARE = {1: "voided", 2: "transferred", 3: "suspended"}
_UNCLAIMED = ("rectifying", "voided", "transferred", "suspended")
Fact = dict[str, Any]

_LINES = {table: "\t".join(columns.values()) + "\n" for table, columns in TABLES.items()}
_ACTIONS = ("report", "claim_rectified", "pass_reinspection")
_BEFORE = (_NULL, "rectifying", "awaiting_reinspection")


def copy_history(url: str, hazards: int, premises: int) -> None:
    """Fill the big tables of the database at ``url``, whose ground is there: each through a connection of its own."""
    with psycopg.connect(url, autocommit=True) as admin, _without_indexes(admin), ExitStack() as stack:
        copies = {}
        for table, columns in TABLES.items():
            connection = stack.enter_context(psycopg.connect(url))
            connection.execute("SET session_replication_role = replica")  # no look at a foreign key for each row
            cursor = stack.enter_context(connection.cursor())
            copies[table] = stack.enter_context(cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN"))
        for lines in _history(hazards, premises):
            for table, text in lines.items():
                copies[table].write(text)


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Indexes that are no constraints are taken away, and made again as the migrations made them."""
    query = """SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)
               AND indexname NOT IN (SELECT conname FROM pg_constraint)"""
    found = connection.execute(query, [list(TABLES)]).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET maintenance_work_mem = '256MB'")
    for _, definition in found:
        connection.execute(definition.encode())


def hazard_id(number: int) -> UUID:
    """Of the hazard of that number, from 1."""
    return UUID(_id(_HAZARD, number))


def visit_id(number: int) -> UUID:
    """Of the visit of that number, from 1."""
    return UUID(_id(_VISIT, number))


def photo_id(number: int) -> UUID:
    """Of the photo of the hazard of that number."""
    return UUID(_id(_PHOTO, number))


def is_open(number: int) -> bool:
    """Whether the hazard of that number can be overdue."""
    return number % 10 == 0


def is_overdue(number: int) -> bool:
    """Whether it is, on the day the world is made."""
    return is_open(number) and number // 10 % 10 < 3


def is_severe(number: int) -> bool:
    """Whether it is a major hazard."""
    return number % 50 == 20


def place_of(number: int, premises: int) -> int:
    """The number of the premises it was found in, from 1."""
    return ((number - 1) // HAZARDS_A_VISIT + 1) * 7919 % premises + 1


def _id(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-7000-8000-{number:012x}"


def _history(hazards: int, premises: int) -> Iterator[dict[str, str]]:
    """Lines for each table, some thousand hazards at a time."""
    world = _World(premises)
    for start in range(1, hazards + 1, _AT_ONCE):
        facts = [world.facts(n) for n in range(start, min(start + _AT_ONCE, hazards + 1))]
        of_table = dict.fromkeys(TABLES, facts)
        of_table["inspection"] = facts[::HAZARDS_A_VISIT]
        of_table["hazard_event"] = [event for fact in facts for event in _events(fact)]
        yield {table: "".join(map(_LINES[table].format_map, given)) for table, given in of_table.items()}


def _events(fact: Fact) -> Iterator[Fact]:
    """Report, claim, pass: as many as the hazard has versions."""
    for step in range(fact["version"]):
        is_last = step + 1 == fact["version"]
        yield {
            "event_id": _id(_EVENT, fact["n"] * len(_ACTIONS) + step),
            "hazard_id": fact["hazard_id"],
            "step": step + 1,
            "action": _ACTIONS[step],
            "inspector_id": fact["inspector_id"],
            "at": f"{fact['found_on']} {fact['hour'] + step:02}:{fact['minute']}+08",
            "from_status": _BEFORE[step],
            "to_status": fact["status"] if is_last else _BEFORE[step + 1],
        }


class _World:
    """What holds for a hazard follows from its number."""

    def __init__(self, premises: int) -> None:
        today = business_date(datetime.now(UTC))
        self._day = {days: str(today + timedelta(days=days)) for days in range(-_OLDEST_DAYS, max(_TERMS))}
        self._places = [
            (key("premises", n), key("community", community_of(n)), path_of(community_of(n)), street_of(n) - 1)
            for n in range(1, premises + 1)
        ]
        self._people = [str(key("person", n)) for n in range(STREETS * PEOPLE_A_STREET)]
        self._findings = [(finding.code, finding.category_zh) for finding in builtin.catalogue().values()]

    def facts(self, n: int) -> Fact:
        """The values that the lines name."""
        visit = (n - 1) // HAZARDS_A_VISIT + 1
        premises_id, area_id, path, street = self._places[place_of(n, len(self._places)) - 1]
        inspector = street * PEOPLE_A_STREET + visit % INSPECTORS_A_STREET
        colleague = street * PEOPLE_A_STREET + (visit + 1) % INSPECTORS_A_STREET
        status, days = _status(n), _TERMS[n // 10 % len(_TERMS)]
        due = _due(n, days)
        found_on, hour, minute = self._day[due - days], 8 + n % 8, f"{n // 8 % 60:02}:{n // 480 % 60:02}"
        found_at = f"{found_on} {hour:02}:{minute}+08"
        code, category = self._findings[n % len(self._findings)]
        is_claimed, is_seen = status not in _UNCLAIMED, status in ("closed", "awaiting_confirmation")
        return {
            "n": n,
            "visit": visit,
            "hazard_id": _id(_HAZARD, n),
            "visit_id": _id(_VISIT, visit),
            "photo_id": _id(_PHOTO, n),
            "event_id": _id(_EVENT, n * len(_ACTIONS)),
            "premises_id": premises_id,
            "area_id": area_id,
            "path": path,
            "code": code,
            "category": category,
            "severity": "major" if is_severe(n) else "suspected_major" if n % 50 == 13 else "general",
            "status": status,
            "version": 1 + is_claimed + is_seen,
            "close_reason": "rectified" if status == "closed" else _NULL,
            "inspector_id": self._people[inspector],
            "claimant_id": self._people[inspector] if is_claimed else _NULL,
            "claimed_at": found_at if is_claimed else _NULL,
            "reinspector_id": self._people[colleague] if is_seen else _NULL,
            "reinspected_at": found_at if is_seen else _NULL,
            "found_on": found_on,
            "found_at": found_at,
            "hour": hour,
            "minute": minute,
            "days": days,
            "due_on": self._day[due],
            "closed_at": found_at if status == "closed" else _NULL,
        }


def _status(n: int) -> str:
    """90 % closed; a few of the rest stand still."""
    if is_open(n):
        place = n // 100 % 10
        return "rectifying" if place < 7 else "awaiting_reinspection" if place < 9 else "awaiting_confirmation"
    return _RARE.get(n % 1000, "closed")


def _due(n: int, days: int) -> int:
    """Days from today to the due date."""
    if not is_open(n):
        return -(n * 48271 % 700) - 2
    return -(n * 48271 % 60) - 1 if is_overdue(n) else n * 48271 % days
