"""A server that is killed and started again over the same data, and requests kept as a phone keeps them."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

import httpx

from tests.factories import Person, Shot

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
"""Longer than anything here takes on a busy machine."""
RETRY_S = 0.05
ENDED = "\0"


@dataclass(frozen=True, eq=False)
class Frozen:
    """A request until it is answered: the same bytes every time."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    shot: Shot | None = None
    """The photo it delivers."""


def frozen_json(method: str, path: str, person: Person, body: Any) -> Frozen:
    headers = person.headers | {"Content-Type": "application/json"}
    return Frozen(method, path, headers, json.dumps(body, ensure_ascii=False).encode())


def frozen_photo(person: Person, shot: Shot) -> Frozen:
    form = httpx.Request("POST", "http://phone/", data=shot.form(), files={"file": ("a.jpg", shot.content)})
    headers = person.headers | {"Content-Type": form.headers["Content-Type"]}
    return Frozen("POST", "/photos", headers, form.read(), shot)


class Service:
    """One server at a time; whoever sends while there is none is told so, as by a dead network."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._client = httpx.Client(timeout=PATIENCE_S)
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.server"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._printed: Queue[str] = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()
        self._url = ""
        self._pid = 0
        self.is_running = False

    def start(self) -> None:
        """Returns when it answers."""
        self._tell()
        self._pid = int(self._next_line(r"process (\d+)"))
        self._url = self._next_line(r"(http://127\.0\.0\.1:\d+)")
        self.is_running = True

    def start_and_die(self, *way: str) -> None:
        """A server that does not come to the end of its start."""
        self._tell(*way)
        self.wait_for_death()

    def arm(self, *way: str) -> None:
        """From now on the server dies at the end of this way; see ``tests.crashes.server``."""
        self._tell(*way)
        self._next_line("(armed)")

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        self.wait_for_death()

    def kill_one(self, chance: random.Random) -> None:
        """One of the processes that its server has started."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        with suppress(ProcessLookupError):  # it died a moment ago
            os.kill(int(chance.choice(children)), signal.SIGKILL)

    def wait_for_death(self) -> None:
        self.is_running = False
        assert int(self._next_line(r"died (-?\d+)")) == -signal.SIGKILL

    def close(self) -> None:
        """A server that runs kills itself."""
        self._client.close()
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._reader.join()
        self._keeper.wait()

    def limit_files(self, size: int) -> None:
        """No file of the server may grow beyond ``size`` bytes from now on (-1: any size)."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def send(self, request: Frozen) -> httpx.Response:
        """Raises ``httpx.TransportError`` when there is no answer."""
        return self._client.request(
            request.method, f"{self._url}/api/v1{request.path}", headers=request.headers, content=request.content
        )

    def send_until_answered(self, request: Frozen, refusals: list[httpx.Response] | None = None) -> httpx.Response:
        """As a phone does: again while nothing or 503 comes back; the 503s are kept in ``refusals``."""
        pause, deadline = Event(), time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = self.send(request)
            except httpx.TransportError:
                pause.wait(RETRY_S)
                continue
            if answer.status_code != 503:
                return answer
            if refusals is not None:
                refusals.append(answer)
            pause.wait(RETRY_S)
        raise AssertionError(f"no answer to {request.method} {request.path}")

    def get(self, path: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None) -> httpx.Response:
        return self._client.get(f"{self._url}/api/v1{path}", headers=headers, params=params)

    def is_ready(self) -> bool:
        return self._client.get(f"{self._url}/readyz").status_code == 200

    def _tell(self, *way: str) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{json.dumps(way)}\n")
        self._keeper.stdin.flush()

    def _next_line(self, pattern: str) -> str:
        """What the pattern's group is in the next line that has it; the rest is logs, perhaps half a line."""
        while (line := self._printed.get(timeout=PATIENCE_S)) != ENDED:
            if found := re.search(pattern, line):
                return found[1]
            assert "died " not in line, line
        raise AssertionError(f"ended with {self._keeper.wait()}")

    def _read(self) -> None:
        assert self._keeper.stdout is not None
        with self._keeper.stdout as printed:
            for line in printed:
                self._printed.put(line.strip())
        self._printed.put(ENDED)


def environment(data_dir: Path, server_url: str | None, secret: str, processes: int) -> dict[str, str]:
    """For a server over ``data_dir`` and the PostgreSQL database at ``server_url`` (None: embedded)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XIAOHAO_")}
    kept |= {"XIAOHAO_PROCESSES": str(processes)}
    kept |= {"XIAOHAO_DATA_DIR": str(data_dir), "XIAOHAO_PORT": "0", "XIAOHAO_DEMO": "0"}
    if server_url is not None:
        kept |= {"XIAOHAO_DATABASE_URL": server_url, "XIAOHAO_SECRET_KEY": secret}
    return kept
