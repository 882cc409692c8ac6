"""PNG files that are broken, bombs, or something else as well."""

import struct
import zlib
from functools import partial

from PIL import Image

from tests import photos
from tests.fuzz.hostile import DAMAGED_PNG, NOT_IMAGE, PNG, TOO_MANY_PIXELS, TRUNCATED, Hostile, Kept, Refused, cut
from tests.fuzz.hostile_jpegs import EXIF, SCRIPT, ZIP
from tests.photos import png_chunk as chunk

_SIGNATURE, _END = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")


def header(width: int = 64, height: int = 48, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    """The first chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(*chunks: bytes) -> bytes:
    """A file of these chunks and an end."""
    return _SIGNATURE + b"".join(chunks) + _END


def zeros(count: int) -> bytes:
    """What unpacks to so many zeros: a thousandth of them, one packed block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    blocks, rest = divmod(count, 1 << 20)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(bytes(rest)) + packer.flush()
    checksum = (count % 65_521) << 16 | 1
    return b"\x78\xda" + block * blocks + end + struct.pack(">I", checksum)


def pixels(width: int = 64, height: int = 48, bytes_per_pixel: int = 3) -> bytes:
    """The chunk of a black picture."""
    return chunk(b"IDAT", zeros(height * (1 + width * bytes_per_pixel)))


def with_chunks(*chunks: bytes) -> bytes:
    """A sound picture with more chunks behind its header."""
    return png(header(), *chunks, pixels())


def text(kind: bytes, how: bytes, length: int) -> bytes:
    """A chunk whose packed content is so long."""
    return chunk(kind, b"k\0" + how + zeros(length))


def of_mode(mode: str, **options: object) -> bytes:
    """As Pillow writes a picture of this mode."""
    return photos.encoded(photos.picture(mode=mode), "PNG", **options)


def with_exif(block: bytes) -> bytes:
    """A picture with this EXIF block."""
    return with_chunks(chunk(b"eXIf", block))


def animated(frames: int) -> bytes:
    """An APNG."""
    more = [photos.picture(16, 16, seed=seed) for seed in range(2, frames + 1)]
    return photos.encoded(photos.picture(16, 16), "PNG", save_all=True, append_images=more)


def wrong_checksum(kind: bytes) -> bytes:
    """A picture in which the checksum of one chunk is wrong."""
    content = bytearray(with_chunks())
    at = content.index(kind)
    length = int.from_bytes(content[at - 4 : at], "big")
    content[at + 4 + length] ^= 0xFF
    return bytes(content)


def lying_length(length: int) -> bytes:
    """A chunk that says it is longer, or shorter, than it is."""
    return png(header(), struct.pack(">I", length) + b"tEXt" + b"k\0v" + b"\0\0\0\0", pixels())


FILES: list[tuple[str, object, Kept | Refused]] = [
    ("signature alone", lambda: _SIGNATURE, TRUNCATED),
    ("line ends changed on the way", lambda: photos.png().replace(b"\r\n", b"\n"), NOT_IMAGE),
    *((name, make, TRUNCATED) for name, make in cut(photos.png(640, 480), 0.001, 0.1, 0.5, 0.9, 0.999)),
    ("no end", lambda: photos.png()[:-12], TRUNCATED),
    ("no pixels", lambda: png(header()), NOT_IMAGE),
    ("an empty chunk of pixels", lambda: png(header(), chunk(b"IDAT", b"")), DAMAGED_PNG),
    ("too few pixels", lambda: png(header(), pixels(64, 20)), PNG),
    ("pixels before the header", lambda: png(pixels(), header()), NOT_IMAGE),
    ("no width", partial(photos.png_claiming, 0, 48), NOT_IMAGE),
    ("no height", partial(photos.png_claiming, 64, 0), NOT_IMAGE),
    ("65535 × 65535", partial(photos.png_claiming, 65_535, 65_535), TOO_MANY_PIXELS),
    ("2147483647 × 2147483647", partial(photos.png_claiming, 2**31 - 1, 2**31 - 1), TOO_MANY_PIXELS),
    ("300 megapixels", partial(photos.png_claiming, 20_000, 15_000), TOO_MANY_PIXELS),
    ("50 megapixels that are not there", partial(photos.png_claiming, 8192, 6144), DAMAGED_PNG),
    ("50 megapixels in 150 KB", lambda: png(header(8192, 6144), pixels(8192, 6144)), PNG),
    ("50 megapixels of 16 bits in 400 KB", lambda: png(header(8192, 6144, 16, 6), pixels(8192, 6144, 8)), PNG),
    ("1 GB behind its pixels", lambda: png(header(), chunk(b"IDAT", zeros(1 << 30))), PNG),
    ("a text of 1 GB", lambda: with_chunks(chunk(b"zTXt", b"k\0\0" + zeros(1 << 30))), DAMAGED_PNG),
    ("an international text of 256 MB", lambda: with_chunks(text(b"iTXt", b"\1\0\0\0", 1 << 28)), DAMAGED_PNG),
    ("300 texts of 1 MB", lambda: with_chunks(*[text(b"zTXt", b"\0", 1 << 20)] * 300), DAMAGED_PNG),
    ("300 texts behind its pixels", lambda: png(header(), pixels(), *[text(b"zTXt", b"\0", 1 << 20)] * 300), PNG),
    ("a colour profile of 256 MB", lambda: with_chunks(text(b"iCCP", b"\0", 1 << 28)), DAMAGED_PNG),
    ("a text without a key", lambda: with_chunks(chunk(b"tEXt", b"")), PNG),
    ("a page in a text", lambda: with_chunks(chunk(b"tEXt", b"Title\0<html>" + SCRIPT)), PNG),
    ("a chunk longer than the file", partial(lying_length, 0x7FFFFFFF), TRUNCATED),
    ("a chunk of 4 GB", partial(lying_length, 0xFFFFFFFF), TRUNCATED),
    ("a chunk longer than it is", partial(lying_length, 40), TRUNCATED),
    ("a chunk shorter than it is", partial(lying_length, 0), TRUNCATED),
    ("a wrong checksum of its header", partial(wrong_checksum, b"IHDR"), DAMAGED_PNG),
    ("a wrong checksum of its pixels", partial(wrong_checksum, b"IDAT"), PNG),
    ("two headers, the second huge", lambda: png(header(), header(60_000, 60_000), pixels()), DAMAGED_PNG),
    ("150000 chunks", lambda: with_chunks(chunk(b"prVt", b"") * 150_000), NOT_IMAGE),
    ("3 bits", lambda: png(header(depth=3), pixels()), NOT_IMAGE),
    ("a kind of colour that is none", lambda: png(header(colour=5), pixels()), DAMAGED_PNG),
    ("a palette that is missing", lambda: png(header(colour=3), pixels(bytes_per_pixel=1)), PNG),
    ("a palette of 300 colours", lambda: png(header(colour=3), chunk(b"PLTE", bytes(900)), pixels()), DAMAGED_PNG),
    ("16 bits of grey", lambda: photos.encoded(photos.picture(mode="L").convert("I;16"), "PNG"), PNG),
    ("16 bits of colour", lambda: png(header(depth=16), pixels(bytes_per_pixel=6)), PNG),
    ("16 bits of colour and transparency", lambda: png(header(depth=16, colour=6), pixels(bytes_per_pixel=8)), PNG),
    ("interlaced", lambda: png(header(interlaced=1), pixels(height=120)), PNG),
    ("interlaced by a method that is none", lambda: png(header(interlaced=7), pixels()), DAMAGED_PNG),
    ("transparent", partial(of_mode, "RGBA"), PNG),
    ("a palette with a transparent colour", partial(of_mode, "P", transparency=3), PNG),
    ("black and white", partial(of_mode, "1"), PNG),
    ("50000 pixels wide", lambda: photos.encoded(Image.new("1", (50_000, 2)), "PNG"), PNG),
    ("animated", partial(animated, 3), PNG),
    ("animated with 500 frames", partial(animated, 500), PNG),
    ("animation that claims 4 thousand million frames", lambda: with_chunks(chunk(b"acTL", b"\xff" * 8)), PNG),
    ("a frame outside its picture", lambda: with_chunks(chunk(b"fcTL", b"\0\0\x27\x0f" * 5 + bytes(6))), DAMAGED_PNG),
    ("noise behind its end", lambda: photos.png() + bytes(range(256)) * 1000, PNG),
    ("an archive behind its end", lambda: photos.png() + ZIP, PNG),
    ("a page behind its end", lambda: photos.png() + b"<html>" + SCRIPT, PNG),
    ("a JPEG behind its end", lambda: photos.png() + photos.jpeg(), PNG),
    ("1 MiB of EXIF", lambda: with_chunks(chunk(b"eXIf", b"MM\0*" + b"\xff" * 1_000_000)), PNG),
    *((f"EXIF {name}", partial(with_exif, block), PNG) for name, block in EXIF[3:9]),
]  # fmt: skip

PNGS = [Hostile(f"PNG: {name}", make, outcome) for name, make, outcome in FILES]
