"""Field types that several schemas share."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, WithJsonSchema

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
