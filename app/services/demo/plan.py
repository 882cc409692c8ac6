"""What will have happened on the demo street: places, visits, findings and what became of them, before any of it is
written. Ages are days before today in Asia/Shanghai, so that the same street exists on every day.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Literal  # JSON of any shape
from uuid import UUID

from app.core.builtin import CatalogueFinding
from app.core.clock import SHANGHAI, business_date
from app.core.ids import uuid7
from app.domain.vocabulary import FailReason, InspectionKind, PhotoRole, PhotoSource, PremisesKind, Severity
from app.services.premises import NewMarket

SEED = 20261124


@cache
def street_data() -> dict[str, Any]:
    """Names, places and sentences of the demo street."""
    text = (files("app") / "data" / "demo" / "street.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@dataclass(frozen=True, slots=True)
class Days:
    """Turns ages into instants."""

    today: date

    def at(self, age: int, minute: float) -> datetime:
        """``minute`` of the day in Shanghai, ``age`` days ago."""
        day = self.today - timedelta(days=age)
        return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC) + timedelta(minutes=minute)

    def age_of(self, instant: datetime) -> int:
        return (self.today - business_date(instant)).days


@dataclass(frozen=True, slots=True)
class Site:
    """A premises of the street; ``community`` is its place in the list of communities."""

    id: UUID
    kind: PremisesKind
    name: str
    community: int
    area_code: str
    address: str
    latitude: float
    longitude: float
    attributes: dict[str, object]
    contacts: tuple[dict[str, str], ...]
    parent: "Site | None" = None
    floor: str | None = None
    compartment: str | None = None
    stall: str | None = None
    market: NewMarket | None = None
    is_registered: bool = True
    """False: an inspector's visit enters it first."""


@dataclass(slots=True)
class Shot:
    """A photo somebody takes; ``number`` is its place among all, in the order they arrive."""

    scene: str
    seed: int
    stage: Literal["before", "after"]
    role: PhotoRole
    taken_at: datetime
    source: PhotoSource = PhotoSource.CAMERA
    arrives: bool = True
    number: int = 0
    id: UUID = field(default_factory=uuid7)


@dataclass(slots=True)
class Visit:
    """An inspection; people are named by their accounts."""

    site: Site
    age: int
    kind: InspectionKind
    by: str
    others: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    received_at: datetime
    photos_at: datetime
    """When the photos have arrived."""
    offset_ms: int | None
    with_checklist: bool
    findings: "list[Finding]" = field(default_factory=list)
    id: UUID = field(default_factory=uuid7)

    @property
    def people(self) -> set[str]:
        return {self.by, *self.others}


@dataclass(slots=True)
class Finding:
    """A hazard found on a visit, and what becomes of it."""

    visit: Visit
    code: CatalogueFinding | None
    category_zh: str
    text: str
    place: str
    seed: int
    found_at: datetime
    closes_by: int | None = None
    """It comes back at the next age: closed by this one."""
    fixed: Literal["no", "system", "reason"] = "no"
    has_interim: bool = False
    is_taken: bool = False
    """Its fate is decided."""
    shots: list[Shot] = field(default_factory=list)
    steps: "list[Step]" = field(default_factory=list)
    id: UUID = field(default_factory=uuid7)

    @property
    def age(self) -> int:
        return self.visit.age

    @property
    def severity(self) -> Severity:
        return Severity(self.code.severity) if self.code is not None else Severity.GENERAL

    @property
    def last_at(self) -> datetime:
        return self.steps[-1].at if self.steps else self.visit.photos_at


class Deed(StrEnum):
    """What somebody does with a hazard after the report."""

    CLAIM = "claim"
    PASS = "pass"  # noqa: S105  the word, not a password
    FAIL = "fail"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    SET_INTERIM = "set_interim"
    DETERMINE_MAJOR = "determine_major"
    DETERMINE_GENERAL = "determine_general"
    ASK_VOID = "ask_void"
    GRANT_VOID = "grant_void"
    REFUSE_VOID = "refuse_void"
    COMMENT = "comment"


@dataclass(slots=True)
class Step:
    """One deed, by an account."""

    at: datetime
    finding: Finding
    deed: Deed
    by: str
    shots: list[Shot] = field(default_factory=list)
    note: str | None = None
    reason: FailReason | None = None
    duplicate_of: Finding | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole street."""

    days: Days
    sites: Sequence[Site]
    visits: Sequence[Visit]

    @property
    def findings(self) -> Iterator[Finding]:
        return (finding for visit in self.visits for finding in visit.findings)


SCENES = {
    "EV": "corridor",
    "EV-002": "door",
    "EV-004": "door",
    "EV-009": "door",
    "FD": "door",
    "FD-003": "shutter",
    "FD-004": "shutter",
    "FD-005": "shutter",
    "FD-006": "panel",
    "WA": "hydrant",
    "SP": "panel",
    "AL": "panel",
    "SM": "panel",
    "LT": "corridor",
    "EX": "extinguisher",
    "FL": "lane",
    "KT": "kitchen",
    "EL": "panel",
    "EB": "bicycle",
    "GA": "kitchen",
    "ST": "store",
    "MU": "store",
    "HW": "site",
    "CS": "site",
    "LS": "site",
    "DU": "site",
}


def scene_of(code: CatalogueFinding | None) -> str:
    """What the photos of such a finding show."""
    if code is None:
        return "corridor"
    if code.paper_type:
        return "sheet"
    return SCENES.get(code.code) or SCENES.get(code.code[:2], "store")
