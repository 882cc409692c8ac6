"""``python -m scripts.benchmarks``: see ``scripts/bench``."""

import argparse
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr

from app.core.config import Settings
from scripts.benchmarks.beside import beside_cases, memory_case
from scripts.benchmarks.embedded import embedded_case
from scripts.benchmarks.feed import FeedReport, feed_report
from scripts.benchmarks.photos import photo_case
from scripts.benchmarks.programs import CONNECTIONS, CannotMeasure, require_programs
from scripts.benchmarks.pull import pull_case
from scripts.benchmarks.reads import Reads, scale_case
from scripts.benchmarks.server import Server, serve
from scripts.benchmarks.submission import submission_case
from scripts.benchmarks.table import Case, markdown, run_rounds, table
from scripts.benchmarks.transition import transition_case
from scripts.benchmarks.world import World, make_world, set_for_load
from tests.postgres import NoPostgres, database, postgres

NAMES = ("overdue", "scale", "photos", "submission", "transition", "pull", "sqlite", "beside", "memory", "feed")


def main() -> int:
    """0 when every asked ratio is reached, 1 when one is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="The service against its own database.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--hazards", type=int, default=100_000, help="``scale`` makes a tenth of it besides")
    parser.add_argument("--only", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--markdown", action="store_true", help="the table as it stands in the README")
    arguments = parser.parse_args()
    try:
        require_programs()
        with tempfile.TemporaryDirectory(prefix="xiaohao-bench-") as folder, postgres(durable=True) as url:
            return measure(arguments, Path(folder), url)
    except (CannotMeasure, NoPostgres) as reason:
        sys.stderr.write(f"{reason}\n")
        return 2


def measure(arguments: argparse.Namespace, folder: Path, url: str) -> int:
    """Fill the database, start the server, run the rounds, print the table."""
    os.environ["PGTZ"] = "UTC"  # the server has a zone that nobody has
    if not os.environ.get("XIAOHAO_TEST_DATABASE_URL"):
        set_for_load(url)
    world = make_world(_settings(folder / "data", url), url, arguments.hazards)
    print(_head(arguments, url), end="\n\n" if arguments.markdown else "\n")
    only, seconds = arguments.only or NAMES, arguments.seconds
    with serve(world.settings, folder / "server.log") as server, ExitStack() as stack:
        makers: dict[str, Callable[[], list[Case]]] = {
            "overdue": lambda: Reads(world, server, folder, seconds).cases(),
            "scale": lambda: [_scale(stack, world, server, folder, seconds)],
            "photos": lambda: [photo_case(world, server, folder)],
            "submission": lambda: [submission_case(world, server, folder, seconds)],
            "transition": lambda: [transition_case(world, server, folder, seconds)],
            "pull": lambda: [pull_case(world, server, folder, seconds)],
            "sqlite": lambda: [embedded_case(world, folder, seconds)],
            "beside": lambda: beside_cases(world, server, folder, seconds),
            "memory": lambda: [memory_case(world.settings, folder)],
        }
        cases = [case for name, make in makers.items() if name in only for case in make()]
        results = run_rounds(cases, arguments.rounds)
        feed = feed_report(world, server, folder, seconds=seconds) if "feed" in only else FeedReport()
    lines = markdown(results) if arguments.markdown else table(results)
    print("\n".join([*lines, *feed.lines]))
    return 1 if feed.is_missed or any(result.is_missed for result in results) else 0


def _settings(folder: Path, url: str) -> Settings:
    return Settings(data_dir=folder, database_url=url, secret_key=SecretStr(secrets.token_hex(32)), demo=False)


def _head(arguments: argparse.Namespace, url: str) -> str:
    """Machine, method and date."""
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version")
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, "
        f"Python {platform.python_version()}, PostgreSQL {version} (fsync on), {arguments.hazards} hazards, "
        f"{CONNECTIONS} connections, load generator and databases on the same machine, {arguments.rounds} rounds "
        f"of {arguments.seconds:g} s; the ratio is the median of the rounds', each to its limit in the same round"
    )


def _scale(stack: ExitStack, world: World, server: Server, folder: Path, seconds: float) -> Case:
    """Makes the smaller world, and a server for it."""
    url = stack.enter_context(database(world.url))
    small = make_world(_settings(folder / "small", url), url, world.hazards // 10)
    return scale_case(
        (small, stack.enter_context(serve(small.settings, folder / "small.log"))), (world, server), folder, seconds
    )


if __name__ == "__main__":
    sys.exit(main())
