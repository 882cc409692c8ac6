"""Why a photo or document is refused before anything is stored. Source: contract.md, «Photos»."""

from app.core.errors import Rejected, UnsupportedMedia


class PhotoEmpty(Rejected):
    """There is not one byte in the file."""

    code, title, title_zh = "photo-empty", "The file is empty", "文件为空"


class PhotoNotImage(Rejected):
    """The bytes are no picture and no document, whatever the file is called."""

    code, title, title_zh = "photo-not-image", "The file is not a photo", "文件不是照片"


class PhotoTruncated(Rejected):
    """The file begins well, but its end is missing."""

    code, title, title_zh = "photo-truncated", "The end of the file is missing", "照片文件不完整"


class PhotoTooManyPixels(Rejected):
    """The header declares more pixels than are ever decoded here."""

    code, title, title_zh = "photo-too-many-pixels", "The photo has too many pixels", "照片像素过大"


class PhotoTypeUnsupported(UnsupportedMedia):
    """A picture, but of a kind that not every reader of the evidence can open."""

    code, title, title_zh = "photo-type-unsupported", "This kind of picture is not accepted", "不支持的图片格式"


def not_an_image(reason: str) -> PhotoNotImage:
    """The refusal of something that only looks like a photo; ``reason`` is a short English clause."""
    return PhotoNotImage(f"The file cannot be read as a photo: {reason}.", "无法识别该文件，请发送手机拍摄的照片。")


def truncated(reason: str) -> PhotoTruncated:
    """The refusal of a file that was cut off; ``reason`` is a short English clause."""
    return PhotoTruncated(
        f"The file is incomplete ({reason}). Send it again.", "照片文件不完整，可能传输中断，请重新上传。"
    )
