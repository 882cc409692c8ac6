"""One transition: a re-inspection that fails with a reason, against one statement that writes the same rows."""

import os
from pathlib import Path

import psycopg

from scripts.benchmarks.ground import officer_token, street_of
from scripts.benchmarks.history import hazard_id, is_open, is_overdue, is_severe, place_of
from scripts.benchmarks.programs import CannotMeasure, Load, run_pgbench, run_wrk
from scripts.benchmarks.scripting import as_script, insert_again, rows_of
from scripts.benchmarks.server import Server
from scripts.benchmarks.submission import paused, settle
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 0.25
MOST = 20_000
_AGAIN = """
UPDATE hazard SET status = 'awaiting_reinspection', round = 1, round_began_at = NULL, claimant_id = reporter_id,
 claimed_at = found_at, reinspector_id = NULL, reinspected_at = NULL, due_on = original_due_on, last_event_at = found_at
WHERE id = ANY(%s) AND (status <> 'awaiting_reinspection' OR round > 1)
"""
_CHANGED = (
    "status = 'rectifying', version = hazard.version + 1, round = hazard.round + 1, round_began_at = now(),"
    " claimant_id = NULL, claimed_at = NULL, reinspector_id = NULL, reinspected_at = NULL, last_event_at = now(),"
    " due_on = current_date + 15, due_unrolled_on = current_date + 15, due_base_on = current_date, due_days = 15"
)


def transition_case(world: World, server: Server, folder: Path, seconds: float) -> Case:
    """The case; hazards that are not overdue take part, so that the lists of the overdue stay as they are."""
    numbers = [n for n in range(10, world.hazards + 1, 10) if is_open(n) and not is_overdue(n) and not is_severe(n)]
    numbers = numbers[:MOST]
    hazards = folder / "hazards.txt"
    streets = {n: street_of(place_of(n, world.premises)) for n in numbers}
    hazards.write_text("".join(f"{officer_token(streets[n])} {hazard_id(n)}\n" for n in numbers))
    os.environ["HAZARDS"] = str(hazards)
    load = Path(__file__).with_name("transition.lua")
    ids = [hazard_id(n) for n in numbers]

    def ours(number: int) -> Load:
        settle(world.url)
        with psycopg.connect(world.url, autocommit=True) as connection:
            connection.execute(_AGAIN, [ids])
        return run_wrk(server.url, load, seconds=seconds if number else 1, server_pid=server.pid, seed=number)

    ours(0)
    script = folder / "transition.sql"
    script.write_text(_limit_script(world))

    def limit(number: int) -> Load:
        with paused(server, world.url):
            return run_pgbench(world.url, script, seconds=seconds if number else 1)

    name = "POST /hazards/{id}/reinspections, a fail"
    return Case(name, "database: the same rows in one statement", limit, ours, asked=ASKED)


def _limit_script(world: World) -> str:
    with psycopg.connect(world.url) as connection:
        latest = "SELECT * FROM hazard_event WHERE action = 'fail_reinspection' ORDER BY recorded_at DESC LIMIT 1"
        events = rows_of(connection, latest, {})
        if not events:
            raise CannotMeasure("no transition was made")
        settle(world.url)
        told = rows_of(
            connection,
            "SELECT commit_id, type, object_id, version, op, area_path, moved_to, changed_at, data"
            " FROM feed WHERE object_id = %(hazard_id)s ORDER BY position DESC LIMIT 1",
            events[0],
        )
        renamed = {
            str(events[0]["id"]): "k.event_id",
            str(events[0]["hazard_id"]): "k.id",
            str(told[0]["commit_id"]): "k.commit_id",
        }
        inserts = {
            "e": insert_again(connection, "hazard_event", events, renamed),
            "o": insert_again(connection, "outbox", told, renamed),
        }
    drawn = f"hazard.id = ('{str(hazard_id(0))[:24]}' || lpad(to_hex(CAST(:n AS bigint)), 12, '0'))::uuid"
    given = f"SELECT id, gen_random_uuid() event_id, gen_random_uuid() commit_id FROM hazard WHERE {drawn} FOR UPDATE"
    parts = [f"k AS MATERIALIZED ({given})", f"h AS (UPDATE hazard SET {_CHANGED} FROM k WHERE hazard.id = k.id)"]
    parts += [f"{name} AS ({insert})" for name, insert in inserts.items()]
    draws = f"\\set n (random(0, {world.hazards // 100 - 1}) * 10 + random(3, 6)) * 10\n"
    return draws + as_script(f"WITH {', '.join(parts)} SELECT 1")
