"""Rounds, medians, ratios, and the table they end in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from scripts.benchmarks.programs import Load

HEAD = f"{'':56} {'median':>9} {'min..max':>17} {'ratio':>7} {'asked':>7} {'p99 ms':>8} {'CPU µs':>8}"
MARKDOWN_HEAD = """\
| work | held against | that | ours (min..max) | ratio | asked | p99 ms | CPU µs |
|---|---|--:|--:|--:|--:|--:|--:|"""
UNITS = {"per_s": "/s", "p99_ms": " ms", "mib": " MiB"}


@dataclass(frozen=True)
class Case:
    """What is measured, what it is held against in the same round, and the ratio asked for."""

    name: str
    limit_name: str
    limit: Callable[[int], Load]
    """Measures the round of that number."""
    ours: Callable[[int], Load]
    asked: float | None = None
    is_at_most: bool = False
    """The ratio is a cost: the smaller the better."""
    figure: Literal["per_s", "p99_ms", "mib"] = "per_s"

    def of(self, load: Load) -> float:
        """The figure that is compared."""
        return float(getattr(load, self.figure))


@dataclass
class Result:
    """The rounds of one case."""

    case: Case
    limits: list[Load] = field(default_factory=list)
    ours: list[Load] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios; of rates that are a cost, how many times longer ours takes."""
        case = self.case
        pairs = [(case.of(own), case.of(limit)) for own, limit in zip(self.ours, self.limits, strict=True)]
        if case.is_at_most and case.figure == "per_s":
            return median(limit / own for own, limit in pairs)
        return median(own / limit for own, limit in pairs)

    @property
    def is_missed(self) -> bool:
        if self.case.asked is None:
            return False
        return self.ratio > self.case.asked if self.case.is_at_most else self.ratio < self.case.asked

    @property
    def asked(self) -> str:
        asked = self.case.asked
        return "" if asked is None else f"{'≤' if self.case.is_at_most else '≥'} {asked:.2f}"


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
    """The lines to print: each case under its limit."""
    lines = [HEAD]
    for result in results:
        case = result.case
        missed = "  MISSED" if result.is_missed else ""
        lines.append(_line(case.limit_name, case, result.limits, "", ""))
        lines.append(_line(f"  {case.name}", case, result.ours, f"{result.ratio:.3f}", result.asked) + missed)
    return lines


def markdown(results: Sequence[Result]) -> list[str]:
    """The same for the README: one line a case."""
    lines = [MARKDOWN_HEAD]
    for result in results:
        case = result.case
        (limit, _), (own, spread) = _median_and_spread(case, result.limits), _median_and_spread(case, result.ours)
        unit = UNITS[case.figure]
        ratio = f"{result.ratio:.2f}" if not result.is_missed else f"**{result.ratio:.2f}**"
        cells = [case.name, case.limit_name, f"{limit}{unit}", f"{own}{unit} ({spread})", ratio, result.asked]
        lines.append(f"| {' | '.join([*cells, *_times(result.ours)])} |")
    return lines


def _line(name: str, case: Case, loads: Sequence[Load], ratio: str, asked: str) -> str:
    middle, spread = _median_and_spread(case, loads)
    p99, cpu = _times(loads)
    return f"{name:56} {middle:>9} {spread:>17} {ratio:>7} {asked:>7} {p99:>8} {cpu:>8}"


def _median_and_spread(case: Case, loads: Sequence[Load]) -> tuple[str, str]:
    figures = [case.of(load) for load in loads]
    digits = 1 if max(figures) < 100 else 0
    return f"{median(figures):.{digits}f}", f"{min(figures):.{digits}f}..{max(figures):.{digits}f}"


def _times(loads: Sequence[Load]) -> tuple[str, str]:
    p99 = [load.p99_ms for load in loads if load.p99_ms is not None]
    cpu = [load.cpu_us for load in loads if load.cpu_us is not None]
    return f"{median(p99):.1f}" if p99 else "", f"{median(cpu):.0f}" if cpu else ""
