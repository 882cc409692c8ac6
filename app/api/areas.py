"""Areas: districts, streets, communities and grids."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.api.deps import CurrentActor, Db, get_raw_json
from app.api.fields import Storable
from app.domain.vocabulary import AreaLevel
from app.queries import areas as area_queries
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.services import areas as area_services

router = APIRouter(prefix="/api/v1/areas", tags=["field", "office"])


class AreaRead(BaseModel):
    """An area (区域)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str = Field(description="6 (district), 9 (street), 12 (community) or 14 digits (grid)")
    name: str
    level: AreaLevel
    parent_id: UUID | None


class AreaPage(BaseModel):
    """Areas in the order of the tree."""

    items: list[AreaRead]
    next_cursor: str | None


class AreaQuery(BaseModel):
    """Which areas."""

    model_config = ConfigDict(extra="forbid")

    level: AreaLevel | None = None
    parent_id: UUID | None = None
    cursor: Annotated[str, Field(max_length=400), Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class NewArea(BaseModel):
    """An area to be added below one of the administrator's own."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[0-9]{9,14}$", description="the parent's code and 3 more digits; grid: 2")]
    name: Annotated[str, Field(max_length=60, pattern=r"\S"), Storable]
    parent_id: UUID


@router.get("")
def list_areas(query: Annotated[AreaQuery, Query()], actor: CurrentActor, db: Db) -> AreaPage:
    """The areas you work in and those below them."""
    require(actor, "list_areas")
    with db.read() as session:
        page = area_queries.list_areas(
            session, actor, level=query.level, parent_id=query.parent_id, after=query.cursor, limit=query.limit
        )
    return AreaPage(items=[AreaRead.model_validate(area) for area in page.items], next_cursor=page.next_cursor)


@router.get("/{area_id}")
def get_area(area_id: UUID, actor: CurrentActor, db: Db) -> AreaRead:
    """An area of yours."""
    require(actor, "get_area")
    with db.read() as session:
        return AreaRead.model_validate(area_queries.get_area(session, actor, area_id))


@router.post("", status_code=201, dependencies=[Depends(get_raw_json)])
def create_area(body: NewArea, actor: CurrentActor, db: Db) -> AreaRead:
    """Add an area below one of yours (administrators)."""
    with db.write() as session:
        area = area_services.create_area(session, code=body.code, name=body.name, parent_id=body.parent_id, by=actor)
        return AreaRead.model_validate(area)
