"""A danger that was seen (隐患), its history, and what was asked about it."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, TextClause, text
from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.domain.vocabulary import CHASED, CloseReason, PhotoRole, Severity, Status
from app.models.types import AREA_PATH, BIG, JSON_TEXT, Id, UtcDateTime, text_enum


def _has_status(statuses: Collection[Status]) -> TextClause:
    return text("status IN ({})".format(", ".join(f"'{status.value}'" for status in sorted(statuses))))


_IS_CHASED = _has_status(CHASED)
_IS_ASIDE = _has_status(set(Status) - CHASED - {Status.CLOSED})
_IS_SEVERE = text("severity <> 'general'")
_IS_UNDATED = text("due_on IS NULL")


class Hazard(SQLModel, table=True):
    """A danger that was seen, from report to close-out. One row, never deleted.

    Only ``services.hazards`` writes ``status``. ``version`` rises with everything that changes what
    others read, and is the ETag. Overdue is not stored: it is ``due_on`` against today in Asia/Shanghai.
    People and areas are never deleted, so the columns that only remember one carry no foreign key.
    """

    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint(
            "(status = 'closed') = (close_reason IS NOT NULL)",
            name="closed_with_reason",
        ),
        Index("ix_hazard_found", "found_at", "id"),
        Index("ix_hazard_due", "due_on", "id"),
        Index("ix_hazard_undated", "id", postgresql_where=_IS_UNDATED, sqlite_where=_IS_UNDATED),
        Index("ix_hazard_counted", "area_path", "status", "severity", "due_on", "area_id", "category_zh"),
        Index("ix_hazard_severe", "severity", "due_on", "id", postgresql_where=_IS_SEVERE, sqlite_where=_IS_SEVERE),
        Index("ix_hazard_aside", "status", "id", postgresql_where=_IS_ASIDE, sqlite_where=_IS_ASIDE),
        Index(
            "ix_hazard_chased_due",
            "due_on",
            "id",
            postgresql_where=_IS_CHASED,
            sqlite_where=_IS_CHASED,
        ),
        Index(
            "ix_hazard_chased_counted",
            *("area_path", "due_on", "status", "severity", "area_id", "category_zh"),
            postgresql_where=_IS_CHASED,
            sqlite_where=_IS_CHASED,
        ),
        Index("ix_hazard_place_code", "premises_id", "finding_code"),
        Index(
            "ix_hazard_relapse_of",
            "relapse_of",
            postgresql_where=text("relapse_of IS NOT NULL"),
            sqlite_where=text("relapse_of IS NOT NULL"),
        ),
        Index(
            "ix_hazard_duplicate_of",
            "duplicate_of",
            postgresql_where=text("duplicate_of IS NOT NULL"),
            sqlite_where=text("duplicate_of IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True, sa_type=Id)  # made by the phone, so a retry cannot double it
    number: str = Field(max_length=40, unique=True)
    version: int = 1
    status: Status = Field(sa_type=text_enum(Status, "status"))
    close_reason: CloseReason | None = Field(default=None, sa_type=text_enum(CloseReason, "close_reason"))
    severity: Severity = Field(sa_type=text_enum(Severity, "severity"))
    source: str = Field(default="inspection", max_length=20)
    source_ref: str | None = Field(default=None, max_length=100)
    inspection_id: UUID = Field(foreign_key="inspection.id", index=True, sa_type=Id)
    premises_id: UUID = Field(foreign_key="premises.id", sa_type=Id)
    area_id: UUID = Field(sa_type=Id)
    area_path: str = Field(sa_type=AREA_PATH)
    finding_code: str | None = Field(default=None, max_length=10)
    category_zh: str = Field(max_length=20)
    immediate_fix: bool = False
    paper_type: bool = False
    text: str = Field(max_length=500)
    place: str | None = Field(default=None, max_length=200)
    responsible_party: str | None = Field(default=None, max_length=120)
    interim_measures: str | None = Field(default=None, max_length=500)
    fixed_on_site: bool = False
    on_site_reason: str | None = Field(default=None, max_length=200)

    reporter_id: UUID = Field(sa_type=Id)
    reporter_ids: list[str] = Field(sa_type=JSON_TEXT)  # the sender and everyone who inspected
    handler_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    claimant_id: UUID | None = Field(default=None, sa_type=Id)  # of this round
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reinspector_id: UUID | None = Field(default=None, sa_type=Id)  # of this round
    reinspected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    determined_by_id: UUID | None = Field(default=None, sa_type=Id)
    determined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    round_began_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # last failed re-inspection or refusal
    last_event_at: datetime = Field(sa_type=UtcDateTime)  # business time

    found_at: datetime = Field(sa_type=UtcDateTime)
    found_on: date
    registered_at: datetime = Field(sa_type=UtcDateTime)
    due_on: date | None
    original_due_on: date | None
    due_unrolled_on: date | None
    due_base_on: date
    due_days: int
    due_counting: str = Field(max_length=10)
    due_on_provisional: bool = False
    due_printed: bool = False
    policy_code: str = Field(max_length=20)
    policy_version: int
    calendar_version: int
    round: int = 1
    extensions: int = 0
    relapse_of: UUID | None = Field(default=None, foreign_key="hazard.id", sa_type=Id)
    duplicate_of: UUID | None = Field(default=None, foreign_key="hazard.id", sa_type=Id)
    evidence_complete: bool = False
    flags: list[str] = Field(default_factory=list, sa_type=JSON_TEXT)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HazardEvent(SQLModel, table=True):
    """One line of a hazard's history; ``id`` is the action's, made by the client."""

    __tablename__ = "hazard_event"

    __table_args__ = (Index("ix_hazard_event_timeline", "hazard_id", "recorded_at", "id"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    hazard_id: UUID = Field(foreign_key="hazard.id", sa_type=Id)
    version: int  # of the hazard after it
    action: str = Field(max_length=40)
    actor_id: UUID | None = Field(default=None, sa_type=Id)  # None: the system
    actor_role: str | None = Field(default=None, max_length=20)
    occurred_at: datetime = Field(sa_type=UtcDateTime)  # business time
    recorded_at: datetime = Field(sa_type=UtcDateTime)  # receipt
    stated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the device's clock
    offset_ms: int | None = Field(default=None, sa_type=BIG)
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    from_status: Status | None = Field(default=None, sa_type=text_enum(Status, "from_status"))
    to_status: Status = Field(sa_type=text_enum(Status, "to_status"))
    round: int
    was_stale: bool = False
    clock_suspect: bool = False
    note: str | None = Field(default=None, max_length=2000)
    detail: dict[str, object] = Field(default_factory=dict, sa_type=JSON_TEXT)  # the action's own fields, old values
    request_hash: str | None = Field(default=None, max_length=64)
    answer: str | None = Field(default=None, sa_type=Text)  # the first answer, word for word


class HazardPhoto(SQLModel, table=True):
    """A photo serving a hazard as evidence, named by a report or an action."""

    __tablename__ = "hazard_photo"

    hazard_id: UUID = Field(primary_key=True, foreign_key="hazard.id", sa_type=Id)
    photo_id: UUID = Field(primary_key=True, foreign_key="photo.id", index=True, sa_type=Id)
    event_id: UUID = Field(foreign_key="hazard_event.id", index=True, sa_type=Id)
    role: PhotoRole = Field(sa_type=text_enum(PhotoRole, "role"))
    position: int


class VoidRequest(SQLModel, table=True):
    """A pending or decided request to void (作废); ``id`` is the asking action's."""

    __tablename__ = "void_request"

    __table_args__ = (
        Index(
            "uq_void_request_pending",
            "hazard_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
    )

    id: UUID = Field(primary_key=True, sa_type=Id)
    hazard_id: UUID = Field(foreign_key="hazard.id", index=True, sa_type=Id)
    asked_by_id: UUID = Field(sa_type=Id)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(max_length=500)
    duplicate_of: UUID | None = Field(default=None, sa_type=Id)
    state: str = Field(default="pending", max_length=12)  # pending, granted, refused, withdrawn, lapsed
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
