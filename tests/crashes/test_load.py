"""Under load the server dies at random, the database goes and comes back, and the disk is full."""

import random
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.crashes.conftest import open_world
from tests.crashes.load import load
from tests.crashes.world import Patrol, World, ago, snap, until
from tests.factories import found
from tests.postgres import NoPostgres, database, order, process

KILOBYTE = 1024


@pytest.fixture
def on_sqlite(database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("the embedded database lies in a file")


@pytest.fixture
def on_postgresql(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL is a server of its own")


def check_refused(answer: httpx.Response, *codes: str) -> None:
    """A phone keeps what it has and knows when to try again."""
    told = answer.json()
    assert (answer.status_code, told["retryable"]) == (503, True)
    assert told["code"] in codes
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_dies_at_any_moment(world: World, is_long: bool, seed: int) -> None:
    chance = random.Random(seed)
    with load(world) as work:
        for _ in range(40 if is_long else 4):
            work.wait_for_answers(chance.randint(0, 40))
            world.service.kill()
            world.service.start()
    assert work.refusals == []
    world.check()


@pytest.mark.usefixtures("on_postgresql")
def test_one_of_several_processes_dies_at_any_moment(tmp_path: Path, server_url: str, is_long: bool) -> None:
    """Whichever, the worker too; and then the one that watches them, and all with it."""
    chance = random.Random(3)
    with open_world(tmp_path, server_url, processes=2) as world:
        with load(world) as work:
            for _ in range(10 if is_long else 1):
                for _ in range(3):
                    work.wait_for_answers(chance.randint(0, 40))
                    world.service.kill_one(chance)
                work.wait_for_answers(chance.randint(0, 40))
                world.service.kill()
                world.service.start()
        assert work.refusals == []
        world.check()


@pytest.mark.usefixtures("on_postgresql")
def test_postgresql_goes_and_comes_back(tmp_path: Path, is_long: bool) -> None:
    """Once for long and then for a moment, each time as when its machine fails; the service is not started again."""
    try:
        with process(durable=True) as (keeper, url), database(url) as own, open_world(tmp_path, own) as world:
            with load(world) as work:
                for away in [20, 0] * (10 if is_long else 1):
                    work.wait_for_answers(20)
                    order(keeper, "crash")
                    work.wait_for_refusals(away)
                    assert away == 0 or not world.service.is_ready()
                    order(keeper, "start")
                work.wait_for_answers(40)
                assert world.service.is_ready()
            world.check()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    assert len(work.refusals) >= 20
    for answer in work.refusals:
        check_refused(answer, "database-unavailable", "not-ready")


@pytest.mark.usefixtures("on_sqlite")
def test_sqlite_is_taken_by_another_program_for_too_long(tmp_path: Path) -> None:
    with open_world(tmp_path, None) as world:
        with load(world) as work:
            work.wait_for_answers(20)
            with closing(sqlite3.connect(tmp_path / "xiaohao.db", isolation_level=None, timeout=30)) as other:
                other.execute("BEGIN IMMEDIATE")
                work.wait_for_refusals(4)
                assert world.service.is_ready()  # it can be read
            work.wait_for_answers(20)
        world.check()
    for answer in work.refusals:
        check_refused(answer, "database-unavailable")


@contextmanager
def no_file_grows(world: World, data_dir: Path) -> Iterator[None]:
    """What a quota does; no right is needed to try it."""
    world.service.limit_files(KILOBYTE)
    yield
    world.service.limit_files(-1)


@contextmanager
def no_room(world: World, data_dir: Path) -> Iterator[None]:
    """A file that fills the disk to its end."""
    ballast = data_dir / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(KILOBYTE))
        except OSError:
            pass
    yield
    ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk of its own: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("shortage", [no_file_grows, no_room])
def test_the_disk_is_full(
    request: pytest.FixtureRequest, server_url: str | None, tmp_path: Path, shortage: Callable[..., object]
) -> None:
    """Photos are refused, and with the embedded database every write; what was kept can be read."""
    data_dir = request.getfixturevalue("small_disk") if shortage is no_room else tmp_path
    with open_world(data_dir, server_url) as world:
        patrol = world.patrol()
        reported = patrol.report()
        with load(world) as work:
            work.wait_for_answers(20)
            with shortage(world, data_dir):
                work.wait_for_refusals(10)
                photo = patrol.photo(snap())
                check_refused(world.service.send(photo), "storage-full", "storage-unavailable")
                if server_url is None:
                    check_refused(first_refused_visit(patrol), "database-unavailable")
                assert patrol.read(reported["id"])["number"] == reported["number"]
            world.do(photo)
            work.wait_for_answers(20)
        world.check()
    for answer in work.refusals:
        check_refused(answer, "storage-full", "storage-unavailable", "database-unavailable")


def first_refused_visit(patrol: Patrol) -> httpx.Response:
    """The database's log may have a little room left from before."""
    refused: list[httpx.Response] = []

    def is_refused() -> bool:
        shot = snap()
        visit = patrol.visit([shot], [found([shot], ago(60))])
        answer = patrol.world.service.send(visit)
        if answer.status_code == 201:
            patrol.world.remember(visit, answer)
            return False
        refused.append(answer)
        return True

    until(is_refused)
    return refused[0]
