"""Which finding is where today: exactly so many open, late, waiting, voided, on every day of the year.

Due dates are computed by the rules themselves with the calendar in force, and findings are chosen by them.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from uuid import UUID

from app.domain.calendar import WorkCalendar
from app.domain.deadlines import DueDate, days_overdue, first_due, renewed_due
from app.domain.vocabulary import PhotoRole, Severity, Status
from app.services.demo.courses import LEADER, OFFICE, Courses
from app.services.demo.plan import Days, Deed, Finding, Plan, Shot, scene_of
from app.services.hazards.due import term_of

BUCKETS = ((1, 7), (8, 15), (16, 30), (31, 400))
"""Days overdue, as the summary counts them."""
OVERDUE = {
    Status.RECTIFYING: (15, 12, 11, 8),
    Status.AWAITING_REINSPECTION: (8, 6, 6, 4),
    Status.AWAITING_CONFIRMATION: (6, 5, 5, 4),
}
"""Ninety in all, by bucket; suspected ones among them."""
SECOND_ROUND_OVERDUE = 2
"""In each bucket, of those still rectifying."""
IN_TIME = {Status.RECTIFYING: 24, Status.AWAITING_REINSPECTION: 10, Status.AWAITING_CONFIRMATION: 6}
"""Beside the suspected ones."""
VOIDED, DUPLICATES = 24, 12
CLAIMED_ON_SITE = 36
FAILED, FAILED_TWICE, REFUSED, VOID_REFUSED, VOID_WITHDRAWN = 48, 8, 14, 4, 3
"""Of those closed in the end."""
VOID_PENDING, PHOTO_MISSING, COMMENTED = 6, 16, 60
SUSPECTED_OPEN = (
    *((Status.RECTIFYING, verdict) for verdict in ("major",) * 5 + (None,) * 7),
    *((Status.AWAITING_REINSPECTION, verdict) for verdict in ("major", None, None)),
    *((Status.AWAITING_CONFIRMATION, verdict) for verdict in ("major", "major", "general", "general", None)),
)
SUSPECTED_CLOSED_MAJOR = 6


class TooFewFindings(Exception):
    """The plan holds fewer findings of some kind than are wanted."""


class Fates:
    """Decides the fate of every finding of a plan, once."""

    def __init__(self, r: random.Random, plan: Plan, calendar: WorkCalendar) -> None:
        self._r = r
        self._plan = plan
        self._days: Days = plan.days
        self._calendar = calendar
        self._courses = Courses(r, plan.days)
        findings = list(plan.findings)
        self._pool = r.sample(findings, len(findings))
        self._late = {status: list(counts) for status, counts in OVERDUE.items()}
        self._open: list[Finding] = []
        self._due: dict[UUID, DueDate] = {}

    def decide(self) -> None:
        self._decide_suspected()
        self._fix_on_site()
        self._leave_in_time()
        self._leave_overdue()
        self._void()
        self._close_the_rest()
        self._lose_photos()
        for finding in self._r.sample(self._pool, COMMENTED):
            self._courses.comment(finding)

    def _decide_suspected(self) -> None:
        """Those with the most time left are open."""
        found = [finding for finding in self._pool if finding.severity is not Severity.GENERAL]
        found.sort(key=lambda finding: (self._age_at_due(finding), finding.seed))
        still_open, closed = found[: len(SUSPECTED_OPEN)], found[len(SUSPECTED_OPEN) :]
        for finding, (status, verdict) in zip(still_open, self._r.sample(SUSPECTED_OPEN, len(still_open)), strict=True):
            finding.is_taken = True
            self._courses.secure(finding)
            if verdict is not None:
                self._courses.determine(finding, max(1, finding.age - 1), is_major=verdict == "major")
            self._leave(finding, status)
            if (late := self._bucket(self._first_due(finding))) is not None:
                self._late[status][late] -= 1
        for place, finding in enumerate(closed):
            finding.is_taken = True
            self._courses.secure(finding)
            self._courses.close_suspected(finding, 1, is_major=place < SUSPECTED_CLOSED_MAJOR)

    def _fix_on_site(self) -> None:
        """Half of what can be fixed at once is, above all of the last two days; some others with a reason."""
        fixable = [
            finding
            for finding in self._pool
            if not finding.is_taken and finding.code is not None and finding.code.immediate_fix
        ]
        fixable.sort(key=lambda finding: finding.age > 2)
        for finding in fixable[: len(fixable) // 2]:
            finding.is_taken, finding.fixed = True, "system"
        chosen = [finding for finding in self._pool if not finding.is_taken and self._can_be_fixed_with_reason(finding)]
        for finding in chosen[:CLAIMED_ON_SITE]:
            finding.fixed = "reason"
        for finding in self._pool:
            if finding.fixed != "no":
                taken_at = finding.shots[0].taken_at + timedelta(minutes=self._r.uniform(2, 9))
                shot = Shot(scene_of(finding.code), finding.seed, "after", PhotoRole.AFTER, taken_at)
                finding.shots.append(shot)

    def _can_be_fixed_with_reason(self, finding: Finding) -> bool:
        code = finding.code
        return code is not None and not code.immediate_fix and not code.paper_type and code.default_days <= 5

    def _leave_in_time(self) -> None:
        for status, count in IN_TIME.items():
            for finding in self._take(count, lambda f, s=status: self._fits(f, s, None)):  # type: ignore[misc]
                self._courses.secure(finding)
                self._leave(finding, status)
        again = [f for f in self._open if f.age > 4 and not f.steps and f.severity is Severity.GENERAL and f.code]
        for place, finding in enumerate(again[:4]):
            self._courses.another_round(finding, self._r.randint(1, finding.age - 2), refused=place % 2 == 1)

    def _leave_overdue(self) -> None:
        for bucket in range(len(BUCKETS)):
            for place in range(SECOND_ROUND_OVERDUE):
                finding = self._take(1, lambda f, b=bucket: self._round_ends(f, b) is not None)[0]  # type: ignore[misc]
                age = self._round_ends(finding, bucket)
                assert age is not None  # noqa: S101  chosen by it
                self._courses.another_round(finding, age, refused=place == 1)
                self._open.append(finding)
                self._late[Status.RECTIFYING][bucket] -= 1
            for status, counts in self._late.items():
                for finding in self._take(counts[bucket], lambda f, s=status, b=bucket: self._fits(f, s, b)):  # type: ignore[misc]
                    self._courses.secure(finding)
                    self._leave(finding, status)

    def _leave(self, finding: Finding, status: Status) -> None:
        """Bring it to ``status``, where it stays."""
        self._open.append(finding)
        latest = self._days.age_of(finding.last_at)
        age = self._r.randint(1, max(1, latest - 1))
        if status is Status.AWAITING_REINSPECTION and finding.fixed == "no":
            self._courses.claim(finding, age)
        if status is Status.AWAITING_CONFIRMATION:
            self._courses.await_confirmation(finding, age)

    def _void(self) -> None:
        for place, finding in enumerate(self._take(VOIDED, lambda f: f.age > 4 and f.closes_by is None)):
            others = [other for other in finding.visit.findings if not other.is_taken]
            self._courses.void(finding, others[0] if others and place < DUPLICATES * 2 else None)
            for other in others[:1]:
                other.is_taken = True
                self._close(other)

    def _close_the_rest(self) -> None:
        rest = [finding for finding in self._pool if not finding.is_taken]
        roomy = [finding for finding in rest if finding.fixed == "no" and self._room(finding) >= 14]
        for place, finding in enumerate(roomy[: FAILED + REFUSED + VOID_REFUSED + VOID_WITHDRAWN]):
            age = finding.age - self._r.randint(3, 5)
            if place < FAILED + REFUSED:
                self._courses.another_round(finding, age, refused=place >= FAILED)
                if place < FAILED_TWICE:
                    self._courses.another_round(finding, age - 4, refused=False)
            else:
                self._courses.ask_void(finding, age)
                if place < FAILED + REFUSED + VOID_REFUSED:
                    self._courses.add(finding, Deed.REFUSE_VOID, LEADER, age - 1)
                self._courses.claim(finding, age - 2, OFFICE)
                self._courses.passes(finding, age - 3, self._courses.other(finding))
                finding.is_taken = True
        for finding in rest:
            if not finding.is_taken:
                finding.is_taken = True
                self._close(finding)

    def _close(self, finding: Finding) -> None:
        if not finding.steps and finding.fixed == "no":
            self._courses.secure(finding)
        self._courses.close(finding, finding.closes_by or 1)

    def _lose_photos(self) -> None:
        """Some photos are still on the phone; a few requests to void wait for their decision."""
        waiting = [f for f in self._open if not f.steps and f.fixed == "no" and f.severity is Severity.GENERAL]
        for finding in sorted(waiting, key=lambda f: f.age)[:PHOTO_MISSING]:
            finding.shots[-1].arrives = False
        for finding in self._r.sample(waiting, VOID_PENDING):
            self._courses.ask_void(finding, 1)

    def _take(self, count: int, fits: Callable[[Finding], bool]) -> list[Finding]:
        fitting = (finding for finding in self._pool if not finding.is_taken and fits(finding))
        chosen = list(islice(fitting, count))
        if len(chosen) < count:
            raise TooFewFindings(f"{len(chosen)} of {count} wanted on {self._days.today}")
        for finding in chosen:
            finding.is_taken = True
        return chosen

    def _fits(self, finding: Finding, status: Status, bucket: int | None) -> bool:
        """Open in this status it would be late by ``bucket``; None: not late."""
        if finding.closes_by is not None or (finding.fixed == "reason" and status is Status.RECTIFYING):
            return False
        return self._bucket(self._first_due(finding)) == bucket

    def _round_ends(self, finding: Finding, bucket: int) -> int | None:
        """When the first round must have ended for the second to be late by ``bucket``; None: never."""
        if finding.closes_by is not None or finding.fixed != "no" or finding.age < 6 or finding.code is None:
            return None
        term = term_of(finding.code.code, finding.category_zh, finding.severity, self._found_on(finding))
        current = self._first_due(finding)
        first, last = BUCKETS[bucket]
        for age in range(min(finding.age - 2, last + term.days), max(1, first + term.days - 1), -1):
            ended_on = self._days.today - timedelta(days=age)
            renewed = renewed_due(current, term, ended_on, self._found_on(finding), finding.severity, self._calendar)
            if renewed is not current and self._bucket(renewed) == bucket:
                return age
        return None

    def _room(self, finding: Finding) -> int:
        return finding.age - (finding.closes_by or 1)

    def _found_on(self, finding: Finding) -> date:
        return self._days.today - timedelta(days=finding.age)

    def _first_due(self, finding: Finding) -> DueDate:
        if finding.id not in self._due:
            self._due[finding.id] = self._compute_due(finding)
        return self._due[finding.id]

    def _compute_due(self, finding: Finding) -> DueDate:
        found_on = self._found_on(finding)
        code = finding.code.code if finding.code is not None else None
        term = term_of(code, finding.category_zh, finding.severity, found_on)
        return first_due(term, found_on, finding.severity, self._calendar)

    def _age_at_due(self, finding: Finding) -> int:
        due_on = self._first_due(finding).due_on
        return 0 if due_on is None else (self._days.today - due_on).days

    def _bucket(self, due: DueDate) -> int | None:
        late = days_overdue(due.due_on, self._days.today)
        return next((place for place, (first, last) in enumerate(BUCKETS) if first <= late <= last), None)
