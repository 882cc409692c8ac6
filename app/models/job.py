"""Work to do later, written with the change that needs it. Source: choices.md, «jobs»."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.models.types import JSON_TEXT, Id, UtcDateTime

_WAITING = text("state IN ('queued', 'running')")


class Job(SQLModel, table=True):
    """A unit of work: claimed with a lease and a token, done together with its effect.

    ``state`` ∈ queued, running, done, dead; a dead job stays visible and can be queued again.
    """

    __table_args__ = (
        Index(
            "ix_job_waiting",
            "run_at",
            "id",
            postgresql_where=_WAITING,
            sqlite_where=_WAITING,
        ),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    kind: str = Field(max_length=40)
    dedupe_key: str = Field(max_length=200, unique=True)
    payload: dict[str, str] = Field(default_factory=dict, sa_type=JSON_TEXT)
    state: str = Field(default="queued", max_length=8)
    run_at: datetime = Field(sa_type=UtcDateTime)  # not before; while running: end of the lease
    attempts: int = 0
    lease_token: UUID | None = Field(default=None, sa_type=Id)
    last_error: str | None = Field(default=None, max_length=500)
    created_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
