"""Passwords: what a good one is, and argon2 in bounded numbers, because each one takes 64 MiB and a core.

Never called inside a transaction. Source: choices.md, section 1, «passwords»; domain.md, GB/T 22239-2019.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore

from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.config import Settings
from app.core.errors import Rejected, Unavailable, at
from app.models import User

AT_ONCE = 2
WAITING = 8
"""Sign-ins under way or waiting; more would take all the threads that answer others."""

_hasher = Argon2Hasher()
_places = BoundedSemaphore(WAITING)
_slots = BoundedSemaphore(AT_ONCE)


def bound_sign_ins(*, at_once: int, waiting: int) -> None:
    """Other bounds for this process, set once before it answers: it has fewer threads, or shares the machine."""
    global _places, _slots
    _places, _slots = BoundedSemaphore(waiting), BoundedSemaphore(at_once)


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What is asked of a password; ``history`` counts the current one, ``days`` 0 is for ever."""

    min_length: int = 10
    classes: int = 3
    history: int = 5
    days: int = 90
    change_at_first: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "PasswordRules":
        """Those of this installation."""
        return cls(
            settings.password_min_length,
            settings.password_classes,
            settings.password_history,
            settings.password_days,
            settings.password_change_at_first,
        )

    def must_change(self, user: User, *, now: datetime) -> bool:
        """Whether the account's password opens nothing until it is changed: somebody else chose it, or it is old."""
        set_at = user.password_set_at or user.created_at
        return user.must_change_password or (self.days > 0 and set_at + timedelta(days=self.days) <= now)


class WeakPassword(Rejected):
    code, title, title_zh = "weak-password", "The password is too weak", "密码强度不足"


class SignInBusy(Unavailable):
    code, title, title_zh = "sign-in-busy", "Too many sign-ins at once", "登录人数过多，请稍后重试"


def check_strength(password: str, rules: PasswordRules, *, pointer: str = "/password") -> None:
    """Raise ``WeakPassword`` for one that is too short or too plain."""
    if len(password) < rules.min_length or len({_class_of(char) for char in password}) < rules.classes:
        raise WeakPassword(
            f"At least {rules.min_length} characters; {rules.classes} of: capitals, small letters, digits, others.",
            f"密码至少 {rules.min_length} 位，且须包含大写字母、小写字母、数字、其他字符中的 {rules.classes} 类。",
            errors=[at(pointer, "weak-password")],
        )


def hash_password(password: str, rules: PasswordRules = PasswordRules()) -> str:
    """What is kept of a new password; about 0.1 s. Raises ``WeakPassword`` or ``SignInBusy``."""
    check_strength(password, rules)
    with _bounded():
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one; it takes as long where there is none (None), so nobody can probe for accounts.

    Raises ``SignInBusy``.
    """
    with _bounded():
        nobodys = _nobodys_hash()  # also where it is not needed: the first one takes as long as the check itself
        is_right = _hasher.verify(password, password_hash or nobodys)
    return is_right and password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")


def _class_of(char: str) -> str:
    if char.isdecimal():
        return "digit"
    if char.isascii() and char.isalpha():
        return "capital" if char.isupper() else "small"
    return "other"


@contextmanager
def _bounded() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise SignInBusy("Try again in a few seconds.", "当前登录人数过多，请几秒后重试。")
    try:
        with _slots:
            yield
    finally:
        _places.release()
