"""The structure of a WebP file: size, EXIF and end, found by walking its RIFF chunks.

Opening one with Pillow reads it whole and allocates its canvas twice, hence this reader.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from app.core.image_errors import not_an_image, truncated
from app.core.image_layout import Layout, Span, read_at

_MAX_CHUNKS: Final = 10_000
_MAX_EXIF_BYTES: Final = 256 * 1024
_PICTURES: Final = frozenset((b"VP8 ", b"VP8L", b"ANMF"))
_SHOWN: Final = _PICTURES | {b"ALPH", b"ICCP", b"ANIM"}
_EXTENDED_BYTES: Final = 18  # VP8X with its head: flags and the size of the canvas
_METADATA_FLAGS: Final = 0x0C  # EXIF and XMP in the flags of VP8X


def webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of the canvas from the first 30 bytes."""
    if len(head) < 30:
        raise truncated("a WebP without its header")
    kind = head[12:16]
    if kind == b"VP8X" and 8 + int.from_bytes(head[16:20], "little") >= _EXTENDED_BYTES:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        if width and height:
            return width, height
    raise not_an_image("a WebP with a wrong header")


def read_webp(file: BinaryIO, size: int) -> Layout:
    """Size, EXIF and end of a WebP; one step per chunk. Raises ``PhotoNotImage`` or ``PhotoTruncated``."""
    head = read_at(file, 0, 30)
    width, height = webp_size(head)
    exif: bytes | None = None
    parts: list[Span | bytes] = []
    has_pixels = False
    for kind, start, end in _chunks(file, 8 + int.from_bytes(head[4:8], "little"), size):
        has_pixels = has_pixels or kind in _PICTURES
        if kind == b"VP8X":
            if end - start < _EXTENDED_BYTES:
                raise not_an_image("a WebP with a wrong header")
            extended = read_at(file, start, end - start)
            parts.append(extended[:8] + bytes([extended[8] & ~_METADATA_FLAGS]) + extended[9:])
        elif kind == b"EXIF" and exif is None and end - start <= _MAX_EXIF_BYTES:
            exif = read_at(file, start + 8, end - start - 8).removeprefix(b"Exif\0\0")
        if kind in _SHOWN:
            parts.append(Span(start, end))
    if not has_pixels:
        raise not_an_image("a WebP without pixels")
    length = 4 + sum(len(part) if isinstance(part, bytes) else part.end - part.start for part in parts)
    return Layout(width, height, exif, (b"RIFF" + length.to_bytes(4, "little") + b"WEBP", *parts))


def _chunks(file: BinaryIO, end_of_riff: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end (with the pad byte) of each chunk; all must lie inside the file."""
    if end_of_riff > size:
        raise truncated("a WebP shorter than it says")
    start = 12
    for _ in range(_MAX_CHUNKS):
        if start + 8 > end_of_riff:
            return
        head = read_at(file, start, 8)
        length = int.from_bytes(head[4:], "little")
        if start + 8 + length > end_of_riff:
            raise truncated("a WebP cut off inside a chunk")
        end = min(start + 8 + length + length % 2, end_of_riff)
        yield head[:4], start, end
        start = end
    raise not_an_image("a WebP with too many chunks")
