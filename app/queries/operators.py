"""What the operator at the command line sees: everything, since nobody signs in there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from app.core.errors import NotFound
from app.domain.vocabulary import Role
from app.models import Area, Client, User, UserArea


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A person's or a machine client's account in a list; ``name`` is what it signs in with."""

    name: str
    role: str
    areas: tuple[str, ...]
    is_active: bool


def has_users(session: Session) -> bool:
    """Whether anybody has an account."""
    return session.execute(select(col(User.id)).limit(1)).first() is not None


def list_all_users(session: Session) -> list[AccountLine]:
    """Every person's account by username, with the codes of its areas."""
    codes: dict[object, list[str]] = {}
    terms = select(col(UserArea.user_id), col(Area.code)).join(Area, col(Area.id) == col(UserArea.area_id))
    for user_id, code in session.execute(terms.order_by(col(Area.code))):
        codes.setdefault(user_id, []).append(code)
    users = session.execute(select(User).order_by(col(User.username))).scalars()
    return [AccountLine(user.username, user.role, tuple(codes.get(user.id, ())), user.is_active) for user in users]


def list_all_clients(session: Session) -> list[AccountLine]:
    """Every machine client, the oldest first."""
    query = select(Client, col(Area.code)).join(Area, col(Area.id) == col(Client.area_id)).order_by(col(Client.id))
    return [
        AccountLine(str(client.id), f"{Role.DISTRICT} client", (code,), client.is_active)
        for client, code in session.execute(query)
    ]


def list_all_areas(session: Session) -> Sequence[Area]:
    """Every area in the order of the tree."""
    return session.execute(select(Area).order_by(col(Area.path))).scalars().all()


def get_area_by_code(session: Session, code: str) -> Area:
    """The area; raises ``NotFound``."""
    area: Area | None = session.execute(select(Area).where(col(Area.code) == code)).scalar_one_or_none()
    if area is None:
        raise NotFound(f"There is no area {code}.", f"没有区域 {code}。")
    return area
