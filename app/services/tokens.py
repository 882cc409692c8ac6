"""Signing in and out: opaque tokens, kept as their SHA-256; a refresh token is used once.

Source: contract.md, «Field, office» (``POST /auth/token``).
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Session, col

from app.access.credentials import (
    ACCESS,
    REFRESH,
    AccountDisabled,
    TokenExpired,
    TokenRevoked,
    TokenUnknown,
    hash_token,
)
from app.access.passwords import verify_password
from app.core.database import Database
from app.core.errors import Unauthorized
from app.core.ids import uuid7
from app.models import Client, Token, User
from app.queries.accounts import find_login

ACCESS_FOR = timedelta(hours=12)
REFRESH_FOR = timedelta(days=30)
FORGOTTEN_AFTER = timedelta(days=7)
"""An expired token is known as such for this long."""


class BadCredentials(Unauthorized):
    code, title, title_zh = "bad-credentials", "Name or secret is wrong", "用户名或密码错误"


@dataclass(frozen=True, slots=True)
class Grant:
    """Fresh tokens, in clear for the only time; machine clients get no refresh token."""

    access_token: str
    expires_in_s: int
    refresh_token: str | None


def make_secret() -> str:
    """A token or a client's secret: 256 random bits."""
    return secrets.token_urlsafe(32)


def sign_in(db: Database, username: str, password: str, *, now: datetime) -> Grant:
    """Tokens for a person by password; the slow check lies between two transactions.

    Raises ``BadCredentials``, ``AccountDisabled`` (only to who knows the password) or ``SignInBusy``.
    """
    with db.read() as session:
        login = find_login(session, username)
    if not verify_password(password, login.password_hash if login else None) or login is None:
        raise _bad_credentials()
    with db.write() as session:
        user = _lock_owner(session, login.user_id)
        if user.password_hash != login.password_hash:  # reset a moment ago
            raise _bad_credentials()
        return _issue(session, user, uuid7(), now=now)


def sign_in_client(session: Session, client_id: str, secret: str, *, now: datetime) -> Grant:
    """An access token for a machine client. Raises ``BadCredentials`` or ``AccountDisabled``."""
    try:
        client = session.get(Client, UUID(client_id))
    except ValueError:
        client = None
    if client is None or not hmac.compare_digest(client.secret_hash, hash_token(secret)):
        raise _bad_credentials()
    return _issue(session, client, uuid7(), now=now)


def refresh(session: Session, refresh_token: str, *, now: datetime) -> Grant:
    """New tokens for a refresh token, which is used up.

    Raises ``TokenUnknown``, ``TokenRevoked``, ``TokenExpired`` or ``AccountDisabled``.
    """
    token = session.get(Token, hash_token(refresh_token))
    if token is None or token.kind != REFRESH or token.user_id is None:
        raise _unknown_refresh_token()
    user = _lock_owner(session, token.user_id)
    token = session.get(Token, token.token_hash, with_for_update=True, populate_existing=True)
    if token is None:  # forgotten a moment ago
        raise _unknown_refresh_token()
    if token.revoked_at is not None:
        raise TokenRevoked("This refresh token was used or revoked. Sign in again.", "登录已失效，请重新登录。")
    if token.expires_at <= now:
        raise TokenExpired("This refresh token has expired. Sign in again.", "登录已过期，请重新登录。")
    grant = _issue(session, user, token.family_id, now=now)
    token.revoked_at = now
    session.flush()
    return grant


def sign_out(session: Session, access_token: str, *, now: datetime) -> None:
    """Revoke the token and all that came from the same sign-in."""
    token = session.get_one(Token, hash_token(access_token))
    if token.user_id is not None:
        _lock_owner(session, token.user_id)
    session.execute(
        update(Token)
        .where(col(Token.family_id) == token.family_id, col(Token.revoked_at).is_(None))
        .values(revoked_at=now)
    )


def revoke_all(session: Session, owner: User | Client, *, now: datetime) -> None:
    """Sign a person or a machine client out everywhere."""
    column = col(Token.user_id) if isinstance(owner, User) else col(Token.client_id)
    session.execute(update(Token).where(column == owner.id, col(Token.revoked_at).is_(None)).values(revoked_at=now))


def forget_expired(session: Session, *, now: datetime) -> int:
    """Remove tokens that expired long ago, whoever held them; how many."""
    gone = session.execute(
        delete(Token).where(col(Token.expires_at) < now - FORGOTTEN_AFTER).returning(col(Token.family_id))
    )
    return len(gone.all())


def _lock_owner(session: Session, user_id: UUID) -> User:
    """Whoever gives or revokes tokens of a person holds the account first: none is given behind a revocation's back.

    Its key stays free: what the person submits meanwhile refers to it.
    """
    return session.get_one(User, user_id, with_for_update={"key_share": True})


def _unknown_refresh_token() -> TokenUnknown:
    return TokenUnknown("This refresh token is not known. Sign in again.", "登录凭证无效，请重新登录。")


def _issue(session: Session, owner: User | Client, family_id: UUID, *, now: datetime) -> Grant:
    if not owner.is_active:
        raise AccountDisabled("This account is disabled.", "账号已停用，请联系管理员。")
    is_person = isinstance(owner, User)
    column = col(Token.user_id) if is_person else col(Token.client_id)
    session.execute(delete(Token).where(column == owner.id, col(Token.expires_at) < now - FORGOTTEN_AFTER))
    access, refreshing = make_secret(), make_secret() if is_person else None
    for kind, token, lasts in ((ACCESS, access, ACCESS_FOR), (REFRESH, refreshing, REFRESH_FOR)):
        if token is not None:
            session.add(
                Token(
                    token_hash=hash_token(token),
                    kind=kind,
                    family_id=family_id,
                    user_id=owner.id if is_person else None,
                    client_id=None if is_person else owner.id,
                    issued_at=now,
                    expires_at=now + lasts,
                )
            )
    session.flush()
    return Grant(access, int(ACCESS_FOR.total_seconds()), refreshing)


def _bad_credentials() -> BadCredentials:
    return BadCredentials("Name or secret is wrong.", "用户名或密码错误。")
