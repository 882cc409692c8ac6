"""The structure of a HEIC file: size, EXIF and end, found by walking its boxes; no pixel is decoded.

A file is a row of boxes; ``meta`` says which item is the picture, how large it is and where each item's bytes lie.
Offsets count from the beginning of the file, so the copy without metadata keeps its length: what tells something is
overwritten with zeros. Source: ISO/IEC 14496-12 and 23008-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from app.core.image_errors import not_an_image, truncated
from app.core.image_layout import Layout, Span, read_at

_MAX_META_BYTES: Final = 4 * 1024 * 1024
_MAX_BOXES: Final = 10_000
_MAX_PLACES: Final = 10_000
"""Items and their extents; a photo of 48 megapixels has about 600."""
_MAX_EXIF_BYTES: Final = 256 * 1024
_SHOWN: Final = frozenset((b"ftyp", b"meta", b"mdat"))
_TELLING: Final = frozenset((b"Exif", b"mime", b"uri "))
"""Kinds of items that are no part of the picture: EXIF, XMP, and whatever else is attached."""


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Where its content begins."""
    end: int


@dataclass(frozen=True, slots=True)
class _Item:
    kind: bytes
    spans: tuple[Span, ...]


def read_heif(file: BinaryIO, size: int) -> Layout:
    """Size, EXIF and end of a HEIC. Raises ``PhotoNotImage`` or ``PhotoTruncated``."""
    outer = list(_outer_boxes(file, size))
    meta = next((box for box in outer if box.kind == b"meta"), None)
    if meta is None or meta.end - meta.start > _MAX_META_BYTES:
        raise not_an_image("a HEIC without a directory")
    content = read_at(file, meta.start, meta.end - meta.start)
    try:
        inner = {box.kind: box for box in _boxes(content, 4, len(content))}
        width, height = _size(content, inner)
        items = _items(content, inner, meta.start)
    except (KeyError, IndexError, struct.error):
        raise not_an_image("a HEIC whose directory cannot be read") from None
    if not width or not height:
        raise not_an_image("a HEIC without a size")
    if any(span.end > size for item in items for span in item.spans):
        raise truncated("a HEIC whose picture lies behind its end")
    telling = [Span(box.start, box.end) for box in outer if box.kind not in _SHOWN]
    telling += [span for item in items if item.kind in _TELLING for span in item.spans]
    return Layout(width, height, _exif(file, items), _without(telling, size))


def _outer_boxes(file: BinaryIO, size: int) -> Iterator[_Box]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at == size:
            return
        box = _box(read_at(file, at, 16), at, size)
        if box.end > size:
            raise truncated("a HEIC cut off inside a box")
        yield box
        at = box.end
    raise not_an_image("a HEIC with too many boxes")


def _box(head: bytes, at: int, end: int) -> _Box:
    """The box that begins at ``at``; a length of 0 reaches to ``end``, one of 1 is written in 64 bits."""
    if len(head) < 8:
        raise truncated("a HEIC cut off inside a box")
    length, start = int.from_bytes(head[:4], "big"), at + 8
    if length == 1:
        length, start = int.from_bytes(head[8:16], "big"), at + 16
    elif length == 0:
        length = end - at
    if at + length < start:
        raise not_an_image("a HEIC with a box of no length")
    return _Box(head[4:8], start, at + length)


def _boxes(content: bytes, at: int, end: int) -> Iterator[_Box]:
    """The boxes between two places of the directory."""
    for _ in range(_MAX_BOXES):
        if at >= end:
            return
        box = _box(content[at : at + 16], at, end)
        if box.end > end:
            raise truncated("a HEIC cut off inside a box")
        yield box
        at = box.end
    raise not_an_image("a HEIC with too many boxes")


def _size(content: bytes, inner: dict[bytes, _Box]) -> tuple[int, int]:
    """Width and height of the largest picture in it: a grid is larger than its tiles, and all may be decoded."""
    properties = {box.kind: box for box in _boxes(content, inner[b"iprp"].start, inner[b"iprp"].end)}[b"ipco"]
    sizes = [
        struct.unpack_from(">II", content, box.start + 4)
        for box in _boxes(content, properties.start, properties.end)
        if box.kind == b"ispe"
    ]
    return max(sizes, key=lambda size: int(size[0]) * int(size[1]), default=(0, 0))


def _items(content: bytes, inner: dict[bytes, _Box], origin: int) -> list[_Item]:
    """What lies in the file and where; ``origin`` is where the directory's content begins."""
    kinds = _kinds(content, inner[b"iinf"])
    stored = inner.get(b"idat")
    bases = {0: 0} | ({1: origin + stored.start} if stored is not None else {})
    return [
        _Item(kinds.get(number, b""), tuple(Span(bases[method] + start, bases[method] + end) for start, end in spans))
        for number, method, spans in _locations(content, inner[b"iloc"])
    ]


def _kinds(content: bytes, iinf: _Box) -> dict[int, bytes]:
    kinds: dict[int, bytes] = {}
    wide = content[iinf.start] > 0
    for box in _boxes(content, iinf.start + (8 if wide else 6), iinf.end):
        version = content[box.start]
        if box.kind != b"infe" or version < 2:
            continue
        number_bytes = 2 if version == 2 else 4
        at = box.start + 4
        number = int.from_bytes(content[at : at + number_bytes], "big")
        kinds[number] = content[at + number_bytes + 2 : at + number_bytes + 6]
    return kinds


class _Reader:
    """Numbers one after the other."""

    def __init__(self, content: bytes, at: int, end: int) -> None:
        self._content, self._at, self._end = content, at, end

    def number(self, length: int) -> int:
        if self._at + length > self._end:
            raise IndexError(self._at)
        self._at += length
        return int.from_bytes(self._content[self._at - length : self._at], "big")


def _locations(content: bytes, iloc: _Box) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Number, way of counting (0: in the file, 1: in the directory) and extents of each item.

    An extent may be written in no bytes at all, so the length of the file does not bound how many are claimed.
    """
    reader = _Reader(content, iloc.start, iloc.end)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    left = _MAX_PLACES
    for _ in range(reader.number(2 if version < 2 else 4)):
        number = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_bytes)
        spans, extents = [], reader.number(2)
        left -= 1 + extents
        if left < 0 or (extents > 1 and not offset_bytes and not length_bytes):
            raise not_an_image("a HEIC whose items lie in too many places")
        for _ in range(extents):
            reader.number(index_bytes)
            start = base + reader.number(offset_bytes)
            spans.append((start, start + reader.number(length_bytes)))
        yield number, method, spans


def _exif(file: BinaryIO, items: list[_Item]) -> bytes | None:
    """The TIFF structure of the first EXIF item; four bytes before it say how much else stands there."""
    item = next((item for item in items if item.kind == b"Exif" and item.spans), None)
    if item is None or not 4 < item.spans[0].end - item.spans[0].start <= _MAX_EXIF_BYTES:
        return None
    block = read_at(file, item.spans[0].start, item.spans[0].end - item.spans[0].start)
    return block[4 + int.from_bytes(block[:4], "big") :]


def _without(telling: list[Span], size: int) -> tuple[Span | bytes, ...]:
    parts: list[Span | bytes] = []
    at = 0
    for span in sorted(telling):
        if span.end <= at:
            continue
        start = max(span.start, at)
        parts += [Span(at, start), bytes(span.end - start)]
        at = span.end
    return *parts, Span(at, size)
