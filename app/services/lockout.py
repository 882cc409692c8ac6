"""Failed sign-ins, kept for all nodes in the database; a sign-in that succeeds writes nothing but its tokens.

What is told does not depend on whether there is such an account. Who tries a hundred passwords at once learns no more
than who tries them one after another: a failure is counted before it is told, behind a lock, and a success is given
only when the failures told so far allow it. Source: domain.md, GB/T 22239-2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from app.access.credentials import hash_token
from app.core.clock import rfc3339
from app.core.errors import TooMany
from app.domain.lockout import OF_ACCOUNT, OF_ADDRESS, Limit, locked_until, network_of, with_failure
from app.models import SignInFailures


class SignInLocked(TooMany):
    code, title, title_zh = "sign-in-locked", "Too many failed sign-ins", "登录失败次数过多"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A name tried from an address."""

    username: str
    address: str

    @property
    def key(self) -> str:
        return hash_token(f"{network_of(self.address)} {self.username}")

    @property
    def limits(self) -> dict[str, Limit]:
        """What is counted, by key, in the order of the locks."""
        return {hash_token(network_of(self.address)): OF_ADDRESS, self.key: OF_ACCOUNT}


def refuse_locked(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Raise ``SignInLocked`` while one of the limits is reached; one statement."""
    limits = attempt.limits
    rows = session.scalars(select(SignInFailures).where(col(SignInFailures.key).in_(limits)))
    _refuse((locked_until(_instants(row), limits[row.key], now=now) for row in rows), now)


def note_failure(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Count a failure. Raises ``SignInLocked`` when others came first and reached a limit."""
    for key, limit in attempt.limits.items():
        row = _lock_row(session, key, now)
        failed_at = _instants(row)
        _refuse([locked_until(failed_at, limit, now=now)], now)
        row.instants = [rfc3339(at) for at in with_failure(failed_at, limit, now=now)]
        row.last_at = now
        session.flush()


def forgive(session: Session, attempt: Attempt) -> None:
    """Who signs in has shown who he is: his name counts from zero again, the address does not."""
    session.execute(delete(SignInFailures).where(col(SignInFailures.key) == attempt.key))


def forget_failures(session: Session, *, now: datetime) -> int:
    """Remove what no longer counts; how many rows."""
    longest: timedelta = max(OF_ACCOUNT.within, OF_ADDRESS.within)
    old = delete(SignInFailures).where(col(SignInFailures.last_at) < now - longest)
    return len(session.execute(old.returning(col(SignInFailures.key))).all())


def _lock_row(session: Session, key: str, now: datetime) -> SignInFailures:
    while (row := session.get(SignInFailures, key, with_for_update=True, populate_existing=True)) is None:
        try:
            with session.begin_nested():
                session.add(SignInFailures(key=key, instants=[], last_at=now))
        except IntegrityError:  # somebody else was first: wait for him
            continue
    return row


def _instants(row: SignInFailures) -> list[datetime]:
    return [datetime.fromisoformat(at) for at in row.instants]


def _refuse(until: Iterator[datetime | None] | list[datetime | None], now: datetime) -> None:
    last = max((at for at in until if at is not None), default=None)
    if last is None:
        return
    minutes = -(-(last - now) // timedelta(minutes=1))
    raise SignInLocked(
        f"Try again in {minutes} min; who is signed in stays so.",
        f"登录失败次数过多，请 {minutes} 分钟后重试；已登录的设备不受影响。",
        retry_after_s=-(-(last - now) // timedelta(seconds=1)),
    )
