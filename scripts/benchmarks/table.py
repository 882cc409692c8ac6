"""Rounds, medians, ratios, and the table they end in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from scripts.benchmarks.programs import Load

HEAD = f"{'':44} {'per s':>9} {'min..max':>17} {'ratio':>7} {'asked':>7} {'p99 ms':>8} {'CPU µs':>8}"


@dataclass(frozen=True)
class Case:
    """What is measured, what it is held against in the same round, and the least ratio asked for."""

    name: str
    limit_name: str
    limit: Callable[[int], Load]
    """Measures the round of that number."""
    ours: Callable[[int], Load]
    asked: float | None = None
    is_at_most: bool = False
    """The ratio is a cost: the smaller the better."""


@dataclass
class Result:
    """The rounds of one case."""

    case: Case
    limits: list[Load] = field(default_factory=list)
    ours: list[Load] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios."""
        pairs = zip(self.ours, self.limits, strict=True)
        if self.case.is_at_most:
            return median(limit.per_s / own.per_s for own, limit in pairs)
        return median(own.per_s / limit.per_s for own, limit in pairs)

    @property
    def is_missed(self) -> bool:
        if self.case.asked is None:
            return False
        return self.ratio > self.case.asked if self.case.is_at_most else self.ratio < self.case.asked


def run_rounds(cases: Sequence[Case], rounds: int) -> list[Result]:
    """All cases in each round, each right after its limit; round 0 warms up and is not counted."""
    results = [Result(case) for case in cases]
    for number in range(rounds + 1):
        for result in results:
            limit, ours = result.case.limit(number), result.case.ours(number)
            if number > 0:
                result.limits.append(limit)
                result.ours.append(ours)
    return results


def table(results: Sequence[Result]) -> list[str]:
    """The lines to print."""
    lines = [HEAD]
    for result in results:
        case = result.case
        asked = "" if case.asked is None else f"{'≤' if case.is_at_most else '≥'} {case.asked:.2f}"
        missed = "  MISSED" if result.is_missed else ""
        lines.append(_line(case.limit_name, result.limits, "", ""))
        lines.append(_line(f"  {case.name}", result.ours, f"{result.ratio:.3f}", asked) + missed)
    return lines


def _line(name: str, loads: Sequence[Load], ratio: str, asked: str) -> str:
    rates = [load.per_s for load in loads]
    p99 = [load.p99_ms for load in loads if load.p99_ms is not None]
    cpu = [load.cpu_us for load in loads if load.cpu_us is not None]
    spread = f"{min(rates):.1f}..{max(rates):.1f}" if max(rates) < 100 else f"{min(rates):.0f}..{max(rates):.0f}"
    rate = f"{median(rates):.1f}" if median(rates) < 100 else f"{median(rates):.0f}"
    p99_text = f"{median(p99):.1f}" if p99 else ""
    cpu_text = f"{median(cpu):.0f}" if cpu else ""
    return f"{name:44} {rate:>9} {spread:>17} {ratio:>7} {asked:>7} {p99_text:>8} {cpu_text:>8}"
