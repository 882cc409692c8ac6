"""``python -m scripts.benchmarks``: see ``scripts/bench``."""

import argparse
import os
import platform
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr

from app.core.config import Settings
from scripts.benchmarks.feed import FeedReport, feed_report
from scripts.benchmarks.photos import photo_case
from scripts.benchmarks.programs import CONNECTIONS, CannotMeasure, require_programs
from scripts.benchmarks.reads import Reads
from scripts.benchmarks.server import serve
from scripts.benchmarks.submission import submission_case
from scripts.benchmarks.table import run_rounds, table
from scripts.benchmarks.world import make_world, set_for_load
from tests.postgres import NoPostgres, postgres

NAMES = ("overdue", "summary", "photos", "submission", "feed")


def main() -> int:
    """0 when every asked ratio is reached, 1 when one is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="The service against its own database.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--hazards", type=int, default=100_000)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be repeated")
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
    settings = Settings(
        data_dir=folder / "data", database_url=url, secret_key=SecretStr(secrets.token_hex(32)), demo=False
    )
    world = make_world(settings, url, arguments.hazards)
    with psycopg.connect(url) as connection:
        server_version = connection.info.parameter_status("server_version")
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"PostgreSQL {server_version} (fsync on), {world.hazards} hazards, {CONNECTIONS} connections, "
        f"{arguments.rounds} rounds of {arguments.seconds:g} s; ratio to the line above, median of the rounds"
    )
    only = arguments.only or NAMES
    with serve(settings, folder / "server.log") as server:
        cases = []
        reads = Reads(world, server, folder, arguments.seconds)
        if "overdue" in only:
            cases += [reads.overdue_of_a_street(), reads.overdue_of_the_district()]
        if "summary" in only:
            cases.append(reads.summary_of_a_street())
        if "photos" in only:
            cases.append(photo_case(world, server, folder))
        if "submission" in only:
            cases.append(submission_case(world, server, folder, arguments.seconds))
        results = run_rounds(cases, arguments.rounds)
        feed = feed_report(world, server, folder, seconds=arguments.seconds) if "feed" in only else FeedReport()
    print("\n".join([*table(results), *feed.lines]))
    return 1 if feed.is_missed or any(result.is_missed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
