"""Field types that several schemas share."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, WithJsonSchema

from app.core.clock import rfc3339


def _storable(value: str) -> str:
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("holds NUL or half a character")
    return value


Text = Annotated[str, AfterValidator(_storable)]
"""Text that both databases can keep; give it a ``max_length``."""

Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant in an answer: RFC 3339 in UTC with six decimals."""
