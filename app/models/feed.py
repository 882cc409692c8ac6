"""The district's feed: changes waiting for their position, and positions given. Source: choices.md, section 2."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, Text
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import FeedOp, FeedType
from app.models.types import AREA_PATH, BIG, Id, UtcDateTime, text_enum


class Outbox(SQLModel, table=True):
    """A change of a committed transaction that has no position yet; only the sealer takes it.

    ``seq`` orders one seal and is never a cursor. Empty on SQLite, where the writing transaction seals itself.
    ``moved_to``: where a removed object went; who sees it there is told of the arrival, not of the removal.
    """

    __table_args__ = (Index("ix_outbox_commit", "commit_id", "seq"),)

    seq: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BIG,
        sa_column_args=(Identity(always=True),),
    )
    commit_id: UUID = Field(sa_type=Id)
    type: FeedType = Field(sa_type=text_enum(FeedType, "type"))
    object_id: UUID = Field(sa_type=Id)
    version: int
    op: FeedOp = Field(sa_type=text_enum(FeedOp, "op"))
    area_path: str = Field(sa_type=AREA_PATH)
    moved_to: str | None = Field(default=None, sa_type=AREA_PATH)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    data: str = Field(sa_type=Text)  # the object at that version, as JSON text


class Feed(SQLModel, table=True):
    """A change with its position: consecutive from 1, in the order of commits."""

    position: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    commit_id: UUID = Field(sa_type=Id)
    type: FeedType = Field(sa_type=text_enum(FeedType, "type"))
    object_id: UUID = Field(sa_type=Id)
    version: int
    op: FeedOp = Field(sa_type=text_enum(FeedOp, "op"))
    area_path: str = Field(sa_type=AREA_PATH)
    moved_to: str | None = Field(default=None, sa_type=AREA_PATH)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    data: str = Field(sa_type=Text)


class FeedChain(SQLModel, table=True):
    """The running hash of the feed up to ``position``; no page goes beyond it."""

    __tablename__ = "feed_chain"

    position: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    running_hash: str = Field(max_length=64)


class Seal(SQLModel, table=True):
    """The one row whose lock makes a sealer: the next position, and which log this is."""

    __table_args__ = (CheckConstraint("one = 1", name="one_row"),)

    one: int = Field(default=1, primary_key=True)
    next: int = Field(default=1, sa_type=BIG)
    log_epoch: UUID = Field(sa_type=Id)


class ChainHead(SQLModel, table=True):
    """The one row whose lock lets a process extend the running hash."""

    __tablename__ = "chain_head"

    __table_args__ = (CheckConstraint("one = 1", name="one_row"),)

    one: int = Field(default=1, primary_key=True)
    position: int = Field(default=0, sa_type=BIG)
    running_hash: str = Field(max_length=64)
