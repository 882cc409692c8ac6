"""Machine clients of the district, for administrators."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.api.areas import AreaRead
from app.api.deps import CurrentActor, Db, Now, get_raw_json
from app.api.fields import Instant, Storable
from app.queries import accounts as account_queries
from app.queries.accounts import ClientAccount
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.services import accounts as account_services

router = APIRouter(prefix="/api/v1/clients", tags=["office"])


class ClientRead(BaseModel):
    """A machine client; its ``id`` is the ``client_id`` of OAuth."""

    id: UUID
    name: str
    area: AreaRead
    is_active: bool
    created_at: Instant

    @classmethod
    def of(cls, account: ClientAccount) -> Self:
        """The schema of a record."""
        client = account.client
        return cls(
            id=client.id,
            name=client.name,
            area=AreaRead.model_validate(account.area),
            is_active=client.is_active,
            created_at=client.created_at,
        )


class ClientCreated(BaseModel):
    """A new machine client with its secret."""

    client: ClientRead
    client_secret: str = Field(description="shown this once; we keep its hash only")


class ClientPage(BaseModel):
    """Machine clients, oldest first."""

    items: list[ClientRead]
    next_cursor: str | None


class ClientQuery(BaseModel):
    """Which clients."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=400), Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class NewClient(BaseModel):
    """A machine client to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=60, pattern=r"\S"), Storable]
    area_id: UUID


@router.get("")
def list_clients(query: Annotated[ClientQuery, Query()], actor: CurrentActor, db: Db) -> ClientPage:
    """The machine clients of your area (administrators)."""
    require(actor, "list_clients")
    with db.read() as session:
        page = account_queries.list_clients(session, actor, after=query.cursor, limit=query.limit)
        return ClientPage(items=[ClientRead.of(account) for account in page.items], next_cursor=page.next_cursor)


@router.get("/{client_id}")
def get_client(client_id: UUID, actor: CurrentActor, db: Db) -> ClientRead:
    """A machine client of your area (administrators)."""
    require(actor, "get_client")
    with db.read() as session:
        return ClientRead.of(account_queries.get_client(session, actor, client_id))


@router.post("", status_code=201, dependencies=[Depends(get_raw_json)])
def create_client(body: NewClient, actor: CurrentActor, db: Db, now: Now) -> ClientCreated:
    """Make a machine client of one area (administrators); its secret is shown this once."""
    with db.write() as session:
        client, secret = account_services.create_client(
            session, name=body.name, area_id=body.area_id, now=now, by=actor
        )
        made = ClientRead.of(account_queries.get_client(session, actor, client.id))
        return ClientCreated(client=made, client_secret=secret)


@router.post("/{client_id}/deactivation")
def deactivate_client(client_id: UUID, actor: CurrentActor, db: Db, now: Now) -> ClientRead:
    """Disable a machine client and revoke its tokens (administrators)."""
    with db.write() as session:
        account_services.deactivate_client(session, actor, client_id, now=now)
        return ClientRead.of(account_queries.get_client(session, actor, client_id))
