"""What a submission meets in the database: statements that every one of them sends."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any  # rows
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import bounds_of, in_some_of
from app.core.prepared import Prepared
from app.domain.vocabulary import Status
from app.models import Hazard, Inspection, Photo, Premises


@dataclass(frozen=True, slots=True)
class Site:
    """The premises of a visit, as far as its rows copy them."""

    id: UUID
    area_id: UUID
    area_path: str


def find_inspection(session: Session, inspection_id: UUID) -> Any | None:
    """``request_hash``, ``answer`` and ``reporter_id`` of the inspection with this id, whoever sent it."""
    rows = _INSPECTION.rows(session, {"id": inspection_id})
    return rows[0] if rows else None


def find_site(session: Session, actor: Actor, premises_id: UUID) -> Site | None:
    """The premises within the actor's area."""
    rows = _site(len(actor.areas)).rows(session, bounds_of(actor) | {"id": premises_id})
    return Site(rows[0].id, rows[0].area_id, rows[0].area_path) if rows else None


def have_photos_come(session: Session, photo_ids: Collection[UUID]) -> bool:
    """Whether one of these photos has a row."""
    return bool(_PHOTO_IDS.rows(session, {"ids": list(photo_ids)}))


def have_bytes_served(session: Session, hashes: Collection[str]) -> bool:
    """Whether a photo with one of these hashes has been named anywhere."""
    return bool(_NAMED_HASHES.rows(session, {"hashes": list(hashes)}))


def find_closed(
    session: Session, actor: Actor, premises_id: UUID, codes: Collection[str], *, since: datetime
) -> dict[str | None, UUID]:
    """By finding code, the hazard of these premises closed last, not before ``since``."""
    values = {"premises_id": premises_id, "codes": list(codes), "since": since}
    rows = _closed(len(actor.areas)).rows(session, bounds_of(actor) | values)
    return {row.finding_code: row.id for row in rows}


_INSPECTION = Prepared(
    select(col(Inspection.request_hash), col(Inspection.answer), col(Inspection.reporter_id)).where(
        col(Inspection.id) == bindparam("id")
    )
)
_PHOTO_IDS = Prepared(select(col(Photo.id)).where(col(Photo.id).in_(bindparam("ids", expanding=True))))
_NAMED_HASHES = Prepared(
    select(col(Photo.id))
    .where(col(Photo.sha256).in_(bindparam("hashes", expanding=True)), col(Photo.named_at).is_not(None))
    .limit(literal_column("1"))
)


@lru_cache
def _site(areas: int) -> Prepared:
    return Prepared(
        select(col(Premises.id), col(Premises.area_id), col(Premises.area_path)).where(
            in_some_of(Premises.area_path, areas), col(Premises.id) == bindparam("id")
        )
    )


@lru_cache
def _closed(areas: int) -> Prepared:
    return Prepared(
        select(col(Hazard.finding_code), col(Hazard.id))
        .where(
            in_some_of(Hazard.area_path, areas),
            col(Hazard.premises_id) == bindparam("premises_id"),
            col(Hazard.finding_code).in_(bindparam("codes", expanding=True)),
            col(Hazard.status) == Status.CLOSED,
            col(Hazard.closed_at) >= bindparam("since"),
        )
        .order_by(col(Hazard.closed_at))
    )
