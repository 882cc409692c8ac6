"""Field types that several schemas share."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer, StringConstraints, WithJsonSchema

from app.core.clock import rfc3339


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("holds NUL")
    return value


Storable = AfterValidator(_without_nul)
"""Text that both databases can keep: ``Annotated[str, Field(max_length=60), Storable]``, last, so that the bounds
stay the schema's own."""

Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant in an answer: RFC 3339 in UTC with six decimals."""


def _on_a_calendar(value: datetime) -> datetime:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value.astimezone(UTC)


_FIRST_YEAR, _LAST_YEAR = 1970, 2200

DeviceInstant = Annotated[AwareDatetime, AfterValidator(_on_a_calendar)]
"""An instant by a device's clock, with its zone; it may be years off, and is then flagged, not refused."""

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hex."""
