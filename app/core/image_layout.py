"""What the readers of the file formats have in common: where things lie in a picture file."""

from dataclasses import dataclass
from typing import BinaryIO, NamedTuple


class Span(NamedTuple):
    """Bytes ``start`` to ``end`` (exclusive) of the original file."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture file taken apart without decoding a pixel."""

    width: int
    height: int
    """As stored; an EXIF orientation of 5 to 8 shows them exchanged."""
    exif: bytes | None
    """The TIFF structure inside the EXIF block."""
    public: tuple[Span | bytes, ...]
    """What, joined, is the same picture without metadata; its orientation is not in it."""


def read_at(file: BinaryIO, start: int, length: int) -> bytes:
    """Up to ``length`` bytes from ``start``; fewer at the end of the file."""
    file.seek(start)
    return file.read(length)
