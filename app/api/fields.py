"""Field types that several schemas share."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

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


def _as_text(value: object) -> object:
    """Dates and instants are texts that begin with a date: a number would be taken for seconds or milliseconds."""
    if not (isinstance(value, str) and _DATE.match(value)):
        raise ValueError("begins with no date")
    return value


def _plain_day(value: object) -> object:
    if not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("is no date YYYY-MM-DD")
    return value


def _in_a_known_year(value: date) -> date:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _on_a_calendar(value: datetime) -> datetime:
    _in_a_known_year(value)
    return value.astimezone(UTC)


_FIRST_YEAR, _LAST_YEAR = 1970, 2200

DeviceInstant = Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(_on_a_calendar)]
"""An instant by a device's clock, with its zone; it may be years off, and is then flagged, not refused."""

Day = Annotated[date, BeforeValidator(_plain_day), AfterValidator(_in_a_known_year)]
"""A date of business, ``YYYY-MM-DD`` in Asia/Shanghai."""

Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
"""Degrees (WGS-84): a number, never a text or a boolean that could be read as one."""

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hex."""
