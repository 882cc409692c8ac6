"""The demo street's areas and its register of premises."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any  # column values of any type

from sqlmodel import Session

from app.access.actor import Actor
from app.core.bulk import insert_rows
from app.domain.vocabulary import FeedType, PremisesStatus
from app.models import Area, Premises
from app.services.areas import create_area
from app.services.changes import new_commit, publish
from app.services.demo.plan import Site, street_data
from app.services.demo.sites import GRIDS

_AT_ONCE = 100
_tables = Premises.metadata.tables


def lay_out(session: Session) -> dict[str, Area]:
    """The district, the street, its communities and their grids, by code."""
    data = street_data()
    district = create_area(session, code=data["district"]["code"], name=data["district"]["name"], parent_id=None)
    street = create_area(session, code=data["street"]["code"], name=data["street"]["name"], parent_id=district.id)
    made = [district, street]
    for community in data["communities"]:
        made.append(create_area(session, code=community["code"], name=community["name"], parent_id=street.id))
        parent = made[-1]
        for number in range(1, GRIDS + 1):
            name = f"{community['name'].removesuffix('社区')}第{number}网格"
            made.append(create_area(session, code=f"{parent.code}{number:02d}", name=name, parent_id=parent.id))
    return {area.code: area for area in made}


def register(
    session: Session, office: Actor, sites: Sequence[Site], areas: Mapping[str, Area], *, now: datetime
) -> None:
    """The office has entered all premises but those that a visit will find; in portions, as by an import."""
    known = [site for site in sites if site.is_registered]
    rows = [_row(site, areas[site.area_code], office, now) for site in known]
    markets = [{"id": site.id, **asdict(site.market)} for site in known if site.market is not None]
    insert_rows(session, [(_tables["premises"], rows), (_tables["market"], markets)])
    for first in range(0, len(known), _AT_ONCE):
        new_commit(session)
        publish(session, FeedType.PREMISES, [site.id for site in known[first : first + _AT_ONCE]], now=now)


def _row(site: Site, area: Area, office: Actor, now: datetime) -> dict[str, Any]:
    return {
        "id": site.id,
        "kind": site.kind,
        "name": site.name,
        "area_id": area.id,
        "area_path": area.path,
        "address": site.address,
        "parent_id": site.parent.id if site.parent is not None else None,
        "enterprise_id": None,
        "floor": site.floor,
        "compartment": site.compartment,
        "stall": site.stall,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "attributes": site.attributes,
        "contacts": list(site.contacts),
        "status": PremisesStatus.ACTIVE,
        "version": 1,
        "registered_by_id": office.id,
        "registered_at": now,
    }
