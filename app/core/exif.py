"""The few EXIF facts we keep, read from hostile bytes.

A reader of our own, because Pillow's copies every value that the block points at: 64 KiB of entries
that overlap make it hold hundreds of MiB. This one looks at a few tags, and nothing in the block can
make it fail: what cannot be read is ``None``.
"""

import math
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAX_TEXT: Final = 100
_MAX_ENTRIES: Final = 1000
_MAX_VALUE_BYTES: Final = 1024
_TYPE_BYTES: Final = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}  # ASCII, SHORT, LONG, RATIONAL, UNDEFINED

_MAKE, _MODEL, _ORIENTATION, _DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_DATE_TIME_ORIGINAL = 0x9003
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_TIME: Final = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]+")


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """What the camera says of itself; the device's word, never proof."""

    taken_at_device: datetime | None = None
    """Local time without a zone, as the camera's clock showed it."""
    latitude: float | None = None
    longitude: float | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    orientation: int = 1


def read_exif(tiff: bytes | None) -> ExifFacts:
    """The facts of a TIFF structure; never raises, texts at most 100 characters without controls."""
    if tiff is None or tiff[:2] not in {b"II", b"MM"}:
        return ExifFacts()
    block = _Block(tiff, "<" if tiff[:2] == b"II" else ">")
    main = block.entries(block.long_at(4))
    camera = block.entries(_first_int(main.get(_EXIF_IFD)))
    position = _position(block.entries(_first_int(main.get(_GPS_IFD))))
    orientation = _first_int(main.get(_ORIENTATION))
    return ExifFacts(
        taken_at_device=_time(camera.get(_DATE_TIME_ORIGINAL)) or _time(main.get(_DATE_TIME)),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        camera_make=_text(main.get(_MAKE)),
        camera_model=_text(main.get(_MODEL)),
        orientation=orientation if 1 <= orientation <= 8 else 1,
    )


_Value = bytes | tuple[int, ...]


class _Block:
    def __init__(self, tiff: bytes, order: str) -> None:
        self._tiff, self._order = tiff, order

    def long_at(self, at: int) -> int:
        with suppress(struct.error):
            return int(struct.unpack_from(f"{self._order}I", self._tiff, at)[0])
        return 0

    def entries(self, at: int) -> dict[int, _Value]:
        """Tag → value of one directory; empty when there is none at ``at``."""
        values: dict[int, _Value] = {}
        if at < 8:
            return values
        with suppress(struct.error):
            (count,) = struct.unpack_from(f"{self._order}H", self._tiff, at)
            for index in range(min(count, _MAX_ENTRIES)):
                tag, kind, length = struct.unpack_from(f"{self._order}HHI", self._tiff, at + 2 + 12 * index)
                value = self._value(kind, length, at + 10 + 12 * index)
                if tag in _WANTED and value is not None:
                    values.setdefault(tag, value)
        return values

    def _value(self, kind: int, length: int, at: int) -> _Value | None:
        size = _TYPE_BYTES.get(kind, 0) * length
        if not 0 < size <= _MAX_VALUE_BYTES:
            return None
        start = at if size <= 4 else self.long_at(at)
        raw = self._tiff[start : start + size]
        if len(raw) < size:
            return None
        if kind in {2, 7}:
            return raw
        return struct.unpack(f"{self._order}{size // 2}H" if kind == 3 else f"{self._order}{size // 4}I", raw)


_WANTED: Final = frozenset(
    {_MAKE, _MODEL, _ORIENTATION, _DATE_TIME, _DATE_TIME_ORIGINAL, _EXIF_IFD, _GPS_IFD}
    | {_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE}
)


def _first_int(value: _Value | None) -> int:
    return value[0] if isinstance(value, tuple) else 0


def _text(value: _Value | None) -> str | None:
    """Up to the first NUL; the rest of a fixed-length field is often noise."""
    if not isinstance(value, bytes):
        return None
    text = value.split(b"\0", 1)[0].decode("utf-8", "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:MAX_TEXT] or None


def _time(value: _Value | None) -> datetime | None:
    if (match := _TIME.match(_text(value) or "")) is None:
        return None
    with suppress(ValueError):
        return datetime(*map(int, match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - EXIF has no zone, six groups
    return None


def _position(values: dict[int, _Value]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees; exactly 0, 0 is what a receiver without a fix writes."""
    latitude = _degrees(values.get(_LATITUDE), _text(values.get(_LATITUDE_REF)), "NS", 90)
    longitude = _degrees(values.get(_LONGITUDE), _text(values.get(_LONGITUDE_REF)), "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _degrees(value: _Value | None, reference: str | None, letters: str, most: int) -> float | None:
    if not isinstance(value, tuple) or len(value) < 2 or reference is None or reference[0] not in letters:
        return None
    degrees = sum(part / unit for part, unit in zip(_rationals(value), (1, 60, 3600), strict=False))
    if not degrees <= most:  # also refuses NaN
        return None
    return round(-degrees if reference[0] == letters[1] else degrees, 7)


def _rationals(value: tuple[int, ...]) -> Iterator[float]:
    for top, bottom in zip(value[:6:2], value[1:6:2], strict=False):
        yield top / bottom if bottom else math.nan
