"""Reads: the overdue page and its counts, against the database answering the same statements."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from app.access.actor import Actor
from app.access.credentials import authenticate
from app.core.clock import business_date, utc_now
from app.queries.hazard_filters import HazardFilter
from app.queries.hazards import list_hazards
from app.queries.summaries import summarize_hazards
from scripts.benchmarks.ground import DISTRICT_PERSON, office_token
from scripts.benchmarks.programs import FEW, Load, run_pgbench, run_wrk
from scripts.benchmarks.scripting import as_script, sent_by
from scripts.benchmarks.server import Server
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED_PAIR = 0.35
ASKED_SCALE = 1.5
LIMIT = 50
PAGE = f"/hazards?overdue=true&limit={LIMIT}"
COUNTS = "/hazards/summary?overdue=true"
Read = Callable[[Connection, Actor], object]


class Reads:
    """Cases of one server: GETs against the statements that they send after the signing in."""

    def __init__(self, world: World, server: Server, folder: Path, seconds: float) -> None:
        self._world, self._server, self._folder, self._seconds = world, server, folder, seconds

    def cases(self) -> list[Case]:
        """Page and counts in turn, which together count once; and the page alone."""
        street, district = office_token(3), DISTRICT_PERSON
        both, alone = {PAGE: _overdue, COUNTS: _counts}, {PAGE: _overdue}
        return [
            self._case("overdue page + summary of a street", street, both, ASKED_PAIR),
            self._case("overdue page + summary of the district", district, both, ASKED_PAIR),
            self._case("overdue page of a street", street, alone),
        ]

    def _case(self, name: str, token: str, reads: dict[str, Read], asked: float | None = None) -> Case:
        script = self._folder / f"{name}.sql"
        statements = [statement for read in reads.values() for statement in self._statements(token, read)]
        script.write_text("".join(map(as_script, statements)))
        load = write_load(self._folder / f"{name}.lua", token, list(reads))

        def limit(number: int) -> Load:
            return run_pgbench(self._world.url, script, seconds=self._seconds if number else 1)

        def ours(number: int) -> Load:
            seconds = self._seconds if number else 1
            found = run_wrk(self._server.url, load, seconds=seconds, server_pid=self._server.pid, seed=number)
            return replace(found, per_s=found.per_s / len(reads), cpu_us=(found.cpu_us or 0) * len(reads))

        return Case(name, "database: the same SELECTs, prepared", limit, ours, asked=asked)

    def _statements(self, token: str, read: Read) -> list[str]:
        def as_somebody(connection: Connection) -> object:
            return read(connection, authenticate(connection, token, now=utc_now()))

        return sent_by(self._world.url, as_somebody)[1:]


def scale_case(small: tuple[World, Server], large: tuple[World, Server], folder: Path, seconds: float) -> Case:
    """The 99th of a hundred overdue pages of a street over few connections, in a small world and in a large one."""
    load = write_load(folder / "scale.lua", office_token(3), [PAGE])

    def of(server: Server) -> Callable[[int], Load]:
        def measure(number: int) -> Load:
            length = seconds if number else 1
            return run_wrk(server.url, load, seconds=length, server_pid=server.pid, seed=number, connections=FEW)

        return measure

    return Case(
        f"p99 of the overdue page at {large[0].hazards} hazards",
        f"at {small[0].hazards}, {FEW} connections",
        of(small[1]),
        of(large[1]),
        asked=ASKED_SCALE,
        is_at_most=True,
        figure="p99_ms",
    )


def write_load(path: Path, token: str, paths: list[str]) -> Path:
    """For the load generator: these GETs in turn."""
    quoted = ", ".join(f'"/api/v1{one}"' for one in paths)
    path.write_text(
        f"""wrk.headers["Authorization"] = "Bearer {token}"
local paths, n = {{{quoted}}}, 0
function request()
  n = n % #paths + 1
  return wrk.format("GET", paths[n])
end
"""
    )
    return path


def _overdue(connection: Connection, actor: Actor) -> object:
    wanted = HazardFilter(as_of=business_date(utc_now()), overdue=True)
    return list_hazards(connection, actor, wanted, limit=LIMIT)


def _counts(connection: Connection, actor: Actor) -> object:
    return summarize_hazards(connection, actor, HazardFilter(as_of=business_date(utc_now()), overdue=True))
