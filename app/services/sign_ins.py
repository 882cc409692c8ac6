"""Ending sign-ins: one's own, or another's by an administrator; in force on every node with the next request."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col

from app.access.actor import Actor, require
from app.core.clock import business_date
from app.models import Token
from app.queries.accounts import get_user
from app.queries.sign_ins import check_is_of
from app.services.tokens import lock_owner


def end_own(
    session: Session, actor: Actor, *, sign_in_id: UUID | None = None, keep_current: bool = False, now: datetime
) -> None:
    """Sign oneself out of one device, or of all; ``keep_current`` spares the one in use. Raises ``NotFound``."""
    if not actor.is_client:
        lock_owner(session, actor.id)
    _end(session, actor.id, sign_in_id, kept_id=actor.sign_in_id if keep_current else None, now=now)


def end_of_user(
    session: Session, actor: Actor, user_id: UUID, *, sign_in_id: UUID | None = None, now: datetime
) -> None:
    """Sign a person of one's area out of one device, or of all. Raises ``Forbidden`` or ``NotFound``."""
    require(actor, "end_session_of_user" if sign_in_id else "end_sessions_of_user")
    user = get_user(session, actor, user_id, today=business_date(now), lock=True)
    _end(session, user.id, sign_in_id, kept_id=None, now=now)


def _end(session: Session, owner_id: UUID, sign_in_id: UUID | None, *, kept_id: UUID | None, now: datetime) -> None:
    tokens = update(Token).where(
        (col(Token.user_id) == owner_id) | (col(Token.client_id) == owner_id), col(Token.revoked_at).is_(None)
    )
    if sign_in_id is not None:
        check_is_of(session, owner_id, sign_in_id)
        tokens = tokens.where(col(Token.family_id) == sign_in_id)
    if kept_id is not None:
        tokens = tokens.where(col(Token.family_id) != kept_id)
    session.execute(tokens.values(revoked_at=now))
