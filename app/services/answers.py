"""What a client gets for a write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """JSON text; a replay gives the first answer, word for word."""

    body: str
    is_replay: bool = False
