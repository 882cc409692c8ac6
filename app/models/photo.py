"""Photos and documents as evidence: declared by a submission or action, stored when their bytes came."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import PhotoRole, PhotoSource
from app.models.types import AREA_PATH, Id, UtcDateTime, text_enum

_NAMED = text("named_at IS NOT NULL")
_UNNAMED = text("named_at IS NULL")


class Photo(SQLModel, table=True):
    """One photo under its own id, made by the phone.

    ``named_at``: when a submission or action first named it (None: visible to the uploader alone).
    ``stored_at``: when its bytes were kept. Two named photos never share their bytes.
    """

    __table_args__ = (
        Index(
            "uq_photo_named_sha256",
            "sha256",
            unique=True,
            postgresql_where=_NAMED,
            sqlite_where=_NAMED,
        ),
        Index("ix_photo_unnamed", "created_at", "id", postgresql_where=_UNNAMED, sqlite_where=_UNNAMED),
    )

    id: UUID = Field(primary_key=True, sa_type=Id)
    version: int = 1
    sha256: str = Field(max_length=64)
    bytes: int
    role: PhotoRole = Field(sa_type=text_enum(PhotoRole, "role"))
    source: PhotoSource = Field(sa_type=text_enum(PhotoSource, "source"))
    taken_at: datetime = Field(sa_type=UtcDateTime)
    owner_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)  # who declared or uploaded it first
    created_at: datetime = Field(sa_type=UtcDateTime)
    named_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    inspection_id: UUID | None = Field(default=None, foreign_key="inspection.id", index=True, sa_type=Id)
    area_path: str | None = Field(default=None, sa_type=AREA_PATH)
    stored_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    media_type: str | None = Field(default=None, max_length=40)
    width: int | None = None
    height: int | None = None
    readable: bool | None = None  # None: not decoded yet
    thumbnail_ready: bool = False
    exif_taken_at: str | None = Field(default=None, max_length=19)  # the camera's own clock, without a zone
    exif_latitude: float | None = None
    exif_longitude: float | None = None
    exif_make: str | None = Field(default=None, max_length=100)
    exif_model: str | None = Field(default=None, max_length=100)
    exif_orientation: int | None = None
