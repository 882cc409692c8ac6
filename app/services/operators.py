"""What the operator at the command line does to accounts, in any area and remembered as nobody's act."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.core.errors import NotFound
from app.models import Client, User
from app.services.sign_in import set_password
from app.services.tokens import revoke_all


def give_password(session: Session, username: str, *, password_hash: str, now: datetime) -> None:
    """Give an account a new password and sign it out everywhere; it need not be changed. Raises ``NotFound``."""
    user = _lock_user(session, username)
    set_password(session, user, password_hash, by_another=False, now=now)
    revoke_all(session, user, now=now)
    session.flush()


def disable_user(session: Session, username: str, *, now: datetime) -> None:
    """Disable an account and sign it out everywhere; its history stays. Raises ``NotFound``."""
    user = _lock_user(session, username)
    user.is_active = False
    revoke_all(session, user, now=now)
    session.flush()


def disable_client(session: Session, client_id: UUID, *, now: datetime) -> None:
    """Disable a machine client and revoke its tokens. Raises ``NotFound``."""
    client = session.get(Client, client_id, with_for_update=True)
    if client is None:
        raise NotFound(f"There is no client {client_id}.", f"没有接口账号 {client_id}。")
    client.is_active = False
    revoke_all(session, client, now=now)
    session.flush()


def _lock_user(session: Session, username: str) -> User:
    query = select(User).where(col(User.username) == username).with_for_update(key_share=True)
    user: User | None = session.execute(query).scalar_one_or_none()
    if user is None:
        raise NotFound(f"There is no account {username}.", f"没有账号 {username}。")
    return user
