"""What this process counts of itself for ``/metrics``: no names, no ids, few values a label.

Source: contract.md, «Operations».
"""

from enum import StrEnum
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

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
    """The counters of one process, from its start."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "xiaohao_requests",
            "Requests answered by this process; status 0xx: none was sent.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "xiaohao_request_seconds",
            "Time from the first byte of a request to the last of its answer, in this process.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._jobs = Counter(
            "xiaohao_job_attempts",
            "Attempts at jobs by this process, by how they ended.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._together = Counter(
            "xiaohao_written_together",
            "Requests that this process took in a lane, where those that wait are written together.",
            ("lane",),
            registry=self.registry,
        )
        self._series: dict[tuple[str, str, int], _Series] = {}

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
