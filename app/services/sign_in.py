"""Signing in by password, and choosing a new one; the slow checks lie between two transactions.

Source: contract.md, «Field, office»; domain.md, GB/T 22239-2019.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from app.access.passwords import PasswordRules, check_strength, hash_password, verify_password
from app.core.database import Database
from app.core.errors import Rejected, at
from app.models import FormerPassword, User
from app.queries.accounts import Login, find_login
from app.services.lockout import Attempt, forgive, note_failure, refuse_locked
from app.services.tokens import (
    Grant,
    Origin,
    bad_credentials,
    check_account,
    issue,
    lock_owner,
    make_secret,
    new_sign_in,
    revoke_all,
)

MOST_REMEMBERED = 24
"""Former passwords of an account, whatever the rules ask."""


class PasswordUsedBefore(Rejected):
    code, title, title_zh = "password-used-before", "This password was used before", "不能使用近期用过的密码"


@dataclass(frozen=True, slots=True)
class Person:
    """Who says to be whom, from where."""

    username: str
    password: str
    origin: Origin

    @property
    def attempt(self) -> Attempt:
        return Attempt(self.username, self.origin.address)


def sign_in(db: Database, person: Person, rules: PasswordRules, *, now: datetime) -> Grant:
    """Tokens for a person by password.

    Raises ``BadCredentials``, ``SignInLocked``, ``SignInBusy``, and to who knows the password ``AccountDisabled``
    or ``PasswordChangeNeeded``.
    """
    login = _recognise(db, person, now=now)
    with db.write() as session:
        user = _still(session, person, login, now=now)
        check_account(user, rules, now=now)
        forgive(session, person.attempt)
        sign_in_id = new_sign_in(session, person.origin, now=now)
        return issue(session, user, sign_in_id, (make_secret(), make_secret()), now=now)


def change_password(db: Database, person: Person, chosen: str, rules: PasswordRules, *, now: datetime) -> Grant:
    """Give oneself a new password; it signs the account out everywhere and in here.

    Also for who must change it before anything else. Raises what ``sign_in`` raises, but for
    ``PasswordChangeNeeded``, and ``WeakPassword`` or ``PasswordUsedBefore``.
    """
    check_strength(chosen, rules, pointer="/new_password")
    login = _recognise(db, person, now=now)
    with db.read() as session:
        former = _former(session, login, rules)
    if any(verify_password(chosen, password_hash) for password_hash in former):
        raise PasswordUsedBefore(
            f"Not one of the last {rules.history}.",
            f"新密码不得与最近 {rules.history} 次使用过的密码相同。",
            errors=[at("/new_password", PasswordUsedBefore.code)],
        )
    password_hash = hash_password(chosen, rules)
    with db.write() as session:
        user = _still(session, person, login, now=now)
        set_password(session, user, password_hash, by_another=False, now=now)
        revoke_all(session, user, now=now)
        check_account(user, rules, now=now)
        forgive(session, person.attempt)
        sign_in_id = new_sign_in(session, person.origin, now=now)
        return issue(session, user, sign_in_id, (make_secret(), make_secret()), now=now)


def set_password(session: Session, user: User, password_hash: str, *, by_another: bool, now: datetime) -> None:
    """Replace an account's password and remember the one before; ``by_another``: it must be changed at once."""
    session.add(FormerPassword(user_id=user.id, password_hash=user.password_hash))
    user.password_hash, user.password_set_at, user.must_change_password = password_hash, now, by_another
    session.flush()
    of_user, newest_first = col(FormerPassword.user_id) == user.id, col(FormerPassword.id).desc()
    kept = select(col(FormerPassword.id)).where(of_user).order_by(newest_first).limit(MOST_REMEMBERED)
    session.execute(delete(FormerPassword).where(of_user, col(FormerPassword.id).not_in(kept)))


def _former(session: Session, login: Login, rules: PasswordRules) -> list[str]:
    """The hashes that may not come again, the current one first."""
    of_user, newest_first = col(FormerPassword.user_id) == login.user_id, col(FormerPassword.id).desc()
    query = select(col(FormerPassword.password_hash)).where(of_user).order_by(newest_first)
    return [login.password_hash, *session.scalars(query.limit(rules.history))][: rules.history]


def _recognise(db: Database, person: Person, *, now: datetime) -> Login:
    """The account whose password this is; a failure is noted before it is told."""
    with db.read() as session:
        refuse_locked(session, person.attempt, now=now)
        login = find_login(session, person.username)
    if verify_password(person.password, login.password_hash if login else None) and login is not None:
        return login
    with db.write() as session:
        note_failure(session, person.attempt, now=now)
    raise bad_credentials()


def _still(session: Session, person: Person, login: Login, *, now: datetime) -> User:
    """The locked account, if its password is still that one and no lock was earned while it was checked."""
    refuse_locked(session, person.attempt, now=now)
    user = lock_owner(session, login.user_id)
    if user.password_hash != login.password_hash:  # reset a moment ago
        raise bad_credentials()
    return user
