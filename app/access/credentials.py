"""Who a bearer token belongs to. It is asked on every request: one statement, columns only."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any  # rows of Core statements
from uuid import UUID

from sqlalchemy import Connection, Date, Text, and_, bindparam, case, cast, func, or_, select
from sqlmodel import Session

from app.access.actor import Actor, ActorArea
from app.core.clock import business_date
from app.core.errors import Unauthorized
from app.core.prepared import Prepared
from app.domain.vocabulary import AreaLevel, Role
from app.models import User

ACCESS, REFRESH = "access", "refresh"


class TokenUnknown(Unauthorized):
    code, title, title_zh = "token-unknown", "This token is not known", "登录凭证无效"


class TokenExpired(Unauthorized):
    code, title, title_zh = "token-expired", "This token has expired", "登录已过期"


class TokenRevoked(Unauthorized):
    code, title, title_zh = "token-revoked", "This token was revoked", "登录已失效"


class AccountDisabled(Unauthorized):
    code, title, title_zh = "account-disabled", "This account is disabled", "账号已停用"


def hash_token(token: str) -> str:
    """The only form in which a token or a client's secret is kept: SHA-256, lower-case hex."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def authenticate(on: Session | Connection, token: str, *, now: datetime) -> Actor:
    """The person or machine client whose access token this is, with the areas valid today.

    A person without an area today is let in and sees nothing. Raises ``TokenUnknown``,
    ``TokenRevoked``, ``TokenExpired`` or ``AccountDisabled``. One statement, a row an area (at most eight).
    """
    return _actor(_BY_TOKEN.rows(on, _question(token, now)), now)


def authenticate_each(on: Session | Connection, tokens: Sequence[str], *, now: datetime) -> list[Actor | None]:
    """The same of several tokens, waited for once; None where ``authenticate`` raises."""
    actors: list[Actor | None] = []
    for rows in _BY_TOKEN.rows_of_each(on, [_question(token, now) for token in tokens]):
        try:
            actors.append(_actor(rows, now))
        except Unauthorized:
            actors.append(None)
    return actors


def _question(token: str, now: datetime) -> dict[str, Any]:
    return {"token_hash": hash_token(token), "today": business_date(now)}


def _actor(rows: Sequence[Any], now: datetime) -> Actor:
    if not rows:
        raise TokenUnknown("This token is not known. Sign in again.", "登录凭证无效，请重新登录。")
    first = rows[0]
    if first.revoked_at is not None:
        raise TokenRevoked("This token was revoked. Sign in again.", "登录已失效，请重新登录。")
    if first.expires_at <= now:
        raise TokenExpired("This token has expired. Sign in again.", "登录已过期，请重新登录。")
    if not (first.user_is_active or first.client_is_active):
        raise AccountDisabled("This account is disabled.", "账号已停用，请联系管理员。")
    areas = tuple(_area(row) for row in rows if row.area_id is not None)
    if first.client_id is not None:
        return Actor(
            first.client_id, Role.DISTRICT, areas, first.client_id, first.scope_epoch, sign_in_id=first.family_id
        )
    links = tuple(_links(first.links))
    return Actor(first.user_id, Role(first.role), areas, credential_links=links, sign_in_id=first.family_id)


def _area(row: Any) -> ActorArea:
    return ActorArea(row.area_id, row.area_code, AreaLevel(row.area_level), row.area_path)


def _links(links: str | None) -> Iterator[tuple[UUID, datetime]]:
    for link in links.split(",") if links else ():
        other, _, at = link.partition("@")
        yield UUID(other), datetime.fromisoformat(at)


_tables = User.metadata.tables
_token, _user, _client = _tables["token"], _tables["user_account"], _tables["machine_client"]
_user_area, _area_table, _event = _tables["user_area"], _tables["area"], _tables["credential_event"]
_today = bindparam("today", type_=Date)

_OTHER = case((_event.c.user_id == _token.c.user_id, _event.c.by_id), else_=_event.c.user_id)
_LINKS = (
    select(func.aggregate_strings(cast(_OTHER, Text).concat("@").concat(cast(_event.c.occurred_at, Text)), ","))
    .where(
        or_(_event.c.user_id == _token.c.user_id, _event.c.by_id == _token.c.user_id),
        _user.c.role != Role.ADMIN,  # who makes accounts by the hundred acts on no hazard
    )
    .correlate(_token, _user)
    .scalar_subquery()
)
_BY_TOKEN = Prepared(
    select(
        _token.c.expires_at,
        _token.c.revoked_at,
        _token.c.user_id,
        _token.c.client_id,
        _token.c.family_id,
        _user.c.role,
        _user.c.is_active.label("user_is_active"),
        _client.c.is_active.label("client_is_active"),
        _client.c.scope_epoch,
        _area_table.c.id.label("area_id"),
        _area_table.c.code.label("area_code"),
        _area_table.c.level.label("area_level"),
        _area_table.c.path.label("area_path"),
        _LINKS.label("links"),
    )
    .select_from(_token)
    .outerjoin(_user, _user.c.id == _token.c.user_id)
    .outerjoin(_client, _client.c.id == _token.c.client_id)
    .outerjoin(
        _user_area,
        and_(
            _user_area.c.user_id == _token.c.user_id,
            _user_area.c.valid_from <= _today,
            or_(_user_area.c.valid_to.is_(None), _user_area.c.valid_to >= _today),
        ),
    )
    .outerjoin(_area_table, _area_table.c.id == func.coalesce(_client.c.area_id, _user_area.c.area_id))
    .where(_token.c.token_hash == bindparam("token_hash"), _token.c.kind == ACCESS)
    .order_by(_area_table.c.path)
)
