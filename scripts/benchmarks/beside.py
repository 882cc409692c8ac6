"""What else a process does: lists while photos come in at full rate, and its memory at rest."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.config import Settings
from scripts.benchmarks.ground import office_token
from scripts.benchmarks.photos import Ingest
from scripts.benchmarks.programs import FEW, Load, own_mib, run_wrk
from scripts.benchmarks.reads import PAGE, write_load
from scripts.benchmarks.server import Server, separate_worker, serve
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED_P99 = 2.0
GOAL_MIB = 120


def beside_cases(world: World, server: Server, folder: Path, seconds: float) -> list[Case]:
    """Lists beside uploads and thumbnails: the worker inside the server, and in a process of its own, niced."""
    load = write_load(folder / "beside.lua", office_token(3), [PAGE])

    def lists(of: Server, number: int) -> Load:
        length = seconds if number else 1
        return run_wrk(of.url, load, seconds=length, server_pid=of.pid, seed=number, connections=FEW)

    def inside(number: int) -> Load:
        with _ingest(world, server):
            return lists(server, number)

    def apart(number: int) -> Load:
        with (
            serve(world.settings, folder / "apart.log", has_worker=False) as alone,
            separate_worker(world.settings, folder / "worker.log"),
        ):
            lists(alone, 0)  # the server has just begun
            with _ingest(world, alone):
                return lists(alone, number)

    def case(name: str, ours: Callable[[int], Load]) -> Case:
        return Case(
            f"p99 of the overdue page beside photo ingest, {name}",
            f"without ingest, {FEW} connections",
            lambda number: lists(server, number),
            ours,
            asked=ASKED_P99,
            is_at_most=True,
            figure="p99_ms",
        )

    return [case("worker inside", inside), case("worker apart and niced", apart)]


@contextmanager
def _ingest(world: World, server: Server) -> Iterator[None]:
    """Photos one after another over one connection, for as long as the block lasts."""
    ended = threading.Event()
    ingest = Ingest(world, server)
    sender = threading.Thread(target=ingest.until, args=[ended])
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()
        ingest.wait()


def memory_case(settings: Settings, folder: Path) -> Case:
    """A server with its worker inside, after its start and one request."""

    def ours(_number: int) -> Load:
        with serve(settings, folder / "idle.log", processes=1) as server:
            urllib.request.urlopen(f"{server.url}/readyz", timeout=5).close()  # noqa: S310  our own address
            return Load(mib=own_mib(server.pid))

    return Case(
        "memory of one idle process (PSS)",
        "the goal",
        lambda _number: Load(mib=GOAL_MIB),
        ours,
        asked=1.0,
        is_at_most=True,
        figure="mib",
    )
