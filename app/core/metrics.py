"""What this node counts of itself for ``/metrics``: no names, no ids, few values a label.

Source: contract.md, «Operations».
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Every route and method that we do not serve."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own


class JobOutcome(StrEnum):
    """How one attempt at a job ended."""

    DONE = "done"
    RETRIED = "retried"  # it failed and is tried again later
    DEAD = "dead"  # it failed for the last time
    LOST = "lost"  # its lease had ended; another worker has it


class _Series(NamedTuple):
    requests: Counter
    seconds: Histogram


class Metrics:
    """The counters of one process, or of all processes of a node together, from its start."""

    def __init__(self, seat: int | None = None) -> None:
        """``seat``: the number of this process among those of its node, which count in one folder; None: it is alone.

        Who takes the seat of a process that died goes on with its counters, so that none is lost or falls.
        """
        self.registry = CollectorRegistry()
        counting = self.registry if seat is None else None
        if seat is None:
            ProcessCollector(registry=self.registry)
        else:
            values.ValueClass = values.MultiProcessValue(lambda: seat)  # type: ignore[no-untyped-call]  # the library's
            MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]  # the library's
            self.registry.register(_NodeCollector(os.getppid()))
        self._requests = Counter(
            "xiaohao_requests",
            "Requests answered by this node; status 0xx: none was sent.",
            ("method", "route", "status"),
            registry=counting,
        )
        self._seconds = Histogram(
            "xiaohao_request_seconds",
            "Time from the first byte of a request to the last of its answer, in this node.",
            ("method", "route"),
            buckets=SECONDS,
            registry=counting,
        )
        self._jobs = Counter(
            "xiaohao_job_attempts",
            "Attempts at jobs by this node, by how they ended.",
            ("kind", "outcome"),
            registry=counting,
        )
        self._together = Counter(
            "xiaohao_written_together",
            "Requests that this node took in a lane, where those that wait are written together.",
            ("lane",),
            registry=counting,
        )
        self._series: dict[tuple[str, str, int], _Series] = {}
        if seat is not None:
            self._seconds.labels("GET", OTHER)  # makes the files now, before anybody can find them half made
            self._together.labels("actions")

    def count_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """``route``: its template, None where there is none; ``status`` 0 when no answer was begun."""
        key = (method if method in METHODS else OTHER, route or OTHER, status // 100)
        series = self._series.get(key)
        if series is None:  # finding a series by its labels takes longer than counting
            series = self._series[key] = self._make_series(*key)
        series.requests.inc()
        series.seconds.observe(seconds)

    def count_together(self, lane: str, written: int) -> None:
        """So many were written in one transaction."""
        self._together.labels(lane).inc(written)

    def count_job(self, kind: str, outcome: JobOutcome) -> None:
        """One attempt at a job has ended."""
        self._jobs.labels(kind, outcome.value).inc()

    def _make_series(self, method: str, route: str, hundreds: int) -> _Series:
        return _Series(
            self._requests.labels(method, route, f"{hundreds}xx"),
            self._seconds.labels(method, route),
        )


class _NodeCollector(Collector):
    """``ProcessCollector`` for the supervisor and its children together; the start is the supervisor's."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor

    def describe(self) -> list[Metric]:
        """Nothing: it is asked when it is."""
        return []

    def collect(self) -> Iterable[Metric]:
        """CPU time holds that of children which have ended, so that it never falls."""
        together: dict[str, Metric] = {}
        for pid in [str(self._supervisor), *self._children()]:
            for metric in _of_process(pid):
                first = together.setdefault(metric.name, metric)
                if first is not metric and metric.name != "process_start_time_seconds":
                    _add(first, metric.samples[0].value)
        if (cpu := together.get("process_cpu_seconds")) is not None:
            _add(cpu, self._ended_s())
        return together.values()

    def _children(self) -> list[str]:
        with suppress(OSError):
            return Path(f"/proc/{self._supervisor}/task/{self._supervisor}/children").read_text().split()
        return []

    def _ended_s(self) -> float:
        with suppress(OSError):
            times = Path(f"/proc/{self._supervisor}/stat").read_text().rpartition(")")[2].split()[13:15]
            return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        return 0.0


def _of_process(pid: str) -> Iterator[Metric]:
    yield from ProcessCollector(pid=lambda: pid, registry=None).collect()


def _add(metric: Metric, value: float) -> None:
    metric.samples[0] = metric.samples[0]._replace(value=metric.samples[0].value + value)
