"""JPEG files that are broken, bombs, or something else as well."""

import random
import struct
from functools import partial

from tests import photos
from tests.fuzz.hostile import (
    DAMAGED_JPEG,
    EMPTY,
    JPEG,
    NOT_IMAGE,
    TOO_MANY_PIXELS,
    TRUNCATED,
    Hostile,
    Kept,
    Refused,
    cut,
)

SCRIPT = b"<script>alert(document.cookie)</script>"
ZIP = b"PK\x03\x04" + b"\0" * 26 + b"PK\x05\x06" + b"\0" * 18
XMP = b"http://ns.adobe.com/xmp/extension/\0"
SHARES = (0.01, 0.1, 0.3, 0.6, 0.9, 0.99)
_SOI = b"\xff\xd8"


def segment(marker: int, content: bytes) -> bytes:
    """One marker segment with its length."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(*segments: bytes) -> bytes:
    """A sound photo with more segments at its beginning."""
    return _SOI + b"".join(segments) + photos.jpeg()[2:]


def patched(marker: int, offset: int, value: bytes, content: bytes | None = None) -> bytes:
    """A photo with other bytes at ``offset`` behind its first ``marker``."""
    made = bytearray(content or photos.jpeg())
    at = made.index(bytes([0xFF, marker])) + offset
    made[at : at + len(value)] = value
    return bytes(made)


def without(marker: int) -> bytes:
    """A photo without the segments of one kind."""
    made = photos.jpeg()
    while (at := made.find(bytes([0xFF, marker]))) >= 0:
        made = made[:at] + made[at + 2 + int.from_bytes(made[at + 2 : at + 4], "big") :]
    return made


def many_scans(count: int) -> bytes:
    """A progressive photo whose last scan is there again and again; each costs a pass over all pixels."""
    made = photos.jpeg(640, 480, progressive=True)
    last = made.rindex(b"\xff\xda")
    return made[:-2] + made[last:-2] * count + b"\xff\xd9"


def many_sequential_scans(count: int, *, first_is_whole: bool) -> bytes:
    """A usual photo whose only scan is there again and again, behind one of a single component or not."""
    made = photos.jpeg()
    at = made.rindex(b"\xff\xda")
    grey = b"" if first_is_whole else b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + made[at + 14 : -2]
    return made[:at] + grey + made[at:-2] * count + b"\xff\xd9"


def two_frames() -> bytes:
    """Its first header says 64 × 48, a second one 60000 × 60000."""
    made = photos.jpeg()
    at = made.index(b"\xff\xc0")
    frame = bytearray(made[at : at + 19])
    frame[5:9] = struct.pack(">HH", 60_000, 60_000)
    return made[: at + 19] + bytes(frame) + made[at + 19 :]


def ycck() -> bytes:
    """Four inks, the first three as luminance and colour."""
    return patched(0xEE, 15, b"\x02", photos.encoded(photos.picture(mode="CMYK"), "JPEG"))


def tiff(*entries: bytes, next_at: int = 0, behind: bytes = b"") -> bytes:
    """The EXIF block of these entries."""
    return (
        b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + b"".join(entries) + struct.pack(">I", next_at) + behind
    )


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    """One entry of a directory; ``value`` is where it lies, or itself."""
    return struct.pack(">HHII", tag, kind, count, value)


def gps(latitude: tuple[int, int], longitude: tuple[int, int], letters: bytes = b"NE") -> bytes:
    """An EXIF block whose position is made of these fractions."""
    places = [
        entry(1, 2, 2, letters[0] << 24),
        entry(2, 5, 3, 80),
        entry(3, 2, 2, letters[1] << 24),
        entry(4, 5, 3, 104),
    ]
    fractions = b"".join(
        struct.pack(">II", *place) + struct.pack(">IIII", 0, 1, 0, 1) for place in (latitude, longitude)
    )
    return (tiff(entry(0x8825, 4, 1, 26)) + tiff(*places)[8:]).ljust(80, b"\0") + fractions


EXIF: list[tuple[str, bytes]] = [
    ("that is empty", b""),
    ("of zeros", b"\0" * 60_000),
    ("as large as can be", tiff(entry(0x9286, 7, 65_000, 26), behind=b"x" * 65_000)[:65_000]),
    ("whose directory follows itself", tiff(entry(0x0112, 3, 1, 6 << 16), next_at=8)),
    ("whose directories follow each other", tiff(next_at=20, behind=b"\0" * 6 + b"\0\0" + b"\0\0\0\x08")),
    ("whose camera directory is the main one", tiff(entry(0x8769, 4, 1, 8), entry(0x8825, 4, 1, 8))),
    ("whose entries overlap", tiff(*[entry(0x9000 + n, 7, 60_000, 26) for n in range(2000)], behind=b"\0" * 30_000)),
    ("with four thousand million entries", tiff(entry(0x010F, 2, 0xFFFFFFFF, 8), entry(0x0110, 5, 0xFFFFFFFF, 8))),
    ("that points behind its end", tiff(entry(0x010F, 2, 90, 0xFFFFFFF0), entry(0x8769, 4, 1, 0xFFFFFFFE))),
    ("that claims 65535 entries", b"II*\0\x08\0\0\0\xff\xff" + b"\x0f\x01\x02\0\xff\xff\xff\xff" * 50),
    ("with an orientation of 99", tiff(entry(0x0112, 3, 1, 99 << 16))),
    ("with a text as orientation", tiff(entry(0x0112, 2, 4, 0x41414141))),
    ("with types that nobody knows", tiff(*[entry(0x0112, kind, 1, 6 << 16) for kind in range(100, 140)])),
    ("with a position beyond the poles", gps((999, 1), (999, 1))),
    ("with a position divided by zero", gps((32, 0), (118, 0))),
    ("with a position in no hemisphere", gps((32, 1), (118, 1), b"\0?")),
    ("with a position of huge fractions", gps((0xFFFFFFFF, 1), (1, 0xFFFFFFFF))),
    ("with a date that never was", photos.exif(taken_at="2026:02:31 25:61:61").tobytes()[6:]),
    ("with a date before Christ", photos.exif(taken_at="0000:00:00 00:00:00").tobytes()[6:]),
    ("with a maker from right to left", photos.exif(make="\u202egnp.exe\x07\u200b" + "x" * 900).tobytes()[6:]),
    ("with markup as its maker", photos.exif(make=SCRIPT.decode()).tobytes()[6:]),
]

FILES: list[tuple[str, object, Kept | Refused]] = [
    ("no bytes", lambda: b"", EMPTY),
    ("one byte", lambda: b"\xff", NOT_IMAGE),
    ("two bytes", lambda: _SOI, NOT_IMAGE),
    ("three bytes", lambda: b"\xff\xd8\xff", TRUNCATED),
    ("beginning and end alone", lambda: _SOI + b"\xff\xd9", NOT_IMAGE),
    ("no end", lambda: photos.jpeg()[:-2], TRUNCATED),
    ("no end, but a thumbnail has one", photos.jpeg_without_end, TRUNCATED),
    ("no end, but zeros", lambda: photos.jpeg()[:-2] + b"\0" * 5000, TRUNCATED),
    ("an end twice", lambda: photos.jpeg() + b"\xff\xd9", JPEG),
    ("zeros behind its end", lambda: photos.jpeg() + b"\0" * 5_000_000, JPEG),
    ("noise behind its end", lambda: photos.jpeg() + random.Random(1).randbytes(500_000), JPEG),
    ("a film behind its end", photos.motion_photo, JPEG),
    ("a page behind its end", lambda: photos.jpeg() + b"<html>" + SCRIPT, JPEG),
    ("an archive behind its end", lambda: photos.jpeg() + ZIP, JPEG),
    ("a document behind its end", lambda: photos.jpeg() + photos.pdf(), JPEG),
    ("a page in its comment", lambda: with_segments(segment(0xFE, b"<html>" + SCRIPT)), JPEG),
    ("a program in its comment", lambda: with_segments(segment(0xFE, b"<?php system($_GET['c']); ?>")), JPEG),
    ("a script at its beginning", lambda: with_segments(segment(0xE0, b"/*" + bytes(9000) + b"*/=1;alert(1)")), JPEG),
    ("a hole in its pixels", photos.damaged_middle, DAMAGED_JPEG),
    ("four inks", lambda: photos.encoded(photos.picture(mode="CMYK"), "JPEG"), JPEG),
    ("four inks as luminance", ycck, JPEG),
    ("grey", lambda: photos.encoded(photos.picture(mode="L"), "JPEG"), JPEG),
    ("one pixel", lambda: photos.jpeg(1, 1), JPEG),
    ("65500 pixels wide", lambda: photos.jpeg(65_500, 1), JPEG),
    ("65500 pixels high", lambda: photos.jpeg(1, 65_500), JPEG),
    ("no width", partial(photos.jpeg_claiming, 0, 48), NOT_IMAGE),
    ("no height", partial(photos.jpeg_claiming, 64, 0), NOT_IMAGE),
    ("65535 × 65535", partial(photos.jpeg_claiming, 65_535, 65_535), TOO_MANY_PIXELS),
    ("109 megapixels", partial(photos.jpeg_claiming, 10_900, 10_000), TOO_MANY_PIXELS),
    ("108 megapixels that are not there", partial(photos.jpeg_claiming, 12_032, 9_024), JPEG),
    ("two headers, the second huge", two_frames, DAMAGED_JPEG),
    ("arithmetic coding claimed", lambda: patched(0xC0, 1, b"\xc9"), JPEG),
    ("lossless coding claimed", lambda: patched(0xC0, 1, b"\xc3"), DAMAGED_JPEG),
    ("hierarchical coding claimed", lambda: patched(0xC0, 1, b"\xc5"), DAMAGED_JPEG),
    ("progressive claimed", lambda: patched(0xC0, 1, b"\xc2"), DAMAGED_JPEG),
    ("12 bits claimed", lambda: patched(0xC0, 4, b"\x0c"), DAMAGED_JPEG),
    ("255 components claimed", lambda: patched(0xC0, 9, b"\xff"), DAMAGED_JPEG),
    ("no Huffman tables", lambda: without(0xC4), JPEG),
    ("no quantization tables", lambda: without(0xDB), DAMAGED_JPEG),
    ("Huffman tables of 16 × 255 codes", lambda: patched(0xC4, 5, b"\xff" * 16), DAMAGED_JPEG),
    ("no frame", lambda: without(0xC0), NOT_IMAGE),
    ("segments of length nought", lambda: with_segments(b"\xff\xe5\0\0" * 2000), JPEG),
    ("nothing but fill bytes", lambda: _SOI + b"\xff" * 100_000, TRUNCATED),
    ("9000 segments", lambda: with_segments(segment(0xEF, b"x") * 9000), JPEG),
    ("200000 segments", lambda: with_segments(segment(0xEF, b"x") * 200_000), NOT_IMAGE),
    ("progressive", lambda: photos.jpeg(640, 480, progressive=True), JPEG),
    ("400 scans", partial(many_scans, 400), JPEG),
    ("5000 scans", partial(many_scans, 5000), NOT_IMAGE),
    ("5000 sequential scans", partial(many_sequential_scans, 5000, first_is_whole=False), NOT_IMAGE),
    ("5000 scans behind a whole one", partial(many_sequential_scans, 5000, first_is_whole=True), DAMAGED_JPEG),
    ("255 pieces of a colour profile", lambda: with_segments(*[_profile(n, 255, 60_000) for n in range(1, 256)]), JPEG),
    ("pieces of a profile that contradict", lambda: with_segments(_profile(9, 2, 9), _profile(0, 0, 9)), JPEG),
    ("two EXIF blocks", lambda: with_segments(*[segment(0xE1, b"Exif\0\0" + block) for _, block in EXIF[3:5]]), JPEG),
    ("16 MiB of XMP", lambda: with_segments(*[segment(0xE1, XMP + b"x" * 65_000)] * 250), JPEG),
    ("an index of nothing", lambda: with_segments(segment(0xE2, b"MPF\0" + tiff(entry(0xB001, 4, 1, 9)))), JPEG),
    *((name, make, TRUNCATED) for name, make in cut(photos.jpeg(640, 480, exif=photos.exif()), *SHARES)),
    *((f"scans {name}", make, TRUNCATED) for name, make in cut(photos.jpeg(640, 480, progressive=True), *SHARES)),
    *((f"EXIF {name}", partial(photos.jpeg_with_exif, block), JPEG) for name, block in EXIF),
]  # fmt: skip


def _profile(number: int, of: int, length: int) -> bytes:
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([number, of]) + b"\0" * length)


JPEGS = [Hostile(f"JPEG: {name}", make, outcome) for name, make, outcome in FILES]
