"""The service as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def demo_server(data_dir: Path, **settings: str) -> Iterator[str]:
    """URL of a server on a free port over ``data_dir``, with the demo street; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XIAOHAO_")}
    environment |= {"XIAOHAO_DATA_DIR": str(data_dir), "XIAOHAO_PORT": "0"} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://[\w.]+:\d+", line):
                yield found[0]
                break
        else:
            raise AssertionError(f"the server ended with {process.wait()}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
