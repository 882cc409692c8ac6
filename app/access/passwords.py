"""Passwords: what a good one is, and argon2 in bounded numbers, because each one takes 64 MiB and a core.

Never called inside a transaction. Source: choices.md, section 1, «passwords».
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.errors import Rejected, Unavailable, at

MIN_LENGTH = 10
CLASSES_NEEDED = 3
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


class WeakPassword(Rejected):
    code, title, title_zh = "weak-password", "The password is too weak", "密码强度不足"


class SignInBusy(Unavailable):
    code, title, title_zh = "sign-in-busy", "Too many sign-ins at once", "登录人数过多，请稍后重试"


def hash_password(password: str) -> str:
    """What is kept of a new password; about 0.1 s. Raises ``WeakPassword`` or ``SignInBusy``."""
    classes = {_class_of(char) for char in password}
    if len(password) < MIN_LENGTH or len(classes) < CLASSES_NEEDED:
        raise WeakPassword(
            f"At least {MIN_LENGTH} characters; {CLASSES_NEEDED} of: capitals, small letters, digits, others.",
            f"密码至少 {MIN_LENGTH} 位，且须包含大写字母、小写字母、数字、其他字符中的 {CLASSES_NEEDED} 类。",
            errors=[at("/password", "weak-password")],
        )
    with _bounded():
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one; it takes as long where there is none (None), so nobody can probe for accounts.

    Raises ``SignInBusy``.
    """
    with _bounded():
        is_right = _hasher.verify(password, password_hash or _nobodys_hash())
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
