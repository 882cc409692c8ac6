"""Makers of photos and documents, good and hostile, for any test that uploads something."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image

EXIF_IFD, GPS_IFD = 0x8769, 0x8825


def picture(width: int = 64, height: int = 48, *, seed: int = 1, mode: str = "RGB") -> Image.Image:
    """A picture that differs for each seed and has something to compress."""
    coarse = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture as Pillow writes them."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 64, height: int = 48, *, seed: int = 1, **options: object) -> bytes:
    """A sound JPEG; different bytes for each seed."""
    return encoded(picture(width, height, seed=seed), "JPEG", **options)


def png(width: int = 64, height: int = 48, *, seed: int = 1, **options: object) -> bytes:
    """A sound PNG."""
    return encoded(picture(width, height, seed=seed), "PNG", **options)


def webp(width: int = 64, height: int = 48, *, seed: int = 1, **options: object) -> bytes:
    """A sound WebP."""
    return encoded(picture(width, height, seed=seed), "WEBP", **options)


def pdf() -> bytes:
    """The outline of a PDF document."""
    return b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def exif(*, orientation: int = 1, taken_at: str = "2026:11:20 10:11:12", make: str = "HUAWEI") -> Image.Exif:
    """What a phone writes: camera, time with zone, a position in Nanjing, and a user comment."""
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0112], block[0x0132] = make, "P60 Pro", orientation, "2020:01:01 00:00:00"
    block.get_ifd(EXIF_IFD).update({0x9003: taken_at, 0x9011: "+08:00", 0x9286: b"ASCII\0\0\0secret-comment"})
    block.get_ifd(GPS_IFD).update({1: "N", 2: (32.0, 3.0, 36.0), 3: "E", 4: (118.0, 47.0, 24.0)})
    return block


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that declares any size (20000 × 15000 = 300 megapixels)."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header declares another size."""
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def jpeg_without_end(**options: object) -> bytes:
    """A JPEG cut off inside its pixels; the thumbnail in its EXIF block still has an end marker."""
    block = exif()
    block[0x8298] = "\u00ff" + "x" * 10
    content = jpeg(320, 240, exif=block.tobytes() + jpeg(16, 12), **options)
    return content[: len(content) // 2 + 600]


def motion_photo() -> bytes:
    """A JPEG with a film behind its end marker, as many phones write it."""
    return jpeg(exif=exif()) + b"\0\0\0\x18ftypmp42" + random.Random(3).randbytes(5000) + b"SEFT\0\0"


def damaged_middle(width: int = 640, height: int = 480) -> bytes:
    """A JPEG with both ends and a hole of zeros in its pixels; only decoding can tell."""
    content = bytearray(jpeg(width, height, quality=95))
    start = content.index(b"\xff\xda") + 200
    content[start : start + 400] = b"\xff\xc4\xff\xd0" * 100
    return bytes(content)


def jpeg_with_exif(block: bytes) -> bytes:
    """A JPEG with any bytes as its EXIF block (without the ``Exif`` prefix)."""
    segment = b"Exif\0\0" + block
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg()[2:]


def iphone_photo(width: int = 640, height: int = 480, *, seed: int = 1, **options: object) -> bytes:
    """A sound HEIC; needs the extra ``heic``."""
    import pillow_heif

    out = BytesIO()
    pillow_heif.from_pillow(picture(width, height, seed=seed)).save(out, format="HEIF", **options)
    return out.getvalue()


def heic() -> bytes:
    """The first box of an iPhone's photo."""
    return b"\0\0\0\x24ftypheic\0\0\0\0mif1MiHEMiPr" + b"\0" * 200


def box(kind: bytes, content: bytes) -> bytes:
    """A box as in MP4 and HEIC."""
    return struct.pack(">I", len(content) + 8) + kind + content


def heic_located(places: bytes) -> bytes:
    """A HEIC of 64 × 48 pixels that is nothing but its directory, with any table of places (``iloc``)."""
    properties = box(b"iprp", box(b"ipco", box(b"ispe", struct.pack(">III", 0, 64, 48))))
    directory = box(b"iinf", bytes(6)) + properties + box(b"iloc", places)
    return heic()[:36] + box(b"meta", bytes(4) + directory)


def places(items: int, extents: int, *, written: bytes = b"", sizes: int = 0x0000) -> bytes:
    """A table of places; ``sizes`` of 0 say that an extent is written in no bytes at all."""
    each = struct.pack(">HHH", 1, 0, extents) + written * extents
    return struct.pack(">IHH", 0, sizes, items) + each * items
