"""The demo street's areas and its register of premises, through the services of both."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from app.access.actor import Actor
from app.models import Area
from app.services.areas import create_area
from app.services.changes import new_commit
from app.services.demo.plan import Site, street_data
from app.services.demo.sites import GRIDS
from app.services.premises import NewPremises, register_premises


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
    """The office enters all premises but those that a visit will find."""
    for site in sites:
        if site.is_registered:
            new_commit(session)
            register_premises(session, _new(site, areas), now=now, by=office)


def _new(site: Site, areas: Mapping[str, Area]) -> NewPremises:
    return NewPremises(
        id=site.id,
        kind=site.kind,
        name=site.name,
        area_id=areas[site.area_code].id,
        address=site.address,
        parent_id=site.parent.id if site.parent is not None else None,
        floor=site.floor,
        compartment=site.compartment,
        stall=site.stall,
        latitude=site.latitude,
        longitude=site.longitude,
        attributes=site.attributes,
        contacts=site.contacts,
        market=site.market,
    )
