"""A visit on the wire. Source: contract.md, «Submission»."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.fields import Day, DeviceInstant, Instant, Sha256
from app.api.hazard_schemas import LocationIn, OffsetMs, PhotoIds, PremisesRef
from app.domain.vocabulary import (
    AnswerResult,
    FailReason,
    InspectionKind,
    PhotoRole,
    PhotoSource,
    PremisesKind,
    Severity,
    Status,
)
from app.services.inspections.submission import (
    HazardReport,
    ItemAnswer,
    NewPremises,
    PhotoDeclaration,
    Recheck,
    Submission,
)

MAX_PHOTO_BYTES = 20 * 1024 * 1024


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewPremisesIn(_In):
    """A place that is not in the register yet; kept as unregistered for the office."""

    id: UUID
    name: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=120)]
    kind: PremisesKind
    area_id: UUID
    address: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=200)]


class ChecklistRef(_In):
    """Which checklist was used, in which version."""

    code: Annotated[str, Field(max_length=40)]
    version: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class AnswerIn(_In):
    """The answer to one item; ``not_checked`` needs a reason."""

    item_no: Annotated[int, Field(strict=True, ge=1, le=1000)]
    result: AnswerResult
    reason: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=500)] | None = None
    photo_ids: PhotoIds = []

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.result is AnswerResult.NOT_CHECKED and self.reason is None:
            raise ValueError("not_checked needs a reason")
        return self


class HazardIn(_In):
    """A danger found on the visit. Without ``finding_code``: text, category_zh and severity."""

    id: UUID
    finding_code: Annotated[str, Field(max_length=10)] | None = None
    text: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=500)] | None = None
    category_zh: Annotated[str, Field(max_length=20)] | None = None
    severity: Severity | None = None
    place: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=200)] | None = None
    found_at: DeviceInstant
    due_on: Day | None = Field(default=None, description="only earlier than the policy's date")
    due_reason: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=200)] | None = None
    fixed_on_site: Annotated[bool, Field(strict=True)] = False
    on_site_reason: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=200)] | None = None
    interim_measures: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=500)] | None = None
    responsible_party: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=120)] | None = None
    photo_ids: PhotoIds = []


class RecheckIn(_In):
    """A re-inspection done on the same visit."""

    action_id: UUID
    hazard_id: UUID
    base_round: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    result: Literal["pass", "fail"]
    reason_code: FailReason | None = None
    note: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=2000)] | None = None
    photo_ids: PhotoIds = []


class PhotoIn(_In):
    """A photo whose bytes come through ``POST /photos``."""

    id: UUID
    sha256: Sha256
    bytes: Annotated[int, Field(strict=True, ge=1, le=MAX_PHOTO_BYTES)]
    role: PhotoRole
    taken_at: DeviceInstant
    source: PhotoSource


class InspectionIn(_In):
    """A visit with its findings, accepted as a whole or not at all."""

    premises_id: UUID | None = None
    premises: NewPremisesIn | None = None
    kind: InspectionKind
    inspector_ids: Annotated[list[UUID], Field(max_length=20)] = []
    started_at: DeviceInstant
    ended_at: DeviceInstant
    offset_ms: OffsetMs | None = Field(default=None, description="server time minus device time, as measured")
    device_seq: Annotated[int, Field(strict=True, ge=0, le=2**53)] | None = Field(
        default=None, description="per-device counter"
    )
    location: LocationIn | None = None
    checklist: ChecklistRef | None = None
    answers: Annotated[list[AnswerIn], Field(max_length=200)] = []
    hazards: Annotated[list[HazardIn], Field(max_length=100)] = []
    rechecks: Annotated[list[RecheckIn], Field(max_length=100)] = []
    photos: Annotated[list[PhotoIn], Field(max_length=300)] = []
    note: Annotated[str, Field(min_length=1, pattern=r"\S", max_length=2000)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.premises_id is None) == (self.premises is None):
            raise ValueError("name premises_id or premises, not both")
        return self

    def as_submission(self, inspection_id: UUID, request_hash: str, content_hash: str) -> Submission:
        """The visit as the services take it."""
        return Submission(
            id=inspection_id,
            request_hash=request_hash,
            content_hash=content_hash,
            premises_id=self.premises_id,
            premises=NewPremises(**dict(self.premises)) if self.premises else None,
            kind=self.kind,
            inspector_ids=tuple(self.inspector_ids),
            started_at=self.started_at,
            ended_at=self.ended_at,
            offset_ms=self.offset_ms,
            device_seq=self.device_seq,
            location=self.location.as_place() if self.location else None,
            checklist=(self.checklist.code, self.checklist.version) if self.checklist else None,
            answers=tuple(
                ItemAnswer(answer.item_no, answer.result, answer.reason, tuple(answer.photo_ids))
                for answer in self.answers
            ),
            hazards=tuple(
                HazardReport(**(dict(hazard) | {"photo_ids": tuple(hazard.photo_ids)})) for hazard in self.hazards
            ),
            rechecks=tuple(_recheck(recheck) for recheck in self.rechecks),
            photos=tuple(PhotoDeclaration(**dict(photo)) for photo in self.photos),
            note=self.note,
        )


def _recheck(recheck: RecheckIn) -> Recheck:
    return Recheck(
        action_id=recheck.action_id,
        hazard_id=recheck.hazard_id,
        base_round=recheck.base_round,
        passed=recheck.result == "pass",
        reason_code=recheck.reason_code,
        note=recheck.note,
        photo_ids=tuple(recheck.photo_ids),
    )


class AcceptedHazard(BaseModel):
    """A hazard as it was registered."""

    id: UUID
    number: str
    version: int
    status: Status
    due_on: date | None
    due_on_provisional: bool


class RecheckProblem(BaseModel):
    """Why a recheck was refused; it was not stored."""

    code: str
    title: str
    detail: str
    retryable: bool


class RecheckOutcome(BaseModel):
    """What became of one recheck."""

    action_id: UUID
    outcome: Literal["accepted", "refused"]
    problem: RecheckProblem | None


class Receipt(BaseModel):
    """The office's signature over what it accepted."""

    key_id: UUID
    signed: str = Field(description="canonical JSON text of id, content_sha256, photo_sha256 and received_at")
    signature: str = Field(description="Ed25519 over signed, base64; keys at /receipt-keys")


class SubmissionAnswerRead(BaseModel):
    """What was accepted; nothing in it changes later."""

    id: UUID
    number: str
    received_at: Instant
    hazards: list[AcceptedHazard]
    rechecks: list[RecheckOutcome]
    receipt: Receipt
    upload_grant: str = Field(description="delivers the declared photos as X-Upload-Grant, without signing in")


class AnswerRead(BaseModel):
    """The answer to one item."""

    item_no: int
    result: AnswerResult
    reason: str | None
    photo_ids: list[UUID]


class HazardRef(BaseModel):
    """A hazard reported on the visit, as it stands now."""

    id: UUID
    number: str
    status: Status
    severity: Severity
    text: str


class InspectionPhotoRead(BaseModel):
    """A photo that the visit declared."""

    id: UUID
    sha256: str
    bytes: int
    role: PhotoRole
    source: PhotoSource
    taken_at: Instant
    is_stored: bool


class InspectionListed(BaseModel):
    """A visit in a list."""

    id: UUID
    number: str
    version: int
    kind: InspectionKind
    premises: PremisesRef
    area_id: UUID
    reporter_id: UUID
    started_at: Instant
    ended_at: Instant
    received_at: Instant
    clock_suspect: bool
    hazard_count: int


class InspectionPage(BaseModel):
    """A page of visits, the latest received first."""

    items: list[InspectionListed]
    next_cursor: str | None


class InspectionRead(InspectionListed):
    """A visit as it was sent, and what of it has not arrived."""

    inspector_ids: list[UUID]
    stated_started_at: Instant = Field(description="by the device's own clock, as it was sent")
    stated_ended_at: Instant
    offset_ms: int | None
    device_seq: int | None
    checklist: ChecklistRef | None
    note: str | None
    answers: list[AnswerRead]
    hazards: list[HazardRef]
    photos: list[InspectionPhotoRead]
    missing_photos: list[UUID] = Field(description="declared photos whose bytes have not come")
