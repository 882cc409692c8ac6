"""The service as ``xiaohao serve`` runs it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.config import Settings
from scripts.benchmarks.programs import CannotMeasure, family
from tests.postgres import free_port

START_S = 90.0
STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """What answers at ``url``: a process and those that it has started."""

    url: str
    pid: int

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """All of it, while the block lasts."""
        members = family(self.pid)
        for pid in members:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(members):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def serve(settings: Settings, log: Path, *, has_worker: bool = True, processes: int | None = None) -> Iterator[Server]:
    """The server on a free port until the block ends; its lines go to ``log``. ``processes`` None: its own default."""
    port = free_port()
    command = ["serve", "--port", str(port), *([] if has_worker else ["--no-worker"])]
    command += [] if processes is None else ["--processes", str(processes)]
    with _run(settings, log, command) as process:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, log)
        yield Server(url, process.pid)


@contextmanager
def separate_worker(settings: Settings, log: Path) -> Iterator[None]:
    """``nice xiaohao worker`` until the block ends."""
    with _run(settings, log, ["worker"], niceness=10):
        yield


@contextmanager
def _run(settings: Settings, log: Path, command: list[str], *, niceness: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    assert settings.database_url is not None
    assert settings.secret_key is not None
    chosen = {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DEMO": "0",
    }
    environment = os.environ | {f"XIAOHAO_{name}": value for name, value in chosen.items()}
    program = ["nice", "-n", str(niceness), str(Path(sys.executable).with_name("xiaohao")), *command]
    with log.open("wb") as lines:
        process = subprocess.Popen(program, env=environment, stdout=lines, stderr=lines)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()  # noqa: S310  our own address
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise CannotMeasure(f"the server did not start: {log.read_text(errors='replace')[-1500:]}")
