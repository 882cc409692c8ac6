"""The premises of the demo street: 400 of all 17 kinds, and 150 stalls in each of two markets; all invented."""

import random
from collections.abc import Iterator
from typing import Any  # JSON of any shape

from app.core.ids import uuid7
from app.domain.vocabulary import PremisesKind
from app.services.demo.plan import Site, street_data
from app.services.premises import NewMarket

_K = PremisesKind
COUNTS = {
    _K.COMPLEX: 8,
    _K.RESTAURANT: 70,
    _K.STREET_SHOP: 110,
    _K.NINE_SMALL: 60,
    _K.THREE_IN_ONE: 16,
    _K.RENTAL_HOUSING: 45,
    _K.RESIDENTIAL: 25,
    _K.ELDERLY_CARE: 3,
    _K.KINDERGARTEN: 5,
    _K.WAREHOUSE: 8,
    _K.INDUSTRIAL: 10,
    _K.CONSTRUCTION_SITE: 8,
    _K.HOTEL: 10,
    _K.OFFICE: 10,
    _K.ENTERTAINMENT: 5,
    _K.MEDICAL: 5,
}
"""Beside the two markets."""
STALLS = 150
GRIDS = 3
"""In each community."""
_ENTERED_BY_VISITS = 4

_ATTRIBUTES: dict[PremisesKind, dict[str, object]] = {
    _K.MARKET: {"is_public_gathering": True, "sells_goods": True},
    _K.COMPLEX: {"is_public_gathering": True, "sells_goods": True, "is_high_rise": True},
    _K.RESTAURANT: {"is_public_gathering": True},
    _K.STREET_SHOP: {"sells_goods": True},
    _K.THREE_IN_ONE: {"has_residents_in_workplace": True},
    _K.ELDERLY_CARE: {"has_elderly_rooms": True},
    _K.KINDERGARTEN: {"has_children_rooms": True},
    _K.INDUSTRIAL: {"is_labour_intensive": False, "industry_sector": "machinery"},
    _K.HOTEL: {"is_public_gathering": True, "has_lodging": True},
    _K.ENTERTAINMENT: {"is_public_gathering": True, "has_entertainment": True},
}
_AREAS_M2 = {_K.COMPLEX: 12000, _K.WAREHOUSE: 2400, _K.INDUSTRIAL: 1500, _K.OFFICE: 6000, _K.RESIDENTIAL: 28000}
_NO_CODE = {_K.RENTAL_HOUSING, _K.RESIDENTIAL, _K.CONSTRUCTION_SITE, _K.THREE_IN_ONE}
_SELF_EMPLOYED = {_K.RESTAURANT, _K.STREET_SHOP, _K.NINE_SMALL}


def make_sites(r: random.Random) -> list[Site]:
    """The markets first, each before its stalls, then the others by kind; the same for the same ``r``."""
    names = _Names(r)
    sites = []
    for market in street_data()["markets"]:
        sites.append(_market(names, market))
        sites.extend(_stalls(names, sites[-1], market))
    singles = [names.site(kind, number) for kind, count in COUNTS.items() for number in range(count)]
    return sites + singles


class _Names:
    """Makes up names, addresses and people, no name twice."""

    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.data = street_data()
        self._used: set[str] = set()
        self._serial = 0

    def site(self, kind: PremisesKind, number: int) -> Site:
        community = self.r.randrange(len(self.data["communities"]))
        road = self.r.choice(self.data["communities"][community]["roads"])
        address = self._address(kind, road)
        enters_later = kind is _K.STREET_SHOP and number < _ENTERED_BY_VISITS
        return self.make(kind, self._name(kind, road, address), community, address, is_registered=not enters_later)

    def make(self, kind: PremisesKind, name: str, community: int, address: str, **more: Any) -> Site:
        place = self.data["communities"][community]
        usual: dict[str, Any] = {
            "area_code": f"{place['code']}{self.r.randrange(GRIDS) + 1:02d}",
            "attributes": self._attributes(kind),
        }
        return Site(
            id=uuid7(),
            kind=kind,
            name=name,
            community=community,
            address=f"{self.data['district']['name']}{address}",
            latitude=round(place["lat"] + self.r.uniform(-0.0018, 0.0018), 6),
            longitude=round(place["lng"] + self.r.uniform(-0.0022, 0.0022), 6),
            contacts=(self._contact(),),
            **(usual | more),
        )

    def person(self) -> str:
        return str(self.r.choice(self.data["surnames"]) + self.r.choice(self.data["given"]))

    def _address(self, kind: PremisesKind, road: str) -> str:
        number = self.r.randrange(2, 268)
        if kind is _K.RENTAL_HOUSING:
            return f"{road}{number}号{self.r.randrange(1, 20)}幢{self.r.randrange(1, 5)}单元"
        inner = f"-{self.r.randrange(1, 9)}" if self.r.random() < 0.4 else ""
        return f"{road}{number}号{inner}"

    def _name(self, kind: PremisesKind, road: str, address: str) -> str:
        while True:
            name = self.r.choice(self.data["names"][kind]).format(
                brand=self.r.choice(self.data["brands"]),
                surname=self.r.choice(self.data["surnames"]),
                given=self.r.choice(self.data["given"]),
                road=road,
                address=address,
                n=self.r.randrange(2, 260),
                room=f"{self.r.randrange(1, 8)}0{self.r.randrange(1, 5)}",
            )
            if name not in self._used:
                self._used.add(name)
                return str(name)

    def _contact(self) -> dict[str, str]:
        """Numbers that nobody can have: mobile numbers begin with 13 to 19."""
        return {
            "name": self.person(),
            "phone": f"1000000{self.r.randrange(10000):04d}",
            "duty": self.r.choice(self.data["duties"]),
        }

    def _attributes(self, kind: PremisesKind) -> dict[str, object]:
        usual = _AREAS_M2.get(kind, 120)
        made = {"area_m2": int(usual * self.r.uniform(0.4, 1.8))} | _ATTRIBUTES.get(kind, {})
        if kind not in _NO_CODE and self.r.random() < 0.9:
            self._serial += 1
            made["credit_code"] = credit_code("92" if kind in _SELF_EMPLOYED else "91", self._serial)
        return made


def _market(names: _Names, market: dict[str, Any]) -> Site:
    described = NewMarket(market["operator"], market["floors"], market["floor_area_m2"], market["built_year"])
    return names.make(_K.MARKET, market["name"], market["community"], market["address"], market=described)


def _stalls(names: _Names, parent: Site, market: dict[str, Any]) -> Iterator[Site]:
    """Numbered by floor and zone; a food court on the upper floor, a few store-rooms."""
    zones, floors = names.data["zones"], market["stall_floors"]
    for number in range(STALLS):
        floor = floors[number * len(floors) // STALLS]
        zone = zones[number % len(zones)]
        stall = f"{zone}{floor}{number // len(zones) + 1:02d}"
        is_food = floor == floors[-1] and zone == zones[-1]
        kind = _K.RESTAURANT if is_food else _K.WAREHOUSE if number % 50 == 49 else _K.NINE_SMALL
        trade = "小吃" if is_food else "存货间" if kind is _K.WAREHOUSE else names.r.choice(market["trades"])
        attributes: dict[str, object] = {"area_m2": names.r.randrange(6, 28)}
        yield names.make(
            kind,
            f"{stall}号 {names.r.choice(names.data['brands'])}{trade}",
            market["community"],
            f"{market['address']}{market['name']}{floor}楼{zone}区{stall}号",
            attributes=attributes,
            area_code=parent.area_code,
            parent=parent,
            floor=f"{floor}楼",
            compartment=f"{floor}-{zone}防火分区",
            stall=stall,
        )


_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(kind: str, serial: int) -> str:
    """A valid unified social credit code (统一社会信用代码) of Gulou district that nobody has.

    Source: domain.md, section 5.1 (GB 32100-2015, GB 11714).
    """
    body = f"MA0T{serial:04d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(int(char, 36) * weight for char, weight in zip(body, weights, strict=True)) % 11
    body += "X" if rest == 10 else "0" if rest == 11 else str(rest)
    code = f"{kind}320106{body}"
    total = sum(_SYMBOLS.index(char) * (3**place % 31) for place, char in enumerate(code))
    return code + _SYMBOLS[-total % 31]
