"""Reads: the overdue page and its counts, against the database answering the same statements."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import Session

from app.access.actor import Actor
from app.access.credentials import authenticate
from app.core.clock import business_date, utc_now
from app.queries.hazard_filters import HazardFilter
from app.queries.hazards import list_hazards
from app.queries.summaries import summarize_hazards
from scripts.benchmarks.ground import DISTRICT_PERSON, office_token
from scripts.benchmarks.programs import Load, run_pgbench, run_wrk
from scripts.benchmarks.scripting import as_script, sent_by
from scripts.benchmarks.server import Server
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 0.20
LIMIT = 50
Read = Callable[[Session, Actor], object]


class Reads:
    """Cases of one server: a GET against the statements that it sends after the signing in."""

    def __init__(self, world: World, server: Server, folder: Path, seconds: float) -> None:
        self._world, self._server, self._folder, self._seconds = world, server, folder, seconds
        self._count = 0

    def overdue_of_a_street(self) -> Case:
        return self._case(office_token(3), _overdue, "/hazards?overdue=true&limit=50", "a street's office", ASKED)

    def overdue_of_the_district(self) -> Case:
        return self._case(DISTRICT_PERSON, _overdue, "/hazards?overdue=true&limit=50", "the district", ASKED)

    def summary_of_a_street(self) -> Case:
        return self._case(office_token(3), _counts, "/hazards/summary?overdue=true", "a street's office")

    def _case(self, token: str, read: Read, path: str, who: str, asked: float | None = None) -> Case:
        self._count += 1
        script = self._folder / f"read{self._count}.sql"
        script.write_text("".join(map(as_script, self._statements(token, read))))
        load = self._folder / f"read{self._count}.lua"
        load.write_text(f'wrk.headers["Authorization"] = "Bearer {token}"\nwrk.path = "/api/v1{path}"\n')

        def limit(number: int) -> Load:
            return run_pgbench(self._world.url, script, seconds=self._seconds if number else 1)

        def ours(number: int) -> Load:
            seconds = self._seconds if number else 1
            return run_wrk(self._server.url, load, seconds=seconds, server_pid=self._server.pid, seed=number)

        return Case(f"GET {path}, {who}", "database: the same SELECT, prepared", limit, ours, asked=asked)

    def _statements(self, token: str, read: Read) -> list[str]:
        def as_somebody(connection: Connection) -> object:
            actor = authenticate(connection, token, now=utc_now())
            with Session(connection) as session:
                return read(session, actor)

        return sent_by(self._world.url, as_somebody)[1:]


def _overdue(session: Session, actor: Actor) -> object:
    wanted = HazardFilter(as_of=business_date(utc_now()), overdue=True)
    return list_hazards(session, actor, wanted, limit=LIMIT)


def _counts(session: Session, actor: Actor) -> object:
    return summarize_hazards(session, actor, HazardFilter(as_of=business_date(utc_now()), overdue=True))
