"""What the service itself keeps: the working calendar, number blocks, receipt keys."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.models.types import Id, UtcDateTime


class CalendarNotice(SQLModel, table=True):
    """A year's notice of holidays and make-up workdays (调休); the highest version of a year counts."""

    __tablename__ = "calendar_notice"

    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    year: int = Field(index=True)
    source: str = Field(max_length=200)
    imported_at: datetime = Field(sa_type=UtcDateTime)


class CalendarDay(SQLModel, table=True):
    """Whether a day is a workday, by one notice."""

    __tablename__ = "calendar_day"

    version: int = Field(primary_key=True, foreign_key="calendar_notice.version")
    day: date = Field(primary_key=True)
    is_workday: bool


class NumberBlock(SQLModel, table=True):
    """The next human number to hand out, a block at a time. Gaps are allowed, reuse is not."""

    __tablename__ = "number_block"

    kind: str = Field(primary_key=True, max_length=2)  # YH, JC
    street_code: str = Field(primary_key=True, max_length=9)
    year: int = Field(primary_key=True)
    next: int


class ReceiptKey(SQLModel, table=True):
    """An Ed25519 key that signs receipts; the private half is wrapped by the secret key."""

    __tablename__ = "receipt_key"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    public_key: str = Field(max_length=64)  # base64, 32 bytes
    wrapped_private_key: str = Field(max_length=200)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_to: datetime | None = Field(default=None, sa_type=UtcDateTime)
    signed_by_id: UUID | None = Field(default=None, sa_type=Id)
    signature: str | None = Field(default=None, max_length=100)  # of the public key, by the key before
