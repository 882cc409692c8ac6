"""What is under supervision: premises, and markets among them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.domain.vocabulary import PremisesKind, PremisesStatus
from app.models.types import AREA_PATH, JSON_TEXT, Id, UtcDateTime, text_enum


class Premises(SQLModel, table=True):
    """A place (场所) with its own record; a stall is a premises with a market as its parent."""

    __table_args__ = (Index("ix_premises_keyset", "area_path", "id"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    kind: PremisesKind = Field(sa_type=text_enum(PremisesKind, "kind"))
    name: str = Field(max_length=120)
    area_id: UUID = Field(foreign_key="area.id", index=True, sa_type=Id)
    area_path: str = Field(sa_type=AREA_PATH)
    address: str = Field(max_length=200)
    parent_id: UUID | None = Field(default=None, foreign_key="premises.id", index=True, sa_type=Id)
    enterprise_id: UUID | None = Field(default=None, sa_type=Id)
    floor: str | None = Field(default=None, max_length=20)
    compartment: str | None = Field(default=None, max_length=40)
    stall: str | None = Field(default=None, max_length=40)
    latitude: float | None = None  # WGS-84, degrees
    longitude: float | None = None
    attributes: dict[str, object] = Field(default_factory=dict, sa_type=JSON_TEXT)
    contacts: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON_TEXT)
    status: PremisesStatus = Field(default=PremisesStatus.ACTIVE, sa_type=text_enum(PremisesStatus, "status"))
    version: int = 1
    registered_by_id: UUID | None = Field(default=None, foreign_key="user_account.id", index=True, sa_type=Id)
    registered_at: datetime = Field(sa_type=UtcDateTime)


class Market(SQLModel, table=True):
    """What a premises of kind ``market`` has besides (市场); same id."""

    id: UUID = Field(primary_key=True, foreign_key="premises.id", sa_type=Id)
    operator: str = Field(max_length=120)
    floors: int
    floor_area_m2: int | None = None
    built_year: int | None = None
