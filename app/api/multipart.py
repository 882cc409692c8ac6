"""One file and its fields out of a ``multipart/form-data`` body, while it arrives.

The file never lies in memory: what is read is hashed and written in pieces of 1 MiB, in a thread,
so that eight phones at once cost a few MiB and the event loop stays free. The last piece is left to the thread
that keeps the file: to go to another thread takes longer than to write a piece.
Source: choices.md, section 3, «Photos»; contract.md, «Photos».
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.core.errors import BadRequest, Rejected, UnsupportedMedia, at
from app.core.storage import FileTooLarge, Incoming, Storage

_FILE: Final = "file"
_MAX_FIELDS: Final = 10
_MAX_FIELD_BYTES: Final = 1000
_MAX_OVERHEAD_BYTES: Final = 64 * 1024
"""Boundaries, part headers and fields together."""
_PIECE_BYTES: Final = 1024 * 1024


class BrokenMultipart(BadRequest):
    """The body is not what its content type says, or it ended too early."""

    code, title, title_zh = "broken-multipart", "The upload cannot be read", "上传内容无法解析"


class NotMultipart(UnsupportedMedia):
    """The body is of another type."""

    code, title, title_zh = "not-multipart", "Send a multipart form", "请以 multipart/form-data 上传"


class BadUploadForm(Rejected):
    """The form has a field twice, too many or too long ones, or no file."""

    code, title, title_zh = "bad-upload-form", "The upload form is wrong", "上传表单不符合要求"


class Upload:
    """What arrives: the text fields as sent, and the file, which is gone unless it is kept."""

    def __init__(self, form: "_Form", storage: Storage, max_bytes: int) -> None:
        self.fields = form.fields
        self._form, self._storage, self._max_bytes = form, storage, max_bytes
        self._incoming: Incoming | None = None

    def incoming(self) -> Incoming:
        """The file so far, once all that waits is written; call it in a thread.

        Raises ``FileTooLarge``, ``StorageFull`` or ``StorageUnavailable``.
        """
        if self._incoming is None:
            self._incoming = self._storage.receive(self._max_bytes)
        for piece in self._form.take():
            self._incoming.write(piece)
        return self._incoming

    def discard(self) -> None:
        """Remove the file unless it was kept."""
        if self._incoming is not None:
            self._incoming.discard()


@asynccontextmanager
async def receive_upload(request: Request, storage: Storage, max_bytes: int) -> AsyncIterator[Upload]:
    """The body of ``request``, read to its end; the part named ``file`` is the file, all others are fields.

    Call ``upload.incoming().keep()`` (in a thread) inside the block. Raises ``BrokenMultipart``,
    ``NotMultipart``, ``BadUploadForm``, ``FileTooLarge``, ``StorageFull`` or ``StorageUnavailable``.
    """
    boundary = _boundary(request)
    if (declared := request.headers.get("content-length", "")).isdecimal():
        _check_total(int(declared), max_bytes)
    form = _Form(boundary)
    upload = Upload(form, storage, max_bytes)
    try:
        try:
            await _read(request, form, upload, max_bytes)
        except (FormParserError, UnicodeDecodeError, ClientDisconnect):
            raise _broken() from None
        if not form.has_ended:
            raise _broken()
        if not form.has_file:
            raise _wrong_form(_FILE, "missing", "The file is missing.", "缺少文件。")
        yield upload
    finally:
        upload.discard()


async def _read(request: Request, form: "_Form", upload: Upload, max_bytes: int) -> None:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        _check_total(total, max_bytes)
        form.feed(chunk)
        if form.waiting_bytes >= _PIECE_BYTES:
            await to_thread.run_sync(upload.incoming)


class _Form:
    """The callbacks of the parser: fields are collected, pieces of the file wait to be written."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.has_file = False
        self.has_ended = False
        self.waiting_bytes = 0
        self._waiting: list[memoryview] = []
        self._header = self._header_value = b""
        self._name: str | None = None
        self._value = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def take(self) -> list[memoryview]:
        """The pieces of the file that wait, once."""
        pieces, self._waiting, self.waiting_bytes = self._waiting, [], 0
        return pieces

    def _begin_part(self) -> None:
        self._name = None
        self._value.clear()

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        header, value = self._header.lower(), self._header_value
        self._header = self._header_value = b""
        if header == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options[b"name"].decode() if b"name" in options else None
        elif header == b"content-transfer-encoding" and value.strip().lower() not in {b"binary", b"8bit", b"7bit"}:
            raise _broken()  # RFC 7578, 4.7: nobody sends these any more, and the hash would not be the file's

    def _end_headers(self) -> None:
        name = self._name
        if name is None:
            raise _broken()
        if name in self.fields or (name == _FILE and self.has_file):
            raise _wrong_form(name, "duplicate", "The field is there twice.", "字段重复。")
        if name == _FILE:
            self.has_file = True
        elif len(self.fields) >= _MAX_FIELDS or len(name) > _MAX_FIELD_BYTES:
            raise _wrong_form("", "too-many", f"At most {_MAX_FIELDS} fields.", f"字段不得超过 {_MAX_FIELDS} 个。")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == _FILE:
            self._waiting.append(memoryview(data)[start:end])
            self.waiting_bytes += end - start
            return
        self._value += data[start:end]
        if len(self._value) > _MAX_FIELD_BYTES:
            raise _wrong_form(str(self._name), "too-long", "The field is too long.", "字段过长。")

    def _end_part(self) -> None:
        if self._name is not None and self._name != _FILE:
            self.fields[self._name] = self._value.decode()

    def _end(self) -> None:
        self.has_ended = True


def _boundary(request: Request) -> bytes:
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != b"multipart/form-data":
        raise NotMultipart("Send multipart/form-data.", "请以 multipart/form-data 格式上传。")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise _broken()
    return boundary


def _check_total(total: int, max_bytes: int) -> None:
    if total > max_bytes + _MAX_OVERHEAD_BYTES:
        raise FileTooLarge(
            f"A file may have at most {max_bytes} bytes.",
            f"单个文件不能超过 {max_bytes / 1024 / 1024:g} MB。",
            max_bytes=max_bytes,
        )


def _broken() -> BrokenMultipart:
    return BrokenMultipart("The multipart body is broken or incomplete. Send it again.", "上传内容不完整，请重新上传。")


def _wrong_form(field: str, code: str, detail: str, detail_zh: str) -> BadUploadForm:
    return BadUploadForm(detail, detail_zh, errors=[at(f"/{field}", code)])
