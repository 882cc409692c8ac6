"""The smallest valid street, its people, and what phones send."""

import hashlib
import io
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from PIL import Image
from sqlmodel import Session

from app.core.clock import Clock, rfc3339
from app.core.ids import uuid7
from app.domain.vocabulary import AreaLevel, PremisesKind, Role
from app.models import Area, Client, CredentialEvent, Premises, Token, User, UserArea

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody signed in."""

    id: UUID
    headers: dict[str, str]


@dataclass
class Street:
    """A district with two streets; the first has two communities and a shop, and everybody works there."""

    session: Session
    clock: Clock
    district: Area
    street: Area
    community: Area
    other_community: Area
    other_street: Area
    shop: Premises
    other_shop: Premises
    """A shop in the other street."""
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, role: Role | str, name: str = "", *, area: Area | None = None) -> Person:
        """The person with this role (and name) of the first street, hired when first asked for."""
        key = f"{role}:{name}:{area.code if area else ''}"
        if key not in self.people:
            where = area or (self.district if role == Role.DISTRICT else self.street)
            self.people[key] = hire(self.session, Role(role), [where], self.clock())
        return self.people[key]

    @property
    def inspector(self) -> Person:
        return self.person(Role.INSPECTOR)

    @property
    def other_inspector(self) -> Person:
        return self.person(Role.INSPECTOR, "second")

    @property
    def officer(self) -> Person:
        return self.person(Role.OFFICER)

    @property
    def office(self) -> Person:
        return self.person(Role.OFFICE)

    @property
    def leader(self) -> Person:
        return self.person(Role.LEADER)

    @property
    def district_person(self) -> Person:
        return self.person(Role.DISTRICT)

    @property
    def stranger(self) -> Person:
        """An inspector of the other street."""
        return self.person(Role.INSPECTOR, area=self.other_street)

    def machine(self, area: Area | None = None) -> Person:
        """A machine client of the district, or of ``area``."""
        client = Client(
            name="区级平台", area_id=(area or self.district).id, secret_hash="0" * 64, created_at=self.clock()
        )
        self.session.add(client)
        self.session.flush()
        return sign_in(self.session, self.clock(), client_id=client.id)


def make_street(session: Session, clock: Clock) -> Street:
    district = make_area(session, "320106", "鼓楼区", None)
    street = make_area(session, "320106011", "建宁路街道", district)
    community = make_area(session, "320106011002", "金川门社区", street)
    other_community = make_area(session, "320106011003", "白云亭社区", street)
    other_street = make_area(session, "320106012", "宝塔桥街道", district)
    far = make_area(session, "320106012001", "方家营社区", other_street)
    shop = make_premises(session, community, clock())
    other_shop = make_premises(session, far, clock(), name="方家营便利店")
    return Street(session, clock, district, street, community, other_community, other_street, shop, other_shop)


def make_area(session: Session, code: str, name: str, parent: Area | None) -> Area:
    level = {6: AreaLevel.DISTRICT, 9: AreaLevel.STREET, 12: AreaLevel.COMMUNITY, 14: AreaLevel.GRID}[len(code)]
    path = f"{parent.path if parent else ''}{code}/"
    area = Area(code=code, name=name, level=level, parent_id=parent.id if parent else None, path=path)
    session.add(area)
    _keep(session)
    return area


def make_premises(session: Session, area: Area, now: datetime, **changes: Any) -> Premises:
    fields = {
        "kind": PremisesKind.STREET_SHOP,
        "name": "老张酸菜鱼",
        "area_id": area.id,
        "area_path": area.path,
        "address": "建宁路2号",
        "registered_at": now,
    }
    premises = Premises(**(fields | changes))
    session.add(premises)
    _keep(session)
    return premises


def hire(session: Session, role: Role, areas: list[Area], now: datetime, *, made_by: UUID | None = None) -> Person:
    number = next(_numbers)
    user = User(
        username=f"{role}{number}",
        staff_number=f"S{number:05d}",
        name=f"工作人员{number}",
        role=role,
        password_hash="!",
        created_at=now,
        certificate_no=f"320106{number:06d}" if role == Role.OFFICER else None,
    )
    session.add(user)
    session.flush()
    for area in areas:
        session.add(UserArea(user_id=user.id, area_id=area.id, valid_from=now.date() - timedelta(days=400)))
    if made_by is not None:
        session.add(CredentialEvent(user_id=user.id, by_id=made_by, occurred_at=now))
    _keep(session)
    return sign_in(session, now, user_id=user.id)


def sign_in(session: Session, now: datetime, *, user_id: UUID | None = None, client_id: UUID | None = None) -> Person:
    token = uuid4().hex
    session.add(
        Token(
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            kind="access",
            family_id=uuid7(),
            user_id=user_id,
            client_id=client_id,
            issued_at=now,
            expires_at=now + timedelta(days=3650),
        )
    )
    _keep(session)
    known = user_id or client_id
    assert known is not None
    return Person(known, {"Authorization": f"Bearer {token}"})


def _keep(session: Session) -> None:
    """Release the savepoint of the test's own session; the block that opened another one commits it."""
    session.flush()
    if session.join_transaction_mode == "create_savepoint":
        session.commit()


def instant(moment: datetime, **shift: float) -> str:
    return rfc3339(moment + timedelta(**shift))


def photo_bytes(seed: int | None = None) -> bytes:
    """A small JPEG that no other test has sent."""
    number = next(_numbers) if seed is None else seed
    image = Image.effect_noise((64, 48), 40).convert("RGB")
    image.putpixel((0, 0), (number % 256, number // 256 % 256, 7))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, comment=f"photo {number} {uuid4()}")
    return buffer.getvalue()


@dataclass(frozen=True)
class Shot:
    """A photo on a phone."""

    id: str
    content: bytes
    role: str
    taken_at: str
    source: str = "camera"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def declared(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "sha256": self.sha256,
            "bytes": len(self.content),
            "role": self.role,
            "taken_at": self.taken_at,
            "source": self.source,
        }

    def form(self) -> dict[str, str]:
        fields = self.declared()
        return {name: str(fields[name]) for name in ("id", "sha256", "role", "taken_at", "source")}


def shoot(role: str = "before", *, at: datetime, content: bytes | None = None, source: str = "camera") -> Shot:
    return Shot(str(uuid4()), content or photo_bytes(), role, rfc3339(at), source)


def found(shots: list[Shot], at: datetime, **changes: Any) -> dict[str, Any]:
    """A hazard as reported: goods in a corridor (general, fixable at once, due the same day)."""
    return {
        "id": str(uuid4()),
        "finding_code": "EV-001",
        "text": "二楼楼梯间堆放纸箱",
        "severity": "general",
        "place": "2F A-113 旁楼梯",
        "found_at": rfc3339(at),
        "photo_ids": [shot.id for shot in shots],
    } | changes


def visit(
    premises_id: object, at: datetime, *, hazards: list[dict[str, Any]], shots: list[Shot], **changes: Any
) -> Any:
    """A visit of twenty minutes that ended at ``at``."""
    return {
        "premises_id": str(premises_id),
        "kind": "patrol",
        "started_at": instant(at, minutes=-20),
        "ended_at": rfc3339(at),
        "offset_ms": 0,
        "hazards": hazards,
        "photos": [shot.declared() for shot in shots],
    } | changes
