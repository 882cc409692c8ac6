"""A file that somebody sends to hurt, and what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """Stored as what its bytes are, and whether the thumbnail's job can read it (a document is never opened)."""

    media_type: str
    is_readable: bool = True


@dataclass(frozen=True)
class Refused:
    """Nothing is stored."""

    status: int
    code: str


@dataclass(frozen=True)
class Hostile:
    """Made when it is sent, for some are large."""

    name: str
    make: Callable[[], bytes]
    outcome: Kept | Refused
    role: str = "before"


JPEG, PNG, WEBP, PDF = (Kept(kind) for kind in ("image/jpeg", "image/png", "image/webp", "application/pdf"))
DAMAGED_JPEG, DAMAGED_PNG, DAMAGED_WEBP = (Kept(f"image/{kind}", is_readable=False) for kind in ("jpeg", "png", "webp"))
NOT_IMAGE, TRUNCATED, EMPTY = (Refused(422, f"photo-{code}") for code in ("not-image", "truncated", "empty"))
TOO_MANY_PIXELS = Refused(422, "photo-too-many-pixels")
UNSUPPORTED = Refused(415, "photo-type-unsupported")
NOT_A_DOCUMENT = Refused(422, "not-a-document")


def cut(content: bytes, *shares: float) -> list[tuple[str, Callable[[], bytes]]]:
    """The beginning of ``content``, as far as each share of it."""
    return [(f"cut at {share:.0%}", lambda share=share: content[: int(len(content) * share)]) for share in shares]
