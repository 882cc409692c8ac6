"""What can become of a finding: the deeds of a close-out, of another round, of a request to void, in their order."""

import random
from datetime import datetime, timedelta

from app.domain.lifecycle import INTERIM_FROM_DAYS
from app.domain.vocabulary import FailReason, PhotoRole, Severity
from app.services.demo.plan import Days, Deed, Finding, Shot, Step, scene_of, street_data
from app.services.demo.visits import inspectors_of

OFFICE, LEADER, DISTRICT = "office1", "leader1", "district1"


class Courses:
    """Writes deeds behind a finding, each later than the one before and by somebody who may."""

    def __init__(self, r: random.Random, days: Days) -> None:
        self._r = r
        self._days = days
        self._words = street_data()

    def add(self, finding: Finding, deed: Deed, by: str, age: int) -> Step:
        """A deed ``age`` days ago in working hours, or an hour after the last one on the same day."""
        step = Step(self._when(finding, age), finding, deed, by)
        finding.steps.append(step)
        return step

    def secure(self, finding: Finding) -> None:
        """Interim measures where they are asked for: with the report, a day later, or not yet."""
        term = finding.code.default_days if finding.code is not None else 7
        if finding.severity is Severity.GENERAL and term <= INTERIM_FROM_DAYS:
            return
        finding.has_interim = self._r.random() < 0.6
        if not finding.has_interim and finding.age > 3 and self._r.random() < 0.6:
            self.add(finding, Deed.SET_INTERIM, OFFICE, finding.age - 1)

    def claim(self, finding: Finding, age: int, by: str | None = None) -> str:
        """整改反馈 by ``by``, else the office on the rectifier's behalf or whoever reported; who it was."""
        claimant = by or (OFFICE if self._r.random() < 0.4 else finding.visit.by)
        step = self.add(finding, Deed.CLAIM, claimant, age)
        is_paper = finding.code is not None and finding.code.paper_type
        self._show(step, "after", PhotoRole.DOCUMENT if is_paper else PhotoRole.AFTER)
        return claimant

    def passes(self, finding: Finding, age: int, by: str) -> None:
        step = self.add(finding, Deed.PASS, by, age)
        self._show(step, "after", PhotoRole.AFTER)

    def fails(self, finding: Finding, age: int, by: str) -> None:
        """With a photo, or with a reason from the list."""
        step = self.add(finding, Deed.FAIL, by, age)
        step.reason = self._r.choice([FailReason.NOT_RECTIFIED, FailReason.PARTLY_RECTIFIED, FailReason.CAME_BACK])
        if self._r.random() < 0.6:
            self._show(step, "before", PhotoRole.BEFORE)

    def await_confirmation(self, finding: Finding, age: int) -> None:
        """Somebody passes his own work, so that a second person must confirm."""
        if finding.fixed == "no" and (finding.age == age or self._r.random() < 0.5):
            claimant = self.claim(finding, age, self.other(finding))
        elif finding.fixed == "no":
            claimant = self.claim(
                finding, self._r.randint(age, max(age, self._days.age_of(finding.last_at))), finding.visit.by
            )
        else:
            claimant = finding.visit.by
        self.passes(finding, age, claimant)

    def another_round(self, finding: Finding, age: int, *, refused: bool) -> None:
        """Claimed fixed, and then re-inspection failed or the close-out refused, ``age`` days ago."""
        if refused:
            self.await_confirmation(finding, age)
            step = self.add(finding, Deed.REFUSE, LEADER, age)
            step.note = self._r.choice(self._words["refuse_notes"])
            return
        claimant = self.claim(finding, age + 1)
        self.fails(finding, age, self.other(finding, claimant))

    def ask_void(self, finding: Finding, age: int) -> Step:
        step = self.add(finding, Deed.ASK_VOID, OFFICE, age)
        step.note = self._words["void_reasons"][2]
        return step

    def void(self, finding: Finding, duplicate_of: Finding | None) -> None:
        """The office asks, the leader grants, within three days."""
        asked = self.ask_void(finding, finding.age - self._r.randint(1, 2))
        asked.note = self._words["void_reasons"][0 if duplicate_of else self._r.randint(1, 2)]
        asked.duplicate_of = duplicate_of
        self.add(finding, Deed.GRANT_VOID, LEADER, max(1, self._days.age_of(asked.at) - 1))

    def comment(self, finding: Finding) -> None:
        """A remark by somebody of the street or the district, at any time since."""
        by = self._r.choice([OFFICE, LEADER, DISTRICT, finding.visit.by])
        age = self._r.randint(1, finding.age)
        earliest = finding.visit.photos_at + timedelta(minutes=20)
        at = max(earliest, self._days.at(age, self._r.uniform(520, 1040)))
        finding.steps.append(Step(at, finding, Deed.COMMENT, by, note=self._r.choice(self._words["comments"])))

    def close(self, finding: Finding, age: int) -> None:
        """Closed ``age`` days ago at the latest, by re-inspection or, for one's own work, by confirmation."""
        since = self._days.age_of(finding.last_at) if finding.steps else finding.age
        room = max(0, since - age)
        took = min(room, self._usual_time(finding))
        done = since - took
        if self._r.random() < 0.1:
            self.await_confirmation(finding, max(done, age + 1) if room else age)
            self.add(finding, Deed.CONFIRM, self._r.choice([LEADER, LEADER, DISTRICT]), age if not room else done)
            return
        claimant = None
        if finding.fixed == "no" and self._r.random() < 0.3:
            claimant = self.claim(finding, since - took * 2 // 3)
        self.passes(finding, done, self.other(finding, claimant))

    def close_suspected(self, finding: Finding, age: int, *, is_major: bool) -> None:
        """With a determination on record; a major one is confirmed by the leader or the district."""
        took = min(finding.age - age - 1, self._usual_time(finding))
        self.determine(finding, finding.age - 1, is_major=is_major)
        claimant = self.claim(finding, finding.age - 1 - took // 2)
        self.passes(finding, finding.age - 1 - took, self.other(finding, claimant))
        if is_major:
            self.add(finding, Deed.CONFIRM, self._r.choice([LEADER, DISTRICT]), max(age, finding.age - 2 - took))

    def determine(self, finding: Finding, age: int, *, is_major: bool) -> None:
        deed = Deed.DETERMINE_MAJOR if is_major else Deed.DETERMINE_GENERAL
        self.add(finding, deed, self._r.choice([LEADER, DISTRICT]), age)

    def other(self, finding: Finding, claimant: str | None = None) -> str:
        """An inspector who covers the place and has had no part in the finding."""
        parties = finding.visit.people | {claimant, *(step.by for step in finding.steps)}
        return self._r.choice(
            [name for name in inspectors_of(finding.visit.site) if name not in parties] or ["officer1"]
        )

    def _usual_time(self, finding: Finding) -> int:
        """Days: most in time, one in seven late."""
        term = finding.code.default_days if finding.code is not None else 7
        if self._r.random() < 0.14:
            return term + self._r.randint(1, 6)
        return max(1, round(term * self._r.uniform(0.4, 1.0)))

    def _when(self, finding: Finding, age: int) -> datetime:
        last = finding.last_at
        if self._days.age_of(last) <= age:
            return last + timedelta(minutes=self._r.uniform(35, 50))
        return self._days.at(age, self._r.uniform(520, 1050))

    def _show(self, step: Step, stage: str, role: PhotoRole) -> None:
        taken_at = step.at - timedelta(minutes=self._r.uniform(6, 12))
        is_after = stage == "after"
        finding = step.finding
        step.shots.append(Shot(scene_of(finding.code), finding.seed, "after" if is_after else "before", role, taken_at))
