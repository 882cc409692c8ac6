"""Who has an account: people, machine clients, and who is asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.errors import NotFound
from app.domain.vocabulary import AreaLevel, Role
from app.models import Area, Client, User, UserArea
from app.queries.paging import DEFAULT_LIMIT, Page, bad_cursor, cut, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True)
class Login:
    """What a password is checked against."""

    user_id: UUID
    password_hash: str


@dataclass(frozen=True, slots=True)
class AreaTerm:
    """An area somebody works in, and from when to when (days in Asia/Shanghai, both included)."""

    id: UUID
    code: str
    name: str
    level: AreaLevel
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account with its areas inside the reader's, past and future ones too, in the order of their paths."""

    user: User
    areas: list[AreaTerm]


@dataclass(frozen=True, slots=True)
class ClientAccount:
    """A machine client and its area."""

    client: Client
    area: Area


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking; ``username`` and ``staff_number`` None for a machine client."""

    name: str
    username: str | None
    staff_number: str | None
    certificate_no: str | None
    areas: list[Area]
    """Valid today."""


def find_login(session: Session, username: str) -> Login | None:
    """The account of that exact name; the one statement without an area, because nobody is signed in yet."""
    row = session.execute(select(col(User.id), col(User.password_hash)).where(col(User.username) == username)).first()
    return Login(*row) if row else None


def get_me(session: Session, actor: Actor) -> Me:
    """Name and areas of the actor; two statements."""
    ids = [area.id for area in actor.areas]
    areas = list(session.scalars(select(Area).where(col(Area.id).in_(ids)).order_by(col(Area.path))))
    if actor.is_client:
        return Me(session.get_one(Client, actor.id).name, None, None, None, areas)
    user = session.get_one(User, actor.id)
    return Me(user.name, user.username, user.staff_number, user.certificate_no, areas)


def list_users(
    session: Session,
    actor: Actor,
    *,
    today: date,
    role: Role | None = None,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Account]:
    """Accounts under the actor, oldest first; two statements. Raises ``BadCursor``."""
    query = select(User).where(_is_under(actor, today)).order_by(col(User.id)).limit(limit + 1)
    if role is not None:
        query = query.where(col(User.role) == role)
    if after is not None:
        query = query.where(col(User.id) > _after(actor, "users", after))
    users, more = cut(list(session.scalars(query)), limit)
    return Page(_with_areas(session, actor, users), encode_cursor(actor, "users", str(users[-1].id)) if more else None)


def get_account(session: Session, actor: Actor, user_id: UUID, *, today: date) -> Account:
    """An account under the actor. Raises ``NotFound``, also when one of its areas lies elsewhere."""
    return _with_areas(session, actor, [get_user(session, actor, user_id, today=today)])[0]


def get_user(session: Session, actor: Actor, user_id: UUID, *, today: date, lock: bool = False) -> User:
    """The row of an account under the actor. Raises ``NotFound``."""
    query = select(User).where(_is_under(actor, today), col(User.id) == user_id)
    user = session.scalars(query.with_for_update(of=User, key_share=True) if lock else query).one_or_none()
    if user is None:
        raise NotFound("There is no such account in your area.", "您的辖区内没有该账号。")
    return user


def list_clients(
    session: Session, actor: Actor, *, after: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[ClientAccount]:
    """Machine clients whose area lies in the actor's, oldest first; one statement. Raises ``BadCursor``."""
    query = (
        select(Client, Area)
        .join(Area, col(Area.id) == col(Client.area_id))
        .where(in_area_of(actor, col(Area.path)))
        .order_by(col(Client.id))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(col(Client.id) > _after(actor, "clients", after))
    rows, more = cut([ClientAccount(client, area) for client, area in session.execute(query)], limit)
    return Page(rows, encode_cursor(actor, "clients", str(rows[-1].client.id)) if more else None)


def get_client(session: Session, actor: Actor, client_id: UUID, *, lock: bool = False) -> ClientAccount:
    """A machine client whose area lies in the actor's. Raises ``NotFound``."""
    query = (
        select(Client, Area)
        .join(Area, col(Area.id) == col(Client.area_id))
        .where(in_area_of(actor, col(Area.path)), col(Client.id) == client_id)
    )
    row = session.execute(query.with_for_update(of=Client) if lock else query).one_or_none()
    if row is None:
        raise NotFound("There is no such client in your area.", "您的辖区内没有该接口账号。")
    return ClientAccount(*row)


def _is_under(actor: Actor, today: date) -> ColumnElement[bool]:
    """Works or worked in the actor's areas, and has no area elsewhere that is not over."""
    own = and_(col(UserArea.user_id) == col(User.id), col(Area.id) == col(UserArea.area_id))
    lasts = or_(col(UserArea.valid_to).is_(None), col(UserArea.valid_to) >= today)
    inside = in_area_of(actor, col(Area.path))
    return and_(exists().where(own, inside), not_(exists().where(own, lasts, not_(inside))))


def _with_areas(session: Session, actor: Actor, users: Sequence[User]) -> list[Account]:
    query = (
        select(UserArea, Area)
        .join(Area, col(Area.id) == col(UserArea.area_id))
        .where(in_area_of(actor, col(Area.path)), col(UserArea.user_id).in_([user.id for user in users]))
        .order_by(col(Area.path), col(UserArea.valid_from))
    )
    terms: dict[UUID, list[AreaTerm]] = {user.id: [] for user in users}
    for term, area in session.execute(query):
        terms[term.user_id].append(AreaTerm(area.id, area.code, area.name, area.level, term.valid_from, term.valid_to))
    return [Account(user, terms[user.id]) for user in users]


def _after(actor: Actor, order: str, cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(actor, order, cursor, 1)[0])
    except ValueError as error:
        raise bad_cursor() from error
