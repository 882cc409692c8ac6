"""Where: district ⊃ street ⊃ community ⊃ grid."""

from uuid import UUID

from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.domain.vocabulary import AreaLevel
from app.models.types import AREA_PATH, Id, text_enum


class Area(SQLModel, table=True):
    """An administrative area; ``path`` is the codes from the district down, each followed by ``/``."""

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    code: str = Field(max_length=14, unique=True)
    name: str = Field(max_length=60)
    level: AreaLevel = Field(sa_type=text_enum(AreaLevel, "level"))
    parent_id: UUID | None = Field(default=None, foreign_key="area.id", index=True, sa_type=Id)
    path: str = Field(sa_type=AREA_PATH, unique=True)
