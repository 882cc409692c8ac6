"""The structure of a PNG file: size, EXIF and end, found by walking its chunks."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from app.core.image_errors import not_an_image, truncated
from app.core.image_layout import Layout, Span, read_at

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS: Final = 100_000
_MAX_EXIF_BYTES: Final = 256 * 1024

# Besides the critical chunks: colour, transparency, pixel size and animation. No text, time or EXIF.
_SHOWN: Final = frozenset(
    (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT")
)


def png_size(head: bytes) -> tuple[int, int]:
    """Width and height from the first 29 bytes, so that a bomb is refused before anything else is read."""
    if len(head) < 29:
        raise truncated("a PNG without its header")
    length, kind, width, height, depth = struct.unpack(">I4sIIB", head[8:25])
    if kind != b"IHDR" or length != 13 or not width or not height or depth not in {1, 2, 4, 8, 16}:
        raise not_an_image("a PNG with a wrong header")
    return width, height


def read_png(file: BinaryIO, size: int) -> Layout:
    """Size, EXIF and end of a PNG; one step per chunk. Raises ``PhotoNotImage`` or ``PhotoTruncated``."""
    width, height = png_size(read_at(file, 0, 29))
    exif: bytes | None = None
    public = [Span(0, len(SIGNATURE))]
    has_pixels = False
    for kind, start, end in _chunks(file, size):
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"eXIf" and exif is None and end - start <= _MAX_EXIF_BYTES:
            exif = read_at(file, start + 8, end - start - 12)
        if kind[:1].isupper() or kind in _SHOWN:
            public.append(Span(start, end))
    if not has_pixels:
        raise not_an_image("a PNG without pixels")
    return Layout(width, height, exif, tuple(public))


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk up to the end chunk, which must be there."""
    start = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        head = read_at(file, start, 8)
        if len(head) < 8:
            raise truncated("a PNG without its end chunk")
        end = start + 12 + int.from_bytes(head[:4], "big")
        if end > size:
            raise truncated("a PNG cut off inside a chunk")
        yield head[4:], start, end
        if head[4:] == b"IEND":
            return
        start = end
    raise not_an_image("a PNG with too many chunks")
