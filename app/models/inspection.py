"""A visit (检查) and what was asked and answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import AnswerResult, InspectionKind
from app.models.types import AREA_PATH, BIG, JSON_TEXT, Id, UtcDateTime, text_enum


class Inspection(SQLModel, table=True):
    """One submission of a visit, as the phone sent it, with the answer it got."""

    __table_args__ = (Index("ix_inspection_keyset", "area_path", "received_at", "id"),)

    id: UUID = Field(primary_key=True, sa_type=Id)  # made by the phone
    number: str = Field(max_length=40, unique=True)
    version: int = 1
    premises_id: UUID = Field(foreign_key="premises.id", index=True, sa_type=Id)
    area_id: UUID = Field(sa_type=Id)  # of the premises at the visit
    area_path: str = Field(sa_type=AREA_PATH)
    kind: InspectionKind = Field(sa_type=text_enum(InspectionKind, "kind"))
    reporter_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    inspector_ids: list[str] = Field(sa_type=JSON_TEXT)
    started_at: datetime = Field(sa_type=UtcDateTime)  # device time + offset
    ended_at: datetime = Field(sa_type=UtcDateTime)
    stated_started_at: datetime = Field(sa_type=UtcDateTime)  # the device's own clock
    stated_ended_at: datetime = Field(sa_type=UtcDateTime)
    offset_ms: int | None = Field(default=None, sa_type=BIG)
    device_seq: int | None = Field(default=None, sa_type=BIG)
    clock_suspect: bool = False
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    checklist_code: str | None = Field(default=None, max_length=40)
    checklist_version: int | None = None
    note: str | None = Field(default=None, max_length=2000)
    received_at: datetime = Field(sa_type=UtcDateTime)
    request_hash: str = Field(max_length=64)
    content_hash: str = Field(max_length=64)
    answer: str = Field(sa_type=Text)  # the first answer, word for word


class Answer(SQLModel, table=True):
    """The answer to one checklist item."""

    inspection_id: UUID = Field(primary_key=True, foreign_key="inspection.id", sa_type=Id)
    item_no: int = Field(primary_key=True)
    result: AnswerResult = Field(sa_type=text_enum(AnswerResult, "result"))
    reason: str | None = Field(default=None, max_length=500)
    photo_ids: list[str] = Field(sa_type=JSON_TEXT)
