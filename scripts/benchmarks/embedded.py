"""Submissions on SQLite, against the same rows written within one process."""

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any  # what SQLite keeps
from uuid import uuid4

from app.core.config import Settings
from app.core.database import Database, make_engine
from app.services.installation import install
from scripts.benchmarks.ground import add_ground
from scripts.benchmarks.programs import CannotMeasure, Load, run_wrk
from scripts.benchmarks.server import Server, serve
from scripts.benchmarks.submission import people_file
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 0.6
_OF_VISIT = {
    "inspection": "id = :visit",
    "photo": "inspection_id = :visit",
    "hazard": "inspection_id = :visit",
    "hazard_event": "hazard_id IN (SELECT id FROM hazard WHERE inspection_id = :visit)",
    "hazard_photo": "hazard_id IN (SELECT id FROM hazard WHERE inspection_id = :visit)",
}
_COUNTS = {"inspection": 1, "photo": 3, "hazard": 3, "hazard_event": 3, "hazard_photo": 3, "feed": 7}
Rows = dict[str, list[list[Any]]]


def embedded_case(world: World, folder: Path, seconds: float) -> Case:
    """The case, with the same people and places; both sides begin with a visit that the service took."""
    file = folder / "embedded" / "xiaohao.db"
    settings = world.settings.model_copy(update={"data_dir": file.parent, "database_url": f"sqlite:///{file}"})
    _fill(settings, world.premises)
    os.environ["PEOPLE"] = str(people_file(world, folder))
    load = Path(__file__).with_name("submission.lua")

    def ours(number: int) -> Load:
        with serve(settings, folder / "embedded.log") as server:
            return _submit(server, load, seconds if number else 1, number)

    ours(0)
    copy = folder / "copy.db"
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)

    def limit(number: int) -> Load:
        return _write(copy, seconds if number else 1)

    return Case("PUT /inspections/{id} on SQLite", "in process: the same rows, one thread", limit, ours, asked=ASKED)


def _fill(settings: Settings, premises: int) -> None:
    install(settings)
    engine = make_engine(settings.sqlalchemy_url, pool_size=1)
    with Database(engine).write() as session:
        add_ground(session, premises)
    engine.dispose()


def _submit(server: Server, load: Path, seconds: float, number: int) -> Load:
    return run_wrk(server.url, load, seconds=seconds, server_pid=server.pid, seed=number)


def _write(path: Path, seconds: float) -> Load:
    """Transactions a second; the making of the rows is not counted."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    template, renamed = _latest_visit(connection)
    inserts = {
        table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})" for table, rows in template.items()
    }
    text, spent, count = json.dumps(template), 0.0, 0
    while spent < seconds:
        rows = _renewed(text, renamed)
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        [(first,)] = connection.execute("UPDATE seal SET next = next + 7 WHERE one = 1 RETURNING next - 7")
        for place, row in enumerate(rows["feed"]):
            row[0] = first + place
        for table, insert in inserts.items():
            connection.executemany(insert, rows[table])
        connection.execute("COMMIT")
        spent += time.perf_counter() - began
        count += 1
    connection.close()
    return Load(count / spent)


def _latest_visit(connection: sqlite3.Connection) -> tuple[Rows, list[str]]:
    """The rows of the last submission, and the texts that are new in every one."""
    [(visit,)] = connection.execute("SELECT id FROM inspection ORDER BY received_at DESC LIMIT 1")
    rows: Rows = {
        table: [list(row) for row in connection.execute(f"SELECT * FROM {table} WHERE {where}", {"visit": visit})]
        for table, where in _OF_VISIT.items()
    }
    commit = "SELECT commit_id FROM feed WHERE object_id = :visit"
    told = connection.execute(f"SELECT * FROM feed WHERE commit_id = ({commit}) ORDER BY position", {"visit": visit})
    rows["feed"] = [list(row) for row in told]
    if (counts := {table: len(found) for table, found in rows.items()}) != _COUNTS:
        raise CannotMeasure(f"a submission wrote other rows than expected: {counts}")
    own = "SELECT id, number FROM {} WHERE inspection_id = :visit"
    renamed = [visit, rows["feed"][0][1], *(row[0] for row in rows["hazard_event"])]
    for query in (
        "SELECT id, number FROM inspection WHERE id = :visit",
        own.format("hazard"),
        own.format("photo").replace("number", "sha256"),
    ):
        renamed += [text for row in connection.execute(query, {"visit": visit}) for text in row]
    return rows, sorted(set(renamed), key=len, reverse=True)


def _renewed(text: str, renamed: list[str]) -> Rows:
    for old in renamed:
        text = text.replace(old, (uuid4().hex * 2 if len(old) == 64 else str(uuid4()))[: max(36, len(old))])
    rows: Rows = json.loads(text)
    return rows
