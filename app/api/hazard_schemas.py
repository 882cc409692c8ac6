"""Hazards on the wire: the read shape and the bodies of the actions. Source: contract.md, «Hazards»."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Received
from app.api.fields import DeviceInstant, Instant, Latitude, Longitude
from app.domain.lifecycle import Action
from app.domain.vocabulary import (
    CloseReason,
    FailReason,
    Flag,
    PhotoRole,
    PremisesKind,
    Severity,
    Status,
)
from app.services.hazards.turn import Place, Stamp

MAX_OFFSET_MS = 100 * 365 * 86_400_000
"""A device's clock may be a century off."""
OffsetMs = Annotated[
    int, Field(strict=True, ge=-MAX_OFFSET_MS, le=MAX_OFFSET_MS, description="server time minus device time")
]
PhotoIds = Annotated[list[UUID], Field(max_length=50)]


class PremisesRef(BaseModel):
    """Where the hazard is."""

    id: UUID
    name: str
    kind: PremisesKind


class DueBasis(BaseModel):
    """How the due date was derived."""

    policy_code: str
    policy_version: int
    counting: Literal["calendar", "working"]
    days: int
    base_on: date = Field(description="the day from which the days are counted; it does not count itself")
    unrolled_on: date | None = Field(description="before it moved to a working day")
    calendar_version: int
    printed: bool


class HazardPhotoRead(BaseModel):
    """A photo that serves as evidence."""

    id: UUID
    role: PhotoRole
    thumbnail_ready: bool


class HazardRead(BaseModel):
    """A hazard as the signed-in person sees it today."""

    id: UUID
    number: str
    version: int
    status: Status
    close_reason: CloseReason | None
    severity: Severity
    source: str
    source_ref: str | None
    finding_code: str | None
    category_zh: str
    text: str
    place: str | None
    premises: PremisesRef
    area_id: UUID
    inspection_id: UUID
    reporter_id: UUID
    handler_id: UUID
    responsible_party: str | None
    found_at: Instant
    found_on: date = Field(description="the day of found_at in Asia/Shanghai")
    registered_at: Instant
    due_on: date | None = Field(description="ends at 24:00 in Asia/Shanghai")
    original_due_on: date | None
    due_on_provisional: bool
    due_basis: DueBasis
    round: int
    extensions: int
    interim_measures: str | None
    fixed_on_site: bool
    relapse_of: UUID | None
    duplicate_of: UUID | None
    evidence_complete: bool
    flags: list[Flag]
    closed_at: Instant | None
    photos: list[HazardPhotoRead]
    days_overdue: int = Field(description="days since due_on ended, for chased statuses; else 0")
    days_overdue_original: int = Field(description="the same against original_due_on")
    allowed_actions: list[Action] = Field(description="what the reader may do now")


class HazardPage(BaseModel):
    """A page of hazards."""

    items: list[HazardRead]
    next_cursor: str | None


class ActionAnswerRead(BaseModel):
    """What an action led to; the same request again gets the same answer."""

    event_id: UUID
    hazard: HazardRead


class OverdueCounts(BaseModel):
    """Overdue hazards, by how many days."""

    d1_7: int
    d8_15: int
    d16_30: int
    d31_plus: int


class Overdue(BaseModel):
    """How many are overdue, and for how long."""

    count: int
    buckets: OverdueCounts


class HazardSummaryRead(BaseModel):
    """Counts over the hazards that the same filters list."""

    as_of: date
    total: int
    by_status: dict[Status, int]
    by_severity: dict[Severity, int]
    by_area: dict[UUID, int] = Field(description="by the id of the area the hazard lies in")
    overdue: Overdue


class ActorRead(BaseModel):
    """Who did it."""

    id: UUID
    name: str
    role: str | None


class EventRead(BaseModel):
    """One line of a hazard's history."""

    id: UUID
    version: int
    action: Action
    actor: ActorRead | None = Field(description="null: the system itself")
    occurred_at: Instant = Field(description="business time")
    recorded_at: Instant = Field(description="receipt by the server")
    stated_at: Instant | None = Field(description="the device's own clock")
    from_status: Status | None
    to_status: Status
    round: int
    was_stale: bool
    clock_suspect: bool
    note: str | None
    detail: dict[str, object]
    photo_ids: list[UUID]


class EventPage(BaseModel):
    """A page of a hazard's history, oldest first."""

    items: list[EventRead]
    next_cursor: str | None


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LocationIn(_In):
    """Where the device was (WGS-84)."""

    lat: Latitude
    lng: Longitude
    accuracy_m: Annotated[float, Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False)] | None = None

    def as_place(self) -> Place:
        return Place(self.lat, self.lng, self.accuracy_m)


class Envelope(_In):
    """What every action carries."""

    id: UUID = Field(description="made by the client; becomes the event's id")
    base_version: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="the version the client saw; decisions need it"
    )
    at: DeviceInstant = Field(description="by the device's clock")
    offset_ms: OffsetMs | None = Field(default=None, description="server time minus device time, as measured")
    location: LocationIn | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    photo_ids: PhotoIds = []

    def stamp(self, received: Received) -> Stamp:
        """The envelope as the services take it."""
        return Stamp(
            action_id=self.id,
            request_hash=received.request_hash,
            received_at=received.at,
            at=self.at,
            base_version=self.base_version,
            offset_ms=self.offset_ms,
            place=self.location.as_place() if self.location else None,
            note=self.note,
            photo_ids=tuple(self.photo_ids),
            base_round=getattr(self, "base_round", None),
        )


BaseRound = Annotated[int, Field(strict=True, ge=1, le=10_000, description="the round the client saw")]


class Rectification(Envelope):
    """Said to be fixed."""

    base_round: BaseRound


class Reinspection(Envelope):
    """Somebody looked."""

    base_round: BaseRound
    result: Literal["pass", "fail"]
    reason_code: FailReason | None = None


class Confirmation(Envelope):
    """A second person decides on the close-out."""

    decision: Literal["confirm", "refuse"]


class InterimMeasures(Envelope):
    """What keeps people safe until it is rectified."""

    measures: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=500)]


ShortTexts = Annotated[list[Annotated[str, Field(min_length=1, pattern=r"\S", max_length=200)]], Field(max_length=50)]


class DeterminationIn(Envelope):
    """A person's judgement whether the hazard is major."""

    verdict: Literal["major", "general"]
    standard: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=100)]
    edition: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=40)]
    clauses: ShortTexts = []
    facts_used: Annotated[ShortTexts, Field(min_length=1)]
    facts_missing: ShortTexts = []
    members: Annotated[ShortTexts, Field(min_length=1, description="who decided")]


class VoidIn(Envelope):
    """Asks that an entry made by mistake be voided."""

    reason: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=500)]
    duplicate_of: UUID | None = None


class VoidDecision(Envelope):
    """Grants or refuses it."""

    decision: Literal["grant", "refuse"]


class Comment(Envelope):
    """A remark."""

    note: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=2000)]
    photo_ids: Annotated[list[UUID], Field(max_length=0)] = []
