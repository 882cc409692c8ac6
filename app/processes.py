"""``xiaohao serve`` in several processes on one port, because one Python process uses one core."""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.access.passwords import bound_sign_ins
from app.core.config import Settings, environment_with
from app.core.metrics import Metrics
from app.core.supervisor import Seat, Supervisor, report_ready
from app.jobs.worker import Worker
from app.main import CannotServe, create_app, open_port, run_worker, serve, url_of
from app.services.installation import FOR_ANSWERS, FOR_WORKER, open_runtime

_WORKER = 0
"""The number of the worker's seat; those that answer follow."""
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  a folder of our own is made in it
_FOLDER = "xiaohao-counters-"


class SharedPort:
    """A port that this process holds and on which those listen that it starts; the kernel spreads connections.

    Nobody else may have it, nor a second service of ours, which the kernel would let join. Raises ``CannotServe``.
    """

    def __init__(self, host: str, port: int) -> None:
        with closing(open_port(host, port)) as probe:
            self._family, self._address = probe.family, probe.getsockname()
        self._claim = socket.socket(socket.AF_UNIX)
        try:
            self._claim.bind(f"\0xiaohao {self._address[:2]}")  # two that start at once have both found it free
            self._held = self.open()
        except OSError as error:
            self._claim.close()
            raise CannotServe(f"cannot listen on {host} port {port}: {error.strerror}; set XIAOHAO_PORT") from error
        self.url = url_of(self._held)

    def open(self) -> socket.socket:
        """One more socket for somebody to listen on."""
        bound = socket.socket(self._family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            bound.bind(self._address)
        except OSError:
            bound.close()
            raise
        return bound

    def close(self) -> None:
        self._held.close()
        self._claim.close()


def supervise(port: SharedPort, count: int, *, has_worker: bool, on_ready: Callable[[str], None]) -> None:
    """``count`` processes that answer and one for the jobs, until SIGTERM or Ctrl-C. Raises ``NeverReady``."""
    seats = [Seat(f"answering-{number}", ["child", str(number)], port.open) for number in range(1, count + 1)]
    if has_worker:
        seats.append(Seat("worker", ["child", str(_WORKER)]))
    with _counters() as folder:
        environment = environment_with(PROMETHEUS_MULTIPROC_DIR=folder, XIAOHAO_PROCESSES=str(count))
        Supervisor(seats, environment, on_ready=lambda: on_ready(port.url)).run()


def run_child(settings: Settings, seat: int, listener: int | None) -> None:
    """Be one of these processes; ``listener`` is the descriptor of the socket to answer on, None: run the jobs."""
    connections = FOR_WORKER if listener is None else settings.threads + FOR_ANSWERS
    runtime = open_runtime(settings, metrics=Metrics(seat), connections=connections)
    with closing(runtime.db):
        if listener is None:
            run_worker(Worker(runtime), on_ready=report_ready)
            return
        bound_sign_ins(at_once=1, waiting=max(1, settings.threads // 2))
        with closing(socket.socket(fileno=listener)) as bound:
            serve(create_app(runtime), bound, on_ready=lambda _address: report_ready())


@contextmanager
def _counters() -> Iterator[str]:
    """The folder in which the processes count: in memory where there is such a place, so that no request waits for a
    disk. What services left that were killed is taken away."""
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else tempfile.gettempdir()
    for left in Path(place).glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=place) as folder, _held(Path(folder), is_new=True):
        yield folder


@contextmanager
def _held(folder: Path, *, is_new: bool = False) -> Iterator[None]:
    """Hold a folder of counters as long as this process lives. Raises ``OSError`` when another one does."""
    with (folder / "held").open("wb" if is_new else "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
