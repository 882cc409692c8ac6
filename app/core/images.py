"""What an uploaded file is, told from its bytes before the answer leaves; no pixel is decoded here.

Neither the file's name nor the declared type is trusted. The headers are read by our own readers
(``jpeg``, ``png``, ``webp``, ``exif``): they take less than the hash does, have no large
allocation in the process that answers, and see the end of the file, which Pillow does not look for.
Damage inside is found on decoding (``thumbnails``). Source: contract.md, «Photos».
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final, Literal

from app.core import image_errors
from app.core.exif import read_exif
from app.core.heif import read_heif
from app.core.image_layout import Layout, read_at
from app.core.jpeg import orientation_segment, read_jpeg
from app.core.png import SIGNATURE, png_size, read_png
from app.core.webp import read_webp, webp_size

MAX_PHOTO_BYTES: Final = 20 * 1024 * 1024
MAX_JPEG_MEGAPIXELS: Final = 108
MAX_OTHER_MEGAPIXELS: Final = 50

MediaType = Literal["image/jpeg", "image/png", "image/webp", "image/heic", "application/pdf"]

_PDF_TAIL: Final = 4096


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the bytes say; ``None`` where they say nothing (a PDF has only its type)."""

    media_type: MediaType
    width: int | None = None
    height: int | None = None
    """As stored; an ``orientation`` of 5 to 8 shows them exchanged."""
    taken_at_device: datetime | None = None
    """Local time of the camera's clock, without a zone."""
    latitude: float | None = None
    longitude: float | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    orientation: int = 1

    @property
    def is_image(self) -> bool:
        """Whether there are pixels, hence a thumbnail."""
        return self.media_type != "application/pdf"


def can_decode_heic() -> bool:
    """Whether the optional extra ``heic`` is installed: without a decoder a HEIC would never get a thumbnail."""
    return find_spec("pillow_heif") is not None


def inspect(path: Path, *, takes_heic: bool = False) -> ImageFacts:
    """Type, size and EXIF facts of a file that is complete as far as its structure tells.

    A tenth of a millisecond, for a progressive JPEG 0.5 ms a MiB, 256 KiB; independent of the number of pixels. The
    directory of a HEIC is held whole: at most 4 MiB, 10,000 boxes a level and 10,000 places of items, some hundredths
    of a second. Raises ``PhotoEmpty``, ``PhotoNotImage``, ``PhotoTypeUnsupported``, ``PhotoTooManyPixels`` or
    ``PhotoTruncated``.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        media_type = _sniff(file, size)
        if media_type == "image/heic" and not takes_heic:
            raise _unsupported_kind("HEIC/HEIF")
        if media_type == "application/pdf":
            if b"%%EOF" not in read_at(file, max(0, size - _PDF_TAIL), _PDF_TAIL):
                raise image_errors.truncated("a PDF without its end")
            return ImageFacts(media_type)
        layout = _read(file, media_type, size, to_end=False)
    exif = read_exif(layout.exif)
    return ImageFacts(
        media_type,
        layout.width,
        layout.height,
        exif.taken_at_device,
        exif.latitude,
        exif.longitude,
        exif.camera_make,
        exif.camera_model,
        exif.orientation,
    )


def without_metadata(path: Path) -> bytes:
    """The same picture bit by bit, without EXIF, XMP, comments or anything after its end.

    Only the orientation of a JPEG is kept. A PDF comes back as it is. At most the size of the file in
    memory. Raises as ``inspect`` does.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        media_type = _sniff(file, size)
        if media_type == "application/pdf":
            return read_at(file, 0, size)
        layout = _read(file, media_type, size)
        parts = [
            part if isinstance(part, bytes) else read_at(file, part.start, part.end - part.start)
            for part in layout.public
        ]
    orientation = read_exif(layout.exif).orientation
    if media_type == "image/jpeg" and orientation != 1:
        parts[0] = parts[0][:2] + orientation_segment(orientation) + parts[0][2:]
    return b"".join(parts)


def _read(file: BinaryIO, media_type: MediaType, size: int, *, to_end: bool = True) -> Layout:
    """The layout by the type's own reader; what declares too many pixels is refused from its header."""
    if media_type == "image/jpeg":
        layout = read_jpeg(file, size, to_end=to_end)
        _check_pixels(layout.width, layout.height, MAX_JPEG_MEGAPIXELS)
        return layout
    if media_type == "image/heic":
        layout = read_heif(file, size)
        _check_pixels(layout.width, layout.height, MAX_OTHER_MEGAPIXELS)
        return layout
    measure, read = _OTHER_READERS[media_type]
    _check_pixels(*measure(read_at(file, 0, 64)), MAX_OTHER_MEGAPIXELS)
    return read(file, size)


_Readers = tuple[Callable[[bytes], tuple[int, int]], Callable[[BinaryIO, int], Layout]]
_OTHER_READERS: Final[dict[str, _Readers]] = {
    "image/png": (png_size, read_png),
    "image/webp": (webp_size, read_webp),
}


def _check_pixels(width: int, height: int, most: int) -> None:
    """Whole megapixels count: a sensor sold as 108 megapixels gives 12032 × 9024."""
    if width * height >= (most + 1) * 1_000_000:
        raise image_errors.PhotoTooManyPixels(
            f"The photo has {width} × {height} pixels; at most {most} megapixels are accepted.",
            f"照片为 {width} × {height} 像素，最多接受 {most} 百万像素，请降低分辨率后重新拍摄。",
            width=width,
            height=height,
        )


def _sniff(file: BinaryIO, size: int) -> MediaType:
    if size == 0:
        raise image_errors.PhotoEmpty("The file has no content.", "文件没有内容，请重新选择照片。")
    head = read_at(file, 0, 64)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(SIGNATURE):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if (name := _unsupported(head)) == "HEIC/HEIF":
        return "image/heic"
    if name is not None:
        raise _unsupported_kind(name)
    raise image_errors.not_an_image("no known beginning")


def _unsupported_kind(name: str) -> image_errors.PhotoTypeUnsupported:
    return image_errors.PhotoTypeUnsupported(
        f"{name} is not accepted. Send a JPEG (or PNG, WebP; documents as PDF); "
        "on an iPhone choose Settings → Camera → Formats → Most Compatible.",
        f"不接受 {name} 格式，请发送 JPEG（也可用 PNG、WebP，文书用 PDF）。"
        "苹果手机请在“设置 → 相机 → 格式”中选择“兼容性最佳”。",
    )


_HEIF_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
)
_UNSUPPORTED: Final = (
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
)


def _unsupported(head: bytes) -> str | None:
    """The name of a picture format that we know but do not take."""
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, len(head), 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC/HEIF" if brands & _HEIF_BRANDS else "Video"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "BMP"
    return next((name for start, name in _UNSUPPORTED if head.startswith(start)), None)
