"""Submission: a visit with 3 hazards and 3 photos, against one statement that writes the same rows."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from scripts.benchmarks.ground import INSPECTORS_A_STREET, STREETS, inspector_token, key, street_of
from scripts.benchmarks.programs import CannotMeasure, Load, run_pgbench, run_wrk
from scripts.benchmarks.scripting import as_script, insert_again, rows_of
from scripts.benchmarks.server import Server
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 0.35
PLACES_A_PERSON = 60
SETTLE_S = 60.0
_FRESH = ("i", "h1", "h2", "h3", "p1", "p2", "p3", "e1", "e2", "e3", "c")
_OWN = "SELECT {} FROM {} WHERE inspection_id = %(id)s ORDER BY id"


def submission_case(world: World, server: Server, folder: Path, seconds: float) -> Case:
    """The case; one submission is made first, to see what rows it writes."""
    load = Path(__file__).with_name("submission.lua")
    os.environ["PEOPLE"] = str(people_file(world, folder))

    def ours(number: int) -> Load:
        return run_wrk(server.url, load, seconds=seconds if number else 1, server_pid=server.pid, seed=number)

    ours(0)
    script = folder / "submission.sql"
    script.write_text(_limit_script(world))

    def limit(number: int) -> Load:
        with paused(server, world.url):
            return run_pgbench(world.url, script, seconds=seconds if number else 1)

    return Case("PUT /inspections/{id}", "database: the same rows in one statement", limit, ours, asked=ASKED)


@contextmanager
def paused(server: Server, url: str) -> Iterator[None]:
    """The server stands still while the database is measured alone; what that wrote is not for its sealer."""
    settle(url)
    with server.standing_still():
        yield
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("TRUNCATE outbox")


def settle(url: str) -> None:
    """Wait until the server has sealed and hashed everything it took."""
    deadline = time.monotonic() + SETTLE_S
    query = (
        """SELECT NOT EXISTS (SELECT FROM outbox) AND (SELECT next - 1 FROM seal) = (SELECT position FROM chain_head)"""
    )
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            if connection.execute(query).fetchone() == (True,):
                return
            time.sleep(0.05)
    raise CannotMeasure("the feed did not come to rest")


def people_file(world: World, folder: Path) -> Path:
    """For the load generator: each inspector's token and places of his street."""
    places: dict[int, list[str]] = {street: [] for street in range(1, STREETS + 1)}
    for number in range(1, world.premises + 1):
        places[street_of(number)].append(str(key("premises", number)))
    lines = []
    for street in places:
        for number in range(INSPECTORS_A_STREET):
            own = places[street][number::INSPECTORS_A_STREET][:PLACES_A_PERSON] or places[street]
            lines.append(f"{inspector_token(street, number)} {','.join(own)}\n")
    path = folder / "people.txt"
    path.write_text("".join(lines))
    return path


def _limit_script(world: World) -> str:
    with psycopg.connect(world.url) as connection:
        latest = rows_of(connection, "SELECT * FROM inspection ORDER BY received_at DESC LIMIT 1", {})
        visit = {"id": latest[0]["id"]}
        columns = "commit_id, type, object_id, version, op, area_path, moved_to, changed_at, data"
        tables = {
            "inspection": latest,
            "photo": rows_of(connection, _OWN.format("*", "photo"), visit),
            "hazard": rows_of(connection, _OWN.format("*", "hazard"), visit),
        }
        found = {"ids": [row["id"] for row in tables["hazard"]]}
        by_hazard = "SELECT * FROM {} WHERE hazard_id = ANY(%(ids)s) ORDER BY hazard_id"
        tables |= {
            name: rows_of(connection, by_hazard.format(name), found) for name in ("hazard_event", "hazard_photo")
        }
        told = {"ids": [row["id"] for name in ("inspection", "photo", "hazard") for row in tables[name]]}
        settle(world.url)
        query = f"SELECT {columns} FROM feed WHERE object_id = ANY(%(ids)s) ORDER BY position"
        tables["outbox"] = rows_of(connection, query, told)
        counts = {name: len(rows) for name, rows in tables.items()}
        if counts != {"inspection": 1, "photo": 3, "hazard": 3, "hazard_event": 3, "hazard_photo": 3, "outbox": 7}:
            raise CannotMeasure(f"a submission wrote other rows than expected: {counts}")
        renamed = _renamed(tables)
        inserts = [f"w_{name} AS ({insert_again(connection, name, rows, renamed)})" for name, rows in tables.items()]
    keys = ", ".join(f"gen_random_uuid() AS {name}" for name in _FRESH)
    given = (
        f"k AS MATERIALIZED (SELECT {keys}, premises.id AS place, premises.area_id, premises.area_path AS path,"
        " md5('person' || :street * 16 + :person)::uuid AS person FROM premises"
        " WHERE id = md5('premises' || :place)::uuid)"
    )
    draws = f"\\set street random(0, {STREETS - 1})\n\\set person random(0, {INSPECTORS_A_STREET - 1})\n"
    draws += f"\\set place random(1, {world.premises})\n"
    return draws + as_script(f"WITH {', '.join([given, *inserts])} SELECT 1")


def _renamed(tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Every value that must be new or drawn, and its expression over k."""
    visit = tables["inspection"][0]
    renamed = {
        str(visit["id"]): "k.i",
        visit["number"]: "('JC-' || substr(k.i::text, 1, 21))",
        str(visit["premises_id"]): "k.place",
        str(visit["area_id"]): "k.area_id",
        visit["area_path"]: "k.path",
        str(visit["reporter_id"]): "k.person",
        str(tables["outbox"][0]["commit_id"]): "k.c",
    }
    for place, (hazard, photo, event) in enumerate(
        zip(tables["hazard"], tables["photo"], tables["hazard_event"], strict=True), start=1
    ):
        renamed[str(hazard["id"])] = f"k.h{place}"
        renamed[hazard["number"]] = f"('YH-' || substr(k.h{place}::text, 1, 21))"
        renamed[str(photo["id"])] = f"k.p{place}"
        renamed[photo["sha256"]] = f"replace(k.p{place}::text || k.h{place}::text, '-', '')"
        renamed[str(event["id"])] = f"k.e{place}"
    return renamed
