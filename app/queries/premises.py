"""The register of premises."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, literal, select, tuple_
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of, within
from app.core.errors import NotFound
from app.domain.vocabulary import PremisesKind, PremisesStatus
from app.models import Market, Premises
from app.models.types import AREA_PATH, Id
from app.queries.areas import get_area
from app.queries.paging import DEFAULT_LIMIT, Page, bad_cursor, cut, decode_cursor, encode_cursor, path_of


@dataclass(frozen=True, slots=True)
class PremisesRecord:
    """A premises, and what a market has besides; None for other kinds and for markets nobody described yet."""

    premises: Premises
    market: Market | None


@dataclass(frozen=True, slots=True)
class PremisesFilter:
    """Which premises; None means any. ``q`` is a part of the name, without regard to Latin case."""

    area_id: UUID | None = None
    kind: PremisesKind | None = None
    parent_id: UUID | None = None
    status: PremisesStatus | None = None
    q: str | None = None


def list_premises(
    session: Session,
    actor: Actor,
    wanted: PremisesFilter,
    *,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[PremisesRecord]:
    """Premises area by area; one statement (two with an area), index ``ix_premises_keyset``.

    Raises ``BadCursor``, or ``NotFound`` for an area outside the actor's.
    """
    position = tuple_(col(Premises.area_path), col(Premises.id))
    query = _matching(session, actor, wanted).order_by(col(Premises.area_path), col(Premises.id)).limit(limit + 1)
    if after is not None:
        path, premises_id = _after(actor, after)
        query = query.where(position > tuple_(literal(path, AREA_PATH), literal(premises_id, Id)))
    rows, more = cut([PremisesRecord(premises, market) for premises, market in session.execute(query)], limit)
    last = rows[-1].premises if more else None
    return Page(rows, encode_cursor(actor, "premises", last.area_path, str(last.id)) if last else None)


def get_premises(session: Session, actor: Actor, premises_id: UUID) -> PremisesRecord:
    """A premises within the actor's areas. Raises ``NotFound``."""
    row = session.execute(_all(actor).where(col(Premises.id) == premises_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such premises in your area.", "您的辖区内没有该场所。")
    return PremisesRecord(*row)


def _all(actor: Actor) -> Select[Premises, Market]:
    return (
        select(Premises, Market)
        .outerjoin(Market, col(Market.id) == col(Premises.id))
        .where(in_area_of(actor, col(Premises.area_path)))
    )


def _matching(session: Session, actor: Actor, wanted: PremisesFilter) -> Select[Premises, Market]:
    query = _all(actor)
    if wanted.area_id is not None:
        query = query.where(within(col(Premises.area_path), get_area(session, actor, wanted.area_id).path))
    if wanted.kind is not None:
        query = query.where(col(Premises.kind) == wanted.kind)
    if wanted.parent_id is not None:
        query = query.where(col(Premises.parent_id) == wanted.parent_id)
    if wanted.status is not None:
        query = query.where(col(Premises.status) == wanted.status)
    if wanted.q is not None:
        query = query.where(func.lower(col(Premises.name)).contains(wanted.q.lower(), autoescape=True))
    return query


def _after(actor: Actor, cursor: str) -> tuple[str, UUID]:
    path, premises_id = decode_cursor(actor, "premises", cursor, 2)
    try:
        return path_of(path), UUID(premises_id)
    except ValueError as error:
        raise bad_cursor() from error
