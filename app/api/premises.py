"""The register of premises. Source: contract.md, «Areas and premises»."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.api.deps import CurrentActor, Db, Now, get_raw_json
from app.api.fields import Instant, Latitude, Longitude, Storable
from app.domain.vocabulary import PremisesKind, PremisesStatus
from app.queries import premises as premises_queries
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.queries.premises import PremisesFilter, PremisesRecord
from app.services import premises as premises_services
from app.services.premises import NewMarket, NewPremises

router = APIRouter(prefix="/api/v1/premises", tags=["field", "office"])

AttributeName = Annotated[str, Field(min_length=1, max_length=60), Storable]
AttributeValue = (
    bool
    | Annotated[int, Field(ge=-(2**53), le=2**53)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, Field(max_length=500), Storable]
    | None
)


class Contact(BaseModel):
    """Whom to call."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=60, pattern=r"\S"), Storable]
    phone: Annotated[str, Field(pattern=r"^[0-9+][0-9 -]{4,19}$")]
    duty: Annotated[str, Field(max_length=40, pattern=r"\S", description="for instance 消防安全管理人"), Storable]


class Place(BaseModel):
    """Where inside its parent."""

    model_config = ConfigDict(extra="forbid")

    floor: Annotated[str, Field(max_length=20), Storable] | None = None
    compartment: Annotated[str, Field(max_length=40), Storable] | None = None
    stall: Annotated[str, Field(max_length=40), Storable] | None = None


class Location(BaseModel):
    """WGS-84, degrees."""

    model_config = ConfigDict(extra="forbid")

    lat: Latitude
    lng: Longitude


class MarketBody(BaseModel):
    """What a market (市场) has besides."""

    model_config = ConfigDict(extra="forbid")

    operator: Annotated[str, Field(max_length=120, pattern=r"\S", description="市场开办者"), Storable]
    floors: Annotated[int, Field(strict=True, ge=1, le=200)]
    floor_area_m2: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | None = None
    built_year: Annotated[int, Field(strict=True, ge=1800, le=2200)] | None = None


class NewPremisesBody(BaseModel):
    """A premises to be entered."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="made by the writer; the same content again with the same id changes nothing")
    kind: PremisesKind
    name: Annotated[str, Field(max_length=120, pattern=r"\S"), Storable]
    area_id: UUID = Field(description="a community or grid, at least a street")
    address: Annotated[str, Field(max_length=200, pattern=r"\S"), Storable]
    parent_id: UUID | None = None
    place: Place | None = None
    location: Location | None = None
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=50)] = Field(default_factory=dict)
    contacts: Annotated[list[Contact], Field(max_length=20)] = Field(default_factory=list)
    market: MarketBody | None = Field(default=None, description="for kind market, and only there")

    def command(self) -> NewPremises:
        """The use case's own form of it."""
        place = self.place or Place()
        return NewPremises(
            id=self.id,
            kind=self.kind,
            name=self.name,
            area_id=self.area_id,
            address=self.address,
            parent_id=self.parent_id,
            floor=place.floor,
            compartment=place.compartment,
            stall=place.stall,
            latitude=self.location.lat if self.location else None,
            longitude=self.location.lng if self.location else None,
            attributes=self.attributes,
            contacts=[contact.model_dump() for contact in self.contacts],
            market=NewMarket(**self.market.model_dump()) if self.market else None,
        )


class ContactRead(BaseModel):
    """Whom to call."""

    name: str
    phone: str
    duty: str


class PlaceRead(BaseModel):
    """Where inside its parent."""

    floor: str | None
    compartment: str | None
    stall: str | None


class MarketRead(BaseModel):
    """What a market has besides."""

    model_config = ConfigDict(from_attributes=True)

    operator: str
    floors: int
    floor_area_m2: int | None
    built_year: int | None


class PremisesRead(BaseModel):
    """A premises (场所); a stall is one with a market as its parent."""

    id: UUID
    kind: PremisesKind
    name: str
    area_id: UUID
    address: str
    parent_id: UUID | None
    enterprise_id: UUID | None
    place: PlaceRead
    location: Location | None
    attributes: dict[str, object] = Field(description="texts, numbers, booleans; null for unknown")
    contacts: list[ContactRead]
    status: PremisesStatus
    version: int = Field(description="also the ETag")
    registered_at: Instant
    market: MarketRead | None = Field(description="null for other kinds, and for a market nobody described yet")

    @classmethod
    def of(cls, record: PremisesRecord) -> Self:
        """The schema of a record."""
        row = record.premises
        located = row.latitude is not None and row.longitude is not None
        return cls(
            id=row.id,
            kind=row.kind,
            name=row.name,
            area_id=row.area_id,
            address=row.address,
            parent_id=row.parent_id,
            enterprise_id=row.enterprise_id,
            place=PlaceRead(floor=row.floor, compartment=row.compartment, stall=row.stall),
            location=Location.model_validate({"lat": row.latitude, "lng": row.longitude}) if located else None,
            attributes=row.attributes,
            contacts=[ContactRead.model_validate(contact) for contact in row.contacts],
            status=row.status,
            version=row.version,
            registered_at=row.registered_at,
            market=MarketRead.model_validate(record.market) if record.market else None,
        )


class PremisesPage(BaseModel):
    """Premises area by area."""

    items: list[PremisesRead]
    next_cursor: str | None


class PremisesQuery(BaseModel):
    """Which premises."""

    model_config = ConfigDict(extra="forbid")

    area_id: UUID | None = Field(default=None, description="in this area and those below it")
    kind: PremisesKind | None = None
    parent_id: UUID | None = Field(default=None, description="the stalls of this market")
    status: PremisesStatus | None = None
    q: Annotated[str, Field(min_length=1, max_length=60, description="a part of the name"), Storable] | None = None
    cursor: Annotated[str, Field(max_length=400), Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


@router.get("")
def list_premises(query: Annotated[PremisesQuery, Query()], actor: CurrentActor, db: Db) -> PremisesPage:
    """The premises of your area."""
    require(actor, "list_premises")
    wanted = PremisesFilter(query.area_id, query.kind, query.parent_id, query.status, query.q)
    with db.read() as session:
        page = premises_queries.list_premises(session, actor, wanted, after=query.cursor, limit=query.limit)
    return PremisesPage(items=[PremisesRead.of(record) for record in page.items], next_cursor=page.next_cursor)


@router.get("/{premises_id}")
def get_premises(premises_id: UUID, response: Response, actor: CurrentActor, db: Db) -> PremisesRead:
    """A premises of your area, with its version as ETag."""
    require(actor, "get_premises")
    with db.read() as session:
        record = premises_queries.get_premises(session, actor, premises_id)
    response.headers["etag"] = f'"{record.premises.version}"'
    return PremisesRead.of(record)


@router.post("", status_code=201, dependencies=[Depends(get_raw_json)], responses={200: {"model": PremisesRead}})
def register_premises(body: NewPremisesBody, response: Response, actor: CurrentActor, db: Db, now: Now) -> PremisesRead:
    """Enter a premises into the register (office); the district's feed tells of it."""
    with db.write() as session:
        premises, is_new = premises_services.register_premises(session, body.command(), now=now, by=actor)
        record = premises_queries.get_premises(session, actor, premises.id)
    response.status_code = 201 if is_new else 200
    response.headers["etag"] = f'"{record.premises.version}"'
    return PremisesRead.of(record)
