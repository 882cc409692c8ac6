"""What other people's programs may rely on: the records of the feed. They only grow.

Each describes JSON that the database made in the transaction of the change; nothing here is serialised again.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.api.fields import Instant
from app.domain.vocabulary import (
    AnswerResult,
    CloseReason,
    FeedOp,
    Flag,
    InspectionKind,
    PhotoRole,
    PhotoSource,
    PremisesKind,
    PremisesStatus,
    Severity,
    Status,
)

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PremisesReference(BaseModel):
    """The place, as it was called at that version."""

    id: UUID
    name: str
    kind: PremisesKind


class DueBasis(BaseModel):
    """How ``due_on`` came about."""

    policy_code: str
    policy_version: int
    counting: Literal["calendar", "working"]
    days: int
    base_on: date = Field(description="the day of the order, which does not count")
    unrolled_on: date | None = Field(description="before it was moved to a working day")
    calendar_version: int
    printed: bool = Field(description="whether the date was already on paper")


class Evidence(BaseModel):
    """A photo that serves a hazard; its bytes at ``/photos/{id}/content``."""

    id: UUID
    role: PhotoRole
    sha256: Sha256


class HazardRecord(BaseModel):
    """A hazard at one version. Overdue is not in it: it depends on the day, see ``due_on``."""

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
    premises: PremisesReference
    area_id: UUID
    inspection_id: UUID
    reporter_id: UUID
    handler_id: UUID
    responsible_party: str | None
    found_at: Instant
    found_on: date = Field(description="Asia/Shanghai")
    registered_at: Instant
    due_on: date | None = Field(description="Asia/Shanghai, ends at 24:00; null while the calendar cannot tell")
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
    photos: list[Evidence]


class HazardToday(HazardRecord):
    """The current version, and what depends on today."""

    days_overdue: int = Field(description="whole days since the due date ended in Asia/Shanghai; 0 when not overdue")


class PlaceInside(BaseModel):
    """Where inside its parent."""

    floor: str | None
    compartment: str | None
    stall: str | None


class Coordinates(BaseModel):
    """WGS-84, degrees."""

    lat: float
    lng: float


class Fix(Coordinates):
    """Where the device was."""

    accuracy_m: float | None


class MarketRecord(BaseModel):
    """What a market has besides."""

    operator: str
    floors: int
    floor_area_m2: int | None
    built_year: int | None


class PremisesRecord(BaseModel):
    """A place of the register at one version; without its contacts, since what the feed once said stays said."""

    id: UUID
    version: int
    kind: PremisesKind
    name: str
    area_id: UUID
    address: str
    parent_id: UUID | None
    enterprise_id: UUID | None
    place: PlaceInside
    location: Coordinates | None
    attributes: dict[str, str | int | float | bool | None]
    status: PremisesStatus
    registered_at: Instant
    market: MarketRecord | None


class ChecklistReference(BaseModel):
    code: str
    version: int


class AnswerRecord(BaseModel):
    """The answer to one checklist item."""

    item_no: int
    result: AnswerResult
    reason: str | None
    photo_ids: list[UUID]


class HazardReference(BaseModel):
    id: UUID
    number: str


class PhotoReference(BaseModel):
    id: UUID
    sha256: Sha256
    role: PhotoRole


class InspectionRecord(BaseModel):
    """A visit at one version; its hazards and photos have records of their own."""

    id: UUID
    number: str
    version: int
    premises: PremisesReference
    area_id: UUID
    kind: InspectionKind
    reporter_id: UUID
    inspector_ids: list[UUID]
    started_at: Instant = Field(description="the device's clock, corrected by its measured offset")
    ended_at: Instant
    clock_suspect: bool
    location: Fix | None
    checklist: ChecklistReference | None
    answers: list[AnswerRecord]
    hazards: list[HazardReference]
    photos: list[PhotoReference]
    note: str | None
    received_at: Instant


class ServedHazard(BaseModel):
    id: UUID


class PhotoRecord(BaseModel):
    """A photo named as evidence, at one version; its bytes at ``/photos/{id}/content``."""

    id: UUID
    version: int
    sha256: Sha256
    bytes: int
    role: PhotoRole
    source: PhotoSource
    taken_at: Instant
    inspection_id: UUID | None
    hazards: list[ServedHazard]
    named_at: Instant
    stored_at: Instant | None = Field(description="null: declared, its bytes have not come yet")
    media_type: str | None
    width: int | None
    height: int | None
    readable: bool | None = Field(description="null: not decoded yet")


class Change(BaseModel):
    """One change; ``(id, version)`` tells a repeated one."""

    position: int = Field(description="consecutive over the whole log, in the order of commits")
    commit_last: bool = Field(description="whether this ends what was committed together, as far as you are shown")
    id: UUID
    version: int
    op: FeedOp = Field(description="void: entered by mistake, stays visible; removed_from_scope: no longer yours")
    changed_at: Instant


class HazardChange(Change):
    type: Literal["hazard"]
    data: HazardRecord | None = Field(description="null for removed_from_scope")


class InspectionChange(Change):
    type: Literal["inspection"]
    data: InspectionRecord | None = Field(description="null for removed_from_scope")


class PremisesChange(Change):
    type: Literal["premises"]
    data: PremisesRecord | None = Field(description="null for removed_from_scope")


class PhotoChange(Change):
    type: Literal["photo"]
    data: PhotoRecord | None = Field(description="null for removed_from_scope")


class OtherChange(Change):
    type: Literal["campaign", "supervision"]
    data: dict[str, object] | None = Field(description="null for removed_from_scope")


AnyChange = Annotated[
    HazardChange | InspectionChange | PremisesChange | PhotoChange | OtherChange, Field(discriminator="type")
]


class ChangePage(BaseModel):
    """Changes in the order of commits, and where to go on. It may be empty while ``has_more``."""

    items: list[AnyChange]
    next_cursor: str = Field(description="opaque; store it together with the items, in one transaction")
    has_more: bool = Field(description="false: everything committed before this request has been sent")
    position: int = Field(description="where next_cursor stands")
    running_hash: Sha256 = Field(description="over all positions up to it, as the description of the route says")


class FeedStatus(BaseModel):
    """Where the log stands."""

    log_epoch: UUID = Field(description="another one after a restore: begin again without a cursor")
    position: int
    running_hash: Sha256
    now: Instant
