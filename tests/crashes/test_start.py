"""The server dies while it starts for the first time, at one point after another."""

from pathlib import Path

from tests.crashes.conftest import open_service
from tests.crashes.test_points import COMMIT
from tests.crashes.world import World

MADE = "after alembic.ddl.impl:DefaultImpl.create_table"
STARTS = [
    ["before app.services.installation:migrate"],
    [MADE],
    [MADE, MADE, MADE],
    [MADE, f"before {COMMIT}"],
    [MADE, f"after {COMMIT}"],
    ["after app.services.installation:seed_calendar"],
    ["after app.services.installation:seed", f"before {COMMIT}"],
    ["after app.services.installation:seed", f"after {COMMIT}"],
    ["before app.cli:open_runtime"],
    ["before app.jobs.worker:Worker.start"],
]
STARTS_ON_SQLITE = [["before os:link"], ["after os:link"]]
"""The secret key is made there."""


def test_dies_again_and_again_while_it_first_starts(server_url: str | None, tmp_path: Path) -> None:
    with open_service(tmp_path, server_url) as (service, engine):
        for way in (STARTS_ON_SQLITE if server_url is None else []) + STARTS:
            service.start_and_die(*way)
        service.start()
        world = World(service, engine, tmp_path)
        world.patrol().report()
        world.check()
