"""Where somebody is signed in (登录会话): one entry for all tokens that came from one sign-in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.errors import NotFound
from app.models import SignIn, Token
from app.queries.paging import DEFAULT_LIMIT, Page, bad_cursor, cut, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True)
class SignInRecord:
    """A sign-in with a token that is still good; of one made by an earlier release the particulars are not known."""

    id: UUID
    app: str
    device: str
    address: str
    signed_in_at: datetime
    last_used_at: datetime


def list_sign_ins(
    session: Session,
    actor: Actor,
    owner_id: UUID,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[SignInRecord]:
    """The live sign-ins of a person or client, newest first; one statement. Raises ``BadCursor``."""
    query = (
        select(
            col(Token.family_id),
            func.max(SignIn.app),
            func.max(SignIn.device),
            func.max(SignIn.address),
            func.coalesce(func.max(SignIn.signed_in_at), func.min(Token.issued_at)).label("signed_in_at"),
            func.coalesce(func.max(SignIn.last_used_at), func.max(Token.issued_at)),
        )
        .outerjoin(SignIn, col(SignIn.id) == col(Token.family_id))
        .where(
            (col(Token.user_id) == owner_id) | (col(Token.client_id) == owner_id),
            col(Token.revoked_at).is_(None),
            col(Token.expires_at) > now,
        )
        .group_by(col(Token.family_id))
        .order_by(col(Token.family_id).desc())
        .limit(limit + 1)
    )
    order = f"sign-ins of {owner_id}"
    if after is not None:
        query = query.where(col(Token.family_id) < _after(actor, order, after))
    found = [
        SignInRecord(sign_in_id, app or "", device or "", address or "", signed_in_at, last_used_at)
        for sign_in_id, app, device, address, signed_in_at, last_used_at in session.execute(query)
    ]
    rows, more = cut(found, limit)
    return Page(rows, encode_cursor(actor, order, str(rows[-1].id)) if more else None)


def check_is_of(session: Session, owner_id: UUID, sign_in_id: UUID) -> None:
    """Raise ``NotFound`` unless it is a sign-in of that person or client."""
    is_owners = (col(Token.user_id) == owner_id) | (col(Token.client_id) == owner_id)
    query = select(col(Token.token_hash)).where(col(Token.family_id) == sign_in_id, is_owners).limit(1)
    if session.execute(query).first() is None:
        raise NotFound("There is no such session.", "没有该登录会话。")


def _after(actor: Actor, order: str, cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(actor, order, cursor, 1)[0])
    except ValueError as error:
        raise bad_cursor() from error
