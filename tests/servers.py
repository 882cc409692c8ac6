"""The service as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO


@contextmanager
def demo_server(data_dir: Path, **settings: str) -> Iterator[str]:
    """URL of a server on a free port over ``data_dir``, with the demo street; stopped at the end."""
    with running_server(data_dir, **settings) as (url, _):
        yield url


@contextmanager
def running_server(data_dir: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """URL and process id of a server of one process on a free port over ``data_dir``; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XIAOHAO_")}
    environment |= {"XIAOHAO_DATA_DIR": str(data_dir), "XIAOHAO_PORT": "0", "XIAOHAO_PROCESSES": "1"} | settings
    command = [sys.executable, "-m", "app.cli", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield _address(process.stdout), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    assert process.returncode == 0


def _address(printed: IO[str]) -> str:
    """The line with the address; what comes after it is read away, so that the server never waits for us."""
    for line in printed:
        if found := re.search(r"http://[\w.]+:\d+", line):
            Thread(target=printed.read, daemon=True).start()
            return found[0]
    raise AssertionError("the server ended before it listened")
