"""WebP and PDF files that are broken or bombs, and files that are no photo whatever they are called."""

import gzip
import io
import random
import struct
import zipfile
from functools import partial

from app.core.images import can_decode_heic
from tests import photos
from tests.fuzz.hostile import (
    DAMAGED_WEBP,
    NOT_A_DOCUMENT,
    NOT_IMAGE,
    PDF,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNSUPPORTED,
    WEBP,
    Hostile,
    Kept,
    Refused,
    cut,
)
from tests.fuzz.hostile_jpegs import EXIF, SCRIPT, ZIP
from tests.fuzz.hostile_pngs import zeros
from tests.photos import box


def riff(*chunks: tuple[bytes, bytes], kind: bytes = b"WEBP", length: int | None = None) -> bytes:
    """A RIFF file of these chunks, which says it has ``length`` bytes."""
    content = kind + b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks
    )
    return b"RIFF" + struct.pack("<I", len(content) if length is None else length) + content


def pixels() -> tuple[bytes, bytes]:
    """The one chunk of a sound picture of 64 × 48."""
    content = photos.webp()
    return b"VP8 ", content[20 : 20 + int.from_bytes(content[16:20], "little")]


def extended(width: int = 64, height: int = 48, flags: int = 0) -> tuple[bytes, bytes]:
    """The chunk that says how large the canvas is."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + size


def with_exif(block: bytes) -> bytes:
    return riff(extended(flags=8), pixels(), (b"EXIF", block))


def animated_gif(frames: int) -> bytes:
    more = [photos.picture(8, 8, seed=seed) for seed in range(2, frames + 1)]
    return photos.encoded(photos.picture(8, 8), "GIF", save_all=True, append_images=more)


def animated_webp(frames: int) -> bytes:
    more = [photos.picture(16, 16, seed=seed) for seed in range(2, frames + 1)]
    return photos.encoded(photos.picture(16, 16), "WEBP", save_all=True, append_images=more, duration=20)


WEBPS: list[tuple[str, object, Kept | Refused]] = [
    ("header alone", lambda: b"RIFF\4\0\0\0WEBP", TRUNCATED),
    *((name, make, TRUNCATED) for name, make in cut(photos.webp(640, 480), 0.01, 0.5, 0.99)),
    ("longer than it says", lambda: photos.webp() + b"\0" * 100_000, WEBP),
    ("shorter than it says", lambda: riff(pixels(), length=1 << 30), TRUNCATED),
    ("a chunk of 4 GB", lambda: riff(extended(), (b"EXIF", b""))[:-4] + b"\xff" * 4, TRUNCATED),
    ("no pixels", lambda: riff(extended(), (b"ICCP", b"x" * 100)), NOT_IMAGE),
    ("a first chunk that nobody knows", lambda: riff((b"JUNK", b"\0" * 100), pixels()), NOT_IMAGE),
    ("pixels of noise", lambda: riff((b"VP8 ", pixels()[1][:10] + random.Random(2).randbytes(900))), DAMAGED_WEBP),
    ("lossless pixels of noise", lambda: riff((b"VP8L", b"\x2f\x3f\xc0\x0b\0" + b"\xff" * 500)), DAMAGED_WEBP),
    ("lossless", lambda: photos.webp(lossless=True), WEBP),
    ("16384 × 16384", lambda: riff((b"VP8L", b"\x2f\xff\xff\xff\x0f" + b"\0" * 50)), TOO_MANY_PIXELS),
    ("a canvas of 16777216 × 16777216", lambda: riff(extended(1 << 24, 1 << 24), pixels()), TOO_MANY_PIXELS),
    ("a canvas larger than its picture", lambda: riff(extended(7000, 7000), pixels()), DAMAGED_WEBP),
    ("a canvas smaller than its picture", lambda: riff(extended(1, 1), pixels()), DAMAGED_WEBP),
    ("animated", partial(animated_webp, 3), WEBP),
    ("animated with 500 frames", partial(animated_webp, 500), WEBP),
    ("a canvas without a size", lambda: riff((b"VP8X", b""), pixels()), NOT_IMAGE),
    ("a canvas of half a size", lambda: riff((b"VP8X", b"\0" * 7), pixels()), NOT_IMAGE),
    ("animation without frames", lambda: riff(extended(flags=2), (b"ANIM", b"\0" * 6)), NOT_IMAGE),
    ("a frame of noise", lambda: riff(extended(flags=2), (b"ANIM", b"\0" * 6), (b"ANMF", b"\xff" * 60)), DAMAGED_WEBP),
    ("20000 chunks", lambda: riff(extended(), *[(b"JUNK", b"")] * 20_000, pixels()), NOT_IMAGE),
    ("a page in its XMP", lambda: riff(extended(flags=4), pixels(), (b"XMP ", b"<html>" + SCRIPT)), WEBP),
    ("transparency of noise", lambda: riff(extended(flags=16), (b"ALPH", b"\xff" * 90), pixels()), DAMAGED_WEBP),
    ("a page behind its end", lambda: photos.webp() + b"<html>" + SCRIPT, WEBP),
    *((f"EXIF {name}", partial(with_exif, block), WEBP) for name, block in EXIF[3:9]),
]  # fmt: skip

SCRIPTED = photos.pdf().replace(b"/Catalog", b"/Catalog /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")
PACKED = b"2 0 obj\n<< /Filter [/FlateDecode /FlateDecode] >>\nstream\n"

PDFS: list[tuple[str, object, str, Kept | Refused]] = [
    ("as a photo", photos.pdf, "before", NOT_A_DOCUMENT),
    ("as a document", photos.pdf, "document", PDF),
    ("that acts when it is opened", lambda: SCRIPTED, "document", PDF),
    ("that is a page too", lambda: b"%PDF-1.4\n<!--\n--><html>" + SCRIPT + photos.pdf()[8:], "document", PDF),
    ("that is an archive too", lambda: photos.pdf() + ZIP, "document", PDF),
    ("a stream of 1 GB", lambda: photos.pdf()[:9] + PACKED + zeros(1 << 30) + photos.pdf()[9:], "document", PDF),
    ("without its end", lambda: photos.pdf()[:-8], "document", TRUNCATED),
    ("five bytes", lambda: b"%PDF-", "document", TRUNCATED),
    ("behind something else", lambda: b"GARBAGE\n" + photos.pdf(), "document", NOT_IMAGE),
]


def archive(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return out.getvalue()


OTHERS: list[tuple[str, object, Kept | Refused]] = [
    ("GIF", lambda: photos.encoded(photos.picture(mode="P"), "GIF"), UNSUPPORTED),
    ("GIF of 300 frames", partial(animated_gif, 300), UNSUPPORTED),
    ("GIF that is a script", lambda: b"GIF89a=1;/*" + b"\0" * 90 + b"*/alert(1)", UNSUPPORTED),
    ("TIFF", lambda: photos.encoded(photos.picture(), "TIFF"), UNSUPPORTED),
    ("BMP", lambda: photos.encoded(photos.picture(), "BMP"), UNSUPPORTED),
    ("AVIF", lambda: box(b"ftyp", b"avif\0\0\0\0mif1miaf") + b"\0" * 90, UNSUPPORTED),
    ("JPEG 2000", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 90, UNSUPPORTED),
    ("JPEG XL", lambda: b"\xff\x0a" + b"\0" * 90, UNSUPPORTED),
    ("film", lambda: box(b"ftyp", b"mp42\0\0\0\0isom") + b"\0" * 90, UNSUPPORTED),
    ("SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', NOT_IMAGE),
    ("SVG behind a declaration", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', NOT_IMAGE),
    ("entities that multiply", lambda: b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>', NOT_IMAGE),
    ("page", lambda: b"<!DOCTYPE html><html>" + SCRIPT, NOT_IMAGE),
    ("page that ends like a JPEG", lambda: b"<html>" + SCRIPT + photos.jpeg(), NOT_IMAGE),
    ("ELF program", lambda: b"\x7fELF\x02\x01\x01" + b"\0" * 500, NOT_IMAGE),
    ("Windows program", lambda: b"MZ\x90\0" + b"\0" * 500, NOT_IMAGE),
    ("shell script", lambda: b"#!/bin/sh\nrm -rf /\n", NOT_IMAGE),
    ("PHP", lambda: b"<?php system($_GET['c']);", NOT_IMAGE),
    ("Java class", lambda: b"\xca\xfe\xba\xbe\0\0\0\x34" + b"\0" * 90, NOT_IMAGE),
    ("WebAssembly", lambda: b"\0asm\1\0\0\0", NOT_IMAGE),
    ("archive", lambda: archive(("a.txt", b"x")), NOT_IMAGE),
    ("archive that leads out of its folder", lambda: archive(("../../etc/passwd", b"x")), NOT_IMAGE),
    ("archive of 64 MB of zeros", lambda: archive(("a", bytes(1 << 26))), NOT_IMAGE),
    ("gzip of 64 MB of zeros", lambda: gzip.compress(bytes(1 << 26), 1), NOT_IMAGE),
    ("Word document", lambda: archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")), NOT_IMAGE),
    ("database", lambda: b"SQLite format 3\0" + b"\0" * 500, NOT_IMAGE),
    ("icon", lambda: b"\0\0\1\0\1\0\x10\x10" + b"\0" * 90, NOT_IMAGE),
    ("Photoshop", lambda: b"8BPS\0\1" + b"\0" * 90, NOT_IMAGE),
    ("PostScript", lambda: b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n%%EOF\n", NOT_IMAGE),
    ("ImageMagick script", lambda: b"push graphic-context\nfill 'url(https://x/\"|id\")'\n", NOT_IMAGE),
    ("sound", lambda: riff((b"fmt ", b"\0" * 16), kind=b"WAVE"), NOT_IMAGE),
    ("text", lambda: "现场照片".encode() * 100, NOT_IMAGE),
    ("text of 16 bits", lambda: "照片.jpg".encode("utf-16") * 100, NOT_IMAGE),
    ("spaces before a JPEG", lambda: b"   " + photos.jpeg(), NOT_IMAGE),
    ("a byte order mark before a PNG", lambda: b"\xef\xbb\xbf" + photos.png(), NOT_IMAGE),
    ("zeros", lambda: bytes(100_000), NOT_IMAGE),
    ("noise", lambda: random.Random(7).randbytes(100_000), NOT_IMAGE),
    ("20 MiB of zeros and a byte", lambda: bytes(20 * 1024 * 1024 + 1), Refused(413, "file-too-large")),
    ("22 MiB", lambda: photos.jpeg() + bytes(22 * 1024 * 1024), Refused(413, "body-too-large")),
]  # fmt: skip

HEIC = Kept("image/heic")
FTYP = photos.heic()[:36]


def huge_heic() -> bytes:
    content = photos.iphone_photo(64, 48)
    at = content.index(b"ispe") + 8
    return content[:at] + b"\0\0\xff\xff" * 2 + content[at + 8 :]


byte_extents = partial(photos.places, written=b"\0", sizes=0x1000)

HEICS: list[tuple[str, object, Kept | Refused]] = [
    ("header alone", photos.heic, NOT_IMAGE),
    ("a box of 4 GB", lambda: FTYP + b"\xff\xff\xff\xffmeta", TRUNCATED),
    ("a box of 2^64 bytes", lambda: FTYP + b"\0\0\0\1meta" + b"\xff" * 8, TRUNCATED),
    ("a box shorter than its name", lambda: FTYP + b"\0\0\0\4meta" + bytes(90), NOT_IMAGE),
    ("20000 boxes", lambda: FTYP + box(b"free", b"") * 20_000, NOT_IMAGE),
    ("a directory of 5 MB", lambda: FTYP + box(b"meta", bytes(5_000_000)), NOT_IMAGE),
    ("a directory of 500000 boxes", lambda: FTYP + box(b"meta", bytes(4) + box(b"free", b"") * 500_000), NOT_IMAGE),
    ("3 million extents in 482 bytes", lambda: photos.heic_located(photos.places(53, 65_535)), NOT_IMAGE),
    ("4 million extents of a byte", lambda: photos.heic_located(byte_extents(64, 65_000)), NOT_IMAGE),
    ("60000 items", lambda: photos.heic_located(photos.places(60_000, 0)), NOT_IMAGE),
    ("a directory of noise", lambda: FTYP + box(b"meta", random.Random(5).randbytes(5000)), TRUNCATED),
]
"""Refused with the extra for what they are, without it for their kind."""
if can_decode_heic():
    HEICS += [
        ("sound", photos.iphone_photo, HEIC),
        ("a page behind its end", lambda: photos.iphone_photo() + box(b"free", SCRIPT), HEIC),
        ("no decoder's settings", lambda: photos.iphone_photo().replace(b"hvcC", b"hvcX"), Kept("image/heic", False)),
        ("65535 × 65535", huge_heic, TOO_MANY_PIXELS),
        *((name, make, TRUNCATED) for name, make in cut(photos.iphone_photo(), 0.3, 0.6, 0.99)),
    ]
else:
    HEICS = [(name, make, UNSUPPORTED) for name, make, _ in HEICS]

OTHER_FILES = [
    *(Hostile(f"HEIC: {name}", make, outcome) for name, make, outcome in HEICS),
    *(Hostile(f"WebP: {name}", make, outcome) for name, make, outcome in WEBPS),
    *(Hostile(f"PDF: {name}", make, outcome, role) for name, make, role, outcome in PDFS),
    *(Hostile(name, make, outcome) for name, make, outcome in OTHERS),
]
