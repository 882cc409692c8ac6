"""Who is signed in."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import CurrentActor, Db
from app.domain.vocabulary import AreaLevel, Role
from app.queries import accounts as account_queries

router = APIRouter(prefix="/api/v1", tags=["field", "office", "district"])


class MyArea(BaseModel):
    """An area you work in today."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    level: AreaLevel


class MeRead(BaseModel):
    """A person, or a machine client of a district."""

    id: UUID
    role: Role
    name: str
    is_client: bool
    username: str | None = Field(description="null for a machine client")
    staff_number: str | None = Field(description="工号; null for a machine client")
    certificate_no: str | None = Field(description="执法证号; null for who has none")
    areas: list[MyArea]


@router.get("/me")
def get_me(actor: CurrentActor, db: Db) -> MeRead:
    """Who is signed in, and the areas that count today."""
    with db.read() as session:
        me = account_queries.get_me(session, actor)
        return MeRead(
            id=actor.id,
            role=actor.role,
            name=me.name,
            is_client=actor.is_client,
            username=me.username,
            staff_number=me.staff_number,
            certificate_no=me.certificate_no,
            areas=[MyArea.model_validate(area) for area in me.areas],
        )
