"""The structure of a JPEG file: size, EXIF and end, found by walking its markers.

A photo is accepted only if its end marker is there (contract.md, «Photos»). Phones append things
after it (a motion photo's film, a second picture), so the last two bytes prove nothing; and a
thumbnail inside the EXIF block has an end marker of its own, so a search for one proves nothing either.
"""

import re
from typing import BinaryIO, Final

from app.core.image_errors import not_an_image, truncated
from app.core.image_layout import Layout, Span, read_at

EOI: Final = 0xD9
_SOI, _SOS, _TEM = 0xD8, 0xDA, 0x01
_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})

# A marker; not an escaped 0xFF, a restart marker or a fill byte.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_WINDOW: Final = 256 * 1024
_MAX_SEGMENTS: Final = 10_000
_MAX_SCANS: Final = 500  # a progressive photo has about ten; each costs a pass over all pixels
_TAIL: Final = 64 * 1024


class _Walk:
    """One pass over the markers; linear in the file, 256 KiB in memory."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.frame: tuple[int, int] | None = None
        self.components_a_scan = 0
        """Those of the frame when one scan may hold all its pixels, else 0."""
        self.has_all_pixels = False
        self.exif: bytes | None = None
        self.scans = 0
        self.public: list[Span] = [Span(0, 2)]

    def run(self, *, to_end: bool) -> int:
        """Take in every segment; the position after the end marker, -1 when there is none or it was not looked for.

        Not ``to_end``: what follows a scan that has all pixels is left alone (no decoder reads another one).
        """
        position = 2
        for _ in range(_MAX_SEGMENTS):
            found = self._next_marker(position)
            if found is None:
                self._keep(position, self.size)
                return -1
            at, marker = found
            if self.scans:  # the pixels before this marker belong to the last scan
                self._keep(position, at)
            if marker == EOI:
                self._keep(at, at + 2)
                return at + 2
            position = self._segment(at, marker)
            if position > self.size or (self.has_all_pixels and not to_end):
                return -1
        raise not_an_image("it has too many segments")

    def _next_marker(self, position: int) -> tuple[int, int] | None:
        length = 64  # most segments follow each other directly
        while len(window := read_at(self.file, position, length)) > 1:
            if match := _MARKER.search(window):
                return position + match.start(), window[match.start() + 1]
            position += len(window) - 1
            length = min(8 * length, _WINDOW)
        return None

    def _segment(self, at: int, marker: int) -> int:
        """Note what the segment says; where the next one is to be looked for."""
        if marker < 0xC0 or marker == _SOI:  # no length: reserved, or noise from damage inside a scan
            return at + 2
        head = read_at(self.file, at + 2, 8)
        length = int.from_bytes(head[:2], "big")
        if length < 2:
            return at + 2
        end = at + 2 + length
        if marker in _FRAMES and self.frame is None and len(head) >= 7:
            self.frame = int.from_bytes(head[5:7], "big"), int.from_bytes(head[3:5], "big")
            self.components_a_scan = head[7] if marker in _SEQUENTIAL and len(head) == 8 else 0
        elif marker == _SOS:
            self.scans += 1
            self.has_all_pixels = self.scans == 1 and 0 < self.components_a_scan == head[2]
            if self.scans > _MAX_SCANS:
                raise not_an_image("it has too many scans")
        if marker == _APP1 and self.exif is None and head[2:8] == b"Exif\0\0":
            self.exif = read_at(self.file, at + 10, max(0, length - 8))
        if _is_public(marker, head[2:]):
            self._keep(at, min(end, self.size))
        return end

    def _keep(self, start: int, end: int) -> None:
        if self.public[-1].end == start:
            self.public[-1] = Span(self.public[-1].start, end)
        elif start < end:
            self.public.append(Span(start, end))


def _is_public(marker: int, content: bytes) -> bool:
    """Whether a segment is needed to show the picture: tables, frames, JFIF, colour profile, Adobe's transform."""
    if marker == _APP0:
        return content.startswith(b"JFIF")
    if marker == _APP2:
        return content.startswith(b"ICC_PR")
    return marker == _APP14 or not (_APP0 <= marker <= _APP15 or marker == _COM)


def read_jpeg(file: BinaryIO, size: int, *, to_end: bool = True) -> Layout:
    """Size, EXIF and end of a JPEG; one linear pass, no pixel is decoded.

    Damage inside a scan may look like markers and lead the walk astray; a file that ends with the
    end marker (and zeros) is complete all the same, the damage is found on decoding.
    Not ``to_end``: such a file is not walked to its end where nothing that counts can follow, ``public`` ends there.
    Raises ``PhotoNotImage`` or ``PhotoTruncated``.
    """
    has_tail = read_at(file, max(0, size - _TAIL), _TAIL).rstrip(b"\0").endswith(b"\xff\xd9")
    walk = _Walk(file, size)
    end = walk.run(to_end=to_end or not has_tail)
    if walk.frame is None or not walk.scans:
        if end < 0:
            raise truncated("a JPEG without pixels or end marker")
        raise not_an_image("a JPEG without a picture in it")
    if not all(walk.frame):
        raise not_an_image("a JPEG without a size")
    if end < 0 and not has_tail:
        raise truncated("a JPEG without its end marker")
    return Layout(*walk.frame, walk.exif, tuple(walk.public))


def orientation_segment(orientation: int) -> bytes:
    """An EXIF block that says nothing but how to turn the picture."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    block = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
