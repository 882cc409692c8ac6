"""The process that decodes pictures: reads paths from standard input, writes thumbnails to standard output.

It is started as a script by ``app.core.thumbnails`` and imports nothing of this project, so that it is
small, starts fast, and a picture that crashes, hangs or eats memory takes nobody with it.
Per request one line of JSON in; one line of JSON and then the bytes out.
"""

import json
import os
import resource
import signal
import sys
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError

MAX_SIDE: Final = 480
QUALITY: Final = 80
MAX_PIXELS: Final = 109_000_000

_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_HEIF: Final = "HEIF"
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Unreadable(Exception):
    """The picture cannot be decoded: damaged inside, or of a kind that is never accepted."""


class NoDecoder(Exception):
    """The picture is a HEIC and the optional extra is not here or does not start: nothing is known about it."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small JPEG, upright, without metadata."""

    content: bytes
    width: int
    height: int
    media_type: str = "image/jpeg"


def make_thumbnail(path: Path, formats: tuple[str, ...] = _FORMATS) -> Thumbnail:
    """At most 480 pixels a side, from the smallest decode that gives them.

    JPEG at quality 80: WebP of the same side is a quarter smaller, but its encoder takes longer than
    the whole decode (12 megapixels, CPU: 20 ms with JPEG, 47 ms with WebP). The first frame of an
    animation; transparency on white. Raises ``Unreadable`` or ``NoDecoder``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=formats) as image:
                return _shrink(image)
    except MemoryError:
        raise Unreadable("needs too much memory") from None
    except UnidentifiedImageError as error:
        if _HEIF not in formats and _has_boxes(path):
            raise NoDecoder from error
        raise Unreadable("of no known kind") from error
    except OSError as error:
        if error.errno is not None:  # the disk's, not the picture's: Pillow's own have no number
            raise
        raise Unreadable(str(error)[:200]) from error
    except Exception as error:  # Pillow raises nearly anything on hostile files
        raise Unreadable(f"{type(error).__name__}: {error}"[:200]) from error


def _has_boxes(path: Path) -> bool:
    """Whether it begins as a HEIC does: nothing else that is accepted is made of boxes."""
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _shrink(image: Image.Image) -> Thumbnail:
    if image.width * image.height >= MAX_PIXELS:
        raise Unreadable("too many pixels")
    orientation = _orientation(image)
    size = _fit(image.width, image.height)
    image.draft(None, size)  # JPEG decodes at 1/2, 1/4 or 1/8; ``thumbnail`` would ask for twice the side
    small = _plain(image)
    if small.size != size:
        small = small.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    small = _on_white(small)
    if (turn := _TURNS.get(orientation)) is not None:
        small = small.transpose(turn)
    clean = Image.frombytes("RGB", small.size, small.tobytes())  # what Pillow knows of the file stays behind
    out = BytesIO()
    clean.save(out, "JPEG", quality=QUALITY)
    return Thumbnail(out.getvalue(), clean.width, clean.height)


def _fit(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # a broken EXIF block is no damage to the picture
        return 1
    return value if isinstance(value, int) else 1


def _plain(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be scaled smoothly."""
    if image.mode.startswith("I"):  # 16 bits a pixel, grey
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in {"P", "PA", "LA", "1"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def serve(requests: BinaryIO, answers: BinaryIO, formats: tuple[str, ...]) -> None:
    """Answer until the input ends, which it does when the server does."""
    for line in requests:
        content, head = b"", dict[str, int | str]()
        try:
            thumbnail = make_thumbnail(Path(json.loads(line)), formats)
            content = thumbnail.content
            head = {"bytes": len(content), "width": thumbnail.width, "height": thumbnail.height}
        except NoDecoder:
            head = {"bytes": 0, "no_decoder": _HEIF}
        except Unreadable as error:
            head = {"bytes": 0, "unreadable": str(error)}
        answers.write(json.dumps(head).encode() + b"\n" + content)
        answers.flush()


def _known_formats() -> tuple[str, ...]:
    """What can be decoded here: HEIC too where the optional extra is installed."""
    try:
        import pillow_heif
    except ImportError:
        return _FORMATS
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 1
    return (*_FORMATS, _HEIF)


def main() -> None:
    """``thumbnail_worker.py MEMORY_BYTES``: limits first, then work; yields the CPU to the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes the input
    memory_bytes = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    Image.preinit()
    serve(sys.stdin.buffer, sys.stdout.buffer, _known_formats())


if __name__ == "__main__":
    main()
