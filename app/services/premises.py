"""The register of premises: the office enters, the district hears of it. Source: contract.md, «Areas and premises»."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.access.actor import Actor, require
from app.core.errors import IdTaken, Rejected, at
from app.domain.vocabulary import AreaLevel, FeedType, PremisesKind
from app.models import Area, Market, Premises
from app.queries.areas import get_area
from app.queries.premises import get_premises
from app.services.changes import publish


class PremisesAreaUnfit(Rejected):
    code, title, title_zh = (
        "premises-area-unfit",
        "A premises lies in a street or below",
        "场所须登记在街道或其下级区域",
    )


class ParentElsewhere(Rejected):
    code, title, title_zh = "parent-elsewhere", "The parent lies in another street", "上级场所不在同一街道"


class MarketUnfit(Rejected):
    code, title, title_zh = "market-unfit", "A market, and nothing else, has market data", "市场信息与场所类型不符"


@dataclass(frozen=True, slots=True)
class NewMarket:
    """What a market has besides."""

    operator: str
    floors: int
    floor_area_m2: int | None = None
    built_year: int | None = None


@dataclass(frozen=True, slots=True)
class NewPremises:
    """A premises to be entered; ``id`` is made by the writer. Latitude and longitude are WGS-84 degrees."""

    id: UUID
    kind: PremisesKind
    name: str
    area_id: UUID
    address: str
    parent_id: UUID | None = None
    floor: str | None = None
    compartment: str | None = None
    stall: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    contacts: Sequence[Mapping[str, str]] = ()
    market: NewMarket | None = None


def register_premises(
    session: Session, new: NewPremises, *, now: datetime, by: Actor | None = None
) -> tuple[Premises, bool]:
    """Enter a premises, and whether it is new: the same again by the same person changes nothing.

    ``by`` None is the operator at the command line. Raises ``Forbidden``, ``NotFound`` (area or parent outside),
    ``IdTaken``, ``PremisesAreaUnfit``, ``ParentElsewhere`` or ``MarketUnfit``.
    """
    if by is not None:
        require(by, "register_premises")
    area = session.get_one(Area, new.area_id) if by is None else get_area(session, by, new.area_id)
    _check(session, new, area, by)
    if (earlier := session.get(Premises, new.id)) is not None:
        return _replayed(session, new, earlier, by), False
    premises = _row(new, area, now=now, by=by)
    try:
        with session.begin_nested():
            session.add(premises)
            session.flush()
            if new.market is not None:
                session.add(Market(id=new.id, **asdict(new.market)))
    except IntegrityError:
        return _replayed(session, new, session.get_one(Premises, new.id), by), False
    publish(session, FeedType.PREMISES, [new.id], now=now)
    return premises, True


def _check(session: Session, new: NewPremises, area: Area, by: Actor | None) -> None:
    if area.level is AreaLevel.DISTRICT:
        raise PremisesAreaUnfit(
            "Name its community or grid.",
            "请选择场所所在的社区或网格。",
            errors=[at("/area_id", PremisesAreaUnfit.code)],
        )
    if (new.market is None) != (new.kind is not PremisesKind.MARKET):
        raise MarketUnfit(
            "Give market data for kind market, and only there.",
            "类型为市场时须填写市场信息，其他类型不得填写。",
            errors=[at("/market", MarketUnfit.code)],
        )
    if new.parent_id is None:
        return
    if by is None:
        parent = session.get_one(Premises, new.parent_id)
    else:
        parent = get_premises(session, by, new.parent_id).premises
    if _street_of(parent.area_path) != _street_of(area.path):
        raise ParentElsewhere(
            "A stall lies in its market's street.",
            "上级场所须在同一街道。",
            errors=[at("/parent_id", ParentElsewhere.code)],
        )


def _street_of(path: str) -> list[str]:
    return path.split("/")[:2]


def _row(new: NewPremises, area: Area, *, now: datetime, by: Actor | None) -> Premises:
    return Premises(
        id=new.id,
        kind=new.kind,
        name=new.name,
        area_id=area.id,
        area_path=area.path,
        address=new.address,
        parent_id=new.parent_id,
        floor=new.floor,
        compartment=new.compartment,
        stall=new.stall,
        latitude=new.latitude,
        longitude=new.longitude,
        attributes=dict(new.attributes),
        contacts=[dict(contact) for contact in new.contacts],
        registered_by_id=by.id if by else None,
        registered_at=now,
    )


def _replayed(session: Session, new: NewPremises, earlier: Premises, by: Actor | None) -> Premises:
    market = session.get(Market, new.id)
    was = NewMarket(market.operator, market.floors, market.floor_area_m2, market.built_year) if market else None
    same_columns = all(
        getattr(earlier, name) == getattr(new, name)
        for name in ("kind", "name", "area_id", "address", "parent_id", "floor", "compartment", "stall")
    )
    is_same = (
        same_columns
        and was == new.market
        and (earlier.latitude, earlier.longitude) == (new.latitude, new.longitude)
        and earlier.attributes == dict(new.attributes)
        and earlier.contacts == [dict(contact) for contact in new.contacts]
        and earlier.registered_by_id == (by.id if by else None)
    )
    if not is_same:
        raise IdTaken("Make a new id.", "该编号已被使用，请重新生成。")
    return earlier
