"""Tokens: opaque, kept as their SHA-256; a refresh token is exchanged once, and for ten minutes answers the same.

Source: contract.md, «Field, office» (``POST /auth/token``).
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, update
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
from app.access.passwords import PasswordRules
from app.core.database import Database
from app.core.errors import Forbidden, Unauthorized
from app.core.ids import uuid7
from app.models import Client, SignIn, Token, User

ACCESS_FOR = timedelta(hours=12)
REFRESH_FOR = timedelta(days=30)
FORGOTTEN_AFTER = timedelta(days=7)
"""An expired token is known as such for this long."""


SAME_ANSWER_FOR = timedelta(minutes=10)
"""How long a used refresh token still gives its successors."""


class BadCredentials(Unauthorized):
    code, title, title_zh = "bad-credentials", "Name or secret is wrong", "用户名或密码错误"


class TokenReused(Unauthorized):
    code, title, title_zh = "token-reused", "This token was used before", "登录凭证被重复使用"


class PasswordChangeNeeded(Forbidden):
    code, title, title_zh = "password-change-needed", "The password must be changed first", "须先修改密码"


@dataclass(frozen=True, slots=True)
class Origin:
    """From where somebody signs in or stays signed in, as far as the network and the client say."""

    address: str
    app: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Fresh tokens, in clear for the only time; machine clients get no refresh token."""

    access_token: str
    expires_in_s: int
    refresh_token: str | None


def make_secret() -> str:
    """A token or a client's secret: 256 random bits."""
    return secrets.token_urlsafe(32)


def sign_in_client(session: Session, client_id: str, secret: str, *, origin: Origin, now: datetime) -> Grant:
    """An access token for a machine client. Raises ``BadCredentials`` or ``AccountDisabled``."""
    try:
        client = session.get(Client, UUID(client_id))
    except ValueError:
        client = None
    if client is None or not hmac.compare_digest(client.secret_hash, hash_token(secret)):
        raise bad_credentials()
    if not client.is_active:
        raise _disabled()
    return issue(session, client, new_sign_in(session, origin, now=now), (make_secret(), None), now=now)


def refresh(
    db: Database, refresh_token: str, rules: PasswordRules, *, secret: bytes, origin: Origin, now: datetime
) -> Grant:
    """The successors of a refresh token, the same ones for ten minutes, so that a lost answer costs nothing.

    They are computed from the token and the service's ``secret``, since only hashes are kept. A token that comes back
    later is in two hands: everything of its sign-in is revoked. Raises ``TokenUnknown``, ``TokenRevoked``,
    ``TokenReused``, ``TokenExpired``, ``AccountDisabled`` or ``PasswordChangeNeeded``.
    """
    with db.write() as session:
        grant = exchange(session, refresh_token, rules, secret=secret, origin=origin, now=now)
    if grant is None:
        raise TokenReused(
            "This refresh token was used before; all of this sign-in is revoked. Sign in again.",
            "该登录凭证已被使用过，为安全起见本次登录已全部失效，请重新登录。",
        )
    return grant


def exchange(
    session: Session, refresh_token: str, rules: PasswordRules, *, secret: bytes, origin: Origin, now: datetime
) -> Grant | None:
    """The same in a transaction; None when the token came back too late, and everything of its sign-in was revoked."""
    token = session.get(Token, hash_token(refresh_token))
    if token is None or token.kind != REFRESH or token.user_id is None:
        raise _unknown_refresh_token()
    user = lock_owner(session, token.user_id)
    token = session.get(Token, token.token_hash, with_for_update=True, populate_existing=True)
    if token is None:  # forgotten a moment ago
        raise _unknown_refresh_token()
    _refuse_dead(token, now)
    if token.used_at is not None and token.used_at + SAME_ANSWER_FOR < now:
        _revoke_family(session, token.family_id, now=now)
        return None
    check_account(user, rules, now=now)
    access, refreshing = _successors(secret, refresh_token)
    if token.used_at is None:
        token.used_at = now
        remember_sign_in(session, token.family_id, origin, now=now)
        return issue(session, user, token.family_id, (access, refreshing), now=now)
    kept = session.get(Token, hash_token(access))
    if kept is None:  # the service's secret has changed since
        raise TokenRevoked("This refresh token was used. Sign in again.", "登录已失效，请重新登录。")
    return Grant(access, max(0, int((kept.expires_at - now).total_seconds())), refreshing)


def check_account(user: User, rules: PasswordRules, *, now: datetime) -> None:
    """Whether its person may have tokens, told only to who has a password or token of it.

    Raises ``AccountDisabled`` or ``PasswordChangeNeeded``.
    """
    if not user.is_active:
        raise _disabled()
    if rules.must_change(user, now=now):
        raise PasswordChangeNeeded(
            "Choose a new password (POST /api/v1/auth/password) and sign in with it.",
            "请先修改密码（首次登录、管理员重置后或密码到期），再使用新密码登录。",
        )


def _refuse_dead(token: Token, now: datetime) -> None:
    if token.revoked_at is not None:
        raise TokenRevoked("This refresh token was revoked. Sign in again.", "登录已失效，请重新登录。")
    if token.used_at is None and token.expires_at <= now:
        raise TokenExpired("This refresh token has expired. Sign in again.", "登录已过期，请重新登录。")


def _successors(secret: bytes, refresh_token: str) -> tuple[str, str]:
    """The access and the refresh token that follow: nobody can tell them without the token and our secret."""
    texts = (f"{kind} token after {refresh_token}".encode() for kind in (ACCESS, REFRESH))
    access, refreshing = (base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")) for text in texts)
    return access.decode().rstrip("="), refreshing.decode().rstrip("=")


def _revoke_family(session: Session, family_id: UUID, *, now: datetime) -> None:
    session.execute(
        update(Token).where(col(Token.family_id) == family_id, col(Token.revoked_at).is_(None)).values(revoked_at=now)
    )


def sign_out(session: Session, access_token: str, *, now: datetime) -> None:
    """Revoke the token and all that came from the same sign-in."""
    token = session.get_one(Token, hash_token(access_token))
    if token.user_id is not None:
        lock_owner(session, token.user_id)
    _revoke_family(session, token.family_id, now=now)


def revoke_all(session: Session, owner: User | Client, *, now: datetime) -> None:
    """Sign a person or a machine client out everywhere."""
    column = col(Token.user_id) if isinstance(owner, User) else col(Token.client_id)
    session.execute(update(Token).where(column == owner.id, col(Token.revoked_at).is_(None)).values(revoked_at=now))


def forget_expired(session: Session, *, now: datetime) -> int:
    """Remove tokens that expired long ago, whoever held them; how many."""
    gone = session.execute(
        delete(Token).where(col(Token.expires_at) < now - FORGOTTEN_AFTER).returning(col(Token.family_id))
    )
    count = len(gone.all())
    without_tokens = ~exists().where(col(Token.family_id) == col(SignIn.id))
    old = col(SignIn.last_used_at) < now - REFRESH_FOR - FORGOTTEN_AFTER
    session.execute(delete(SignIn).where(old, without_tokens))
    return count


def lock_owner(session: Session, user_id: UUID) -> User:
    """Whoever gives or revokes tokens of a person holds the account first: none is given behind a revocation's back.

    Its key stays free: what the person submits meanwhile refers to it.
    """
    return session.get_one(User, user_id, with_for_update={"key_share": True})


def _unknown_refresh_token() -> TokenUnknown:
    return TokenUnknown("This refresh token is not known. Sign in again.", "登录凭证无效，请重新登录。")


def new_sign_in(session: Session, origin: Origin, *, now: datetime) -> UUID:
    """The id of a fresh sign-in."""
    sign_in_id = uuid7()
    remember_sign_in(session, sign_in_id, origin, now=now)
    return sign_in_id


def remember_sign_in(session: Session, sign_in_id: UUID, origin: Origin, *, now: datetime) -> None:
    """From where it came last; its beginning stays."""
    minute = now.replace(second=0, microsecond=0)
    told = {"app": _plain(origin.app, 120), "device": _plain(origin.device, 200), "address": _plain(origin.address, 45)}
    if (known := session.get(SignIn, sign_in_id)) is None:
        session.add(SignIn(id=sign_in_id, signed_in_at=now, last_used_at=minute, **told))
        return
    for name, value in (told | {"last_used_at": max(minute, known.last_used_at)}).items():
        setattr(known, name, value)


def _plain(text: str, most: int) -> str:
    return "".join(char for char in text if char.isascii() and char.isprintable())[:most]


def issue(
    session: Session, owner: User | Client, family_id: UUID, secrets_made: tuple[str, str | None], *, now: datetime
) -> Grant:
    """Keep an access token and, for people, a refresh token, both ready made; forget old ones of the same owner."""
    is_person = isinstance(owner, User)
    column = col(Token.user_id) if is_person else col(Token.client_id)
    session.execute(delete(Token).where(column == owner.id, col(Token.expires_at) < now - FORGOTTEN_AFTER))
    for kind, token, lasts in zip((ACCESS, REFRESH), secrets_made, (ACCESS_FOR, REFRESH_FOR), strict=True):
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
    access, refreshing = secrets_made
    return Grant(access, int(ACCESS_FOR.total_seconds()), refreshing)


def _disabled() -> AccountDisabled:
    return AccountDisabled("This account is disabled.", "账号已停用，请联系管理员。")


def bad_credentials() -> BadCredentials:
    """The same for a wrong name and a wrong secret."""
    return BadCredentials("Name or secret is wrong.", "用户名或密码错误。")
