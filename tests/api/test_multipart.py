"""Uploads as they arrive: whole, in pieces, broken, too large, or never finished."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request

from app.api.multipart import BadUploadForm, BrokenMultipart, NotMultipart, receive_upload
from app.core.errors import DomainError
from app.core.storage import FileTooLarge, Incoming, Storage
from tests import photos

LIMIT = 300_000
BOUNDARY = "x-photo-boundary"


@pytest.fixture
def storage(tmp_path):
    return Storage(tmp_path / "storage")


def part(name: str, content: bytes, extra: str = "") -> bytes:
    filename = '; filename="照片.jpg"\r\nContent-Type: image/jpeg' if name == "file" else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{filename}{extra}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def request_of(chunks: Iterable[bytes], *, is_cut_off: bool = False, **headers: str) -> Request:
    """A request whose body arrives in these chunks; cut off: the client is gone after the last one."""
    headers = {"content_type": f"multipart/form-data; boundary={BOUNDARY}"} | headers

    def arriving():
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.disconnect"} if is_cut_off else {"type": "http.request", "body": b""}

    messages = arriving()

    async def receive():
        return next(messages)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/photos", "headers": raw}, receive)


def receive(storage: Storage, request: Request, *, keep: bool = True) -> tuple[dict[str, str], Incoming]:
    async def run() -> tuple[dict[str, str], Incoming]:
        async with receive_upload(request, storage, LIMIT) as upload:
            incoming = await anyio.to_thread.run_sync(upload.incoming)
            if keep:
                await anyio.to_thread.run_sync(incoming.keep)
            return upload.fields, incoming

    return anyio.run(run)


def files(storage: Storage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("step", [1, 7, 1000, 65536, 10**9])
def test_received_byte_for_byte_however_it_is_cut(storage, step):
    content = photos.jpeg() + f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n\r".encode() + b"\xff" * 100
    body = form(part("id", b"7"), part("source", "相机".encode()), part("file", content), part("role", b"before"))
    fields, incoming = receive(storage, request_of(body[at : at + step] for at in range(0, len(body), step)))
    assert fields == {"id": "7", "source": "相机", "role": "before"}
    assert (incoming.size, incoming.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert [path.read_bytes() for path in files(storage)] == [content]


def test_not_kept_is_gone(storage):
    _, incoming = receive(storage, request_of([form(part("file", b"evidence"))]), keep=False)
    assert incoming.size == 8
    assert files(storage) == []


def test_an_empty_file_is_a_file(storage):
    _, incoming = receive(storage, request_of([form(part("file", b""))]), keep=False)
    assert incoming.size == 0


def test_exactly_the_limit(storage):
    body = form(part("file", b"x" * LIMIT))
    _, incoming = receive(storage, request_of([body], content_length=str(len(body))))
    assert incoming.size == LIMIT


FILE = part("file", b"evidence")


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (form(part("file", b"x" * (LIMIT + 1))), {}, FileTooLarge),
        (form(FILE) + b"x" * (LIMIT + 100_000), {}, FileTooLarge),
        (form(FILE), {"content_length": "500000"}, FileTooLarge),
        (form(FILE), {"content_type": "application/json"}, NotMultipart),
        (form(FILE), {"content_type": ""}, NotMultipart),
        (form(FILE), {"content_type": "multipart/form-data"}, BrokenMultipart),
        (form(FILE), {"content_type": "multipart/form-data; boundary=other"}, BrokenMultipart),
        (form(FILE), {"content_type": "multipart/form-data; boundary=" + "b" * 300}, BrokenMultipart),
        (b"", {}, BrokenMultipart),
        (b"\0" * 1000, {}, BrokenMultipart),
        (FILE, {}, BrokenMultipart),
        (form(FILE)[:-6], {}, BrokenMultipart),
        (form(part("id", b"\xff\xfe"), FILE), {}, BrokenMultipart),
        (form(part("", b"").replace(b'; name=""', b""), FILE), {}, BrokenMultipart),
        (form(part("file", b"ZXZp", "\r\nContent-Transfer-Encoding: base64")), {}, BrokenMultipart),
        (form(FILE, part("x", b"", "\r\nX-Long: " + "x" * 100_000)), {}, BrokenMultipart),
        (form(), {}, BadUploadForm),
        (form(part("id", b"1")), {}, BadUploadForm),
        (form(part("id", b"1"), part("id", b"2"), FILE), {}, BadUploadForm),
        (form(FILE, FILE), {}, BadUploadForm),
        (form(part("id", b"x" * 1001), FILE), {}, BadUploadForm),
        (form(*(part(f"field{n}", b"") for n in range(11)), FILE), {}, BadUploadForm),
    ],
)
def test_refused_and_nothing_stays(storage, body, headers, error):
    with pytest.raises(DomainError) as refused:
        receive(storage, request_of([body[at : at + 5000] for at in range(0, len(body), 5000)], **headers))
    assert type(refused.value) is error
    assert files(storage) == []


def test_a_client_that_goes_away_leaves_nothing(storage):
    body = form(part("file", b"x" * LIMIT))
    with pytest.raises(BrokenMultipart):
        receive(storage, request_of([body[:290_000]], is_cut_off=True))
    assert files(storage) == []


def test_a_request_that_is_cancelled_leaves_nothing(storage):
    async def run() -> None:
        request = request_of([form(FILE)])
        with anyio.CancelScope() as scope:
            async with receive_upload(request, storage, LIMIT) as upload:
                await anyio.to_thread.run_sync(upload.incoming)
                scope.cancel()
                await anyio.sleep_forever()

    anyio.run(run)
    assert files(storage) == []


EIGHT_AT_ONCE = """
import re, sys, anyio
from pathlib import Path
from app.api.multipart import receive_upload
from app.core.images import inspect
from app.core.storage import Storage
from tests import photos
from tests.api.test_multipart import form, part, request_of

storage = Storage(Path(sys.argv[1]))
head, tail = form(part("file", photos.jpeg() + b"<here>")).split(b"<here>")

def body(n):
    yield head
    for _ in range(64):
        yield bytes([n]) * 65536
    yield tail

def kib(name):  # ru_maxrss would be inherited from the process that started this one
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def send(n):
    async with receive_upload(request_of(body(n)), storage, 20 << 20) as upload:
        incoming = await anyio.to_thread.run_sync(upload.incoming)
        await anyio.to_thread.run_sync(inspect, incoming.path)
        await anyio.to_thread.run_sync(incoming.keep)

async def main():
    await send(100)
    before = kib("VmRSS")
    async with anyio.create_task_group() as group:
        for n in range(8):
            group.start_soon(send, n)
    print(kib("VmHWM") - before)

anyio.run(main)
"""


def test_eight_photos_of_four_megabytes_at_once_take_little_memory(storage):
    done = subprocess.run(
        [sys.executable, "-c", EIGHT_AT_ONCE, str(storage.root)], capture_output=True, text=True, check=True
    )
    assert len(files(storage)) == 9
    assert int(done.stdout) <= 16 * 1024
