"""Districts, streets, communities and grids within the caller's own areas."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.errors import NotFound
from app.domain.vocabulary import AreaLevel
from app.models import Area
from app.queries.paging import DEFAULT_LIMIT, Page, bad_cursor, cut, decode_cursor, encode_cursor, path_of


def list_areas(
    session: Session,
    actor: Actor,
    *,
    level: AreaLevel | None = None,
    parent_id: UUID | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Area]:
    """Areas in the order of the tree; one statement, by the unique index on ``path``. Raises ``BadCursor``."""
    path = col(Area.path)
    query = select(Area).where(in_area_of(actor, path)).order_by(path).limit(limit + 1)
    if level is not None:
        query = query.where(col(Area.level) == level)
    if parent_id is not None:
        query = query.where(col(Area.parent_id) == parent_id)
    if after is not None:
        query = query.where(path > _after(actor, after))
    areas, more = cut(list(session.scalars(query)), limit)
    return Page(areas, encode_cursor(actor, "areas", areas[-1].path) if more else None)


def get_area(session: Session, actor: Actor, area_id: UUID) -> Area:
    """An area within the actor's. Raises ``NotFound``."""
    query = select(Area).where(in_area_of(actor, col(Area.path)), col(Area.id) == area_id)
    area = session.scalars(query).one_or_none()
    if area is None:
        raise NotFound("There is no such area in yours.", "您的辖区内没有该区域。")
    return area


def _after(actor: Actor, cursor: str) -> str:
    (path,) = decode_cursor(actor, "areas", cursor, 1)
    try:
        return path_of(path)
    except ValueError as error:
        raise bad_cursor() from error
