"""Photo ingest: CPU time from the upload to the thumbnail, against hashing and decoding the same bytes once."""

import hashlib
import io
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import psycopg
from PIL import Image

from app.core.clock import rfc3339
from app.core.thumbnail_worker import make_thumbnail
from scripts.benchmarks.ground import inspector_token
from scripts.benchmarks.programs import CannotMeasure, Load, cpu_s, family
from scripts.benchmarks.server import Server
from scripts.benchmarks.table import Case
from scripts.benchmarks.world import World

ASKED = 1.3
PHOTOS_A_ROUND = 12
READY_S = 120.0
_WIDTH, _HEIGHT = 4000, 3000
_MARK = b"xiaohao-bench-" + b"0" * 32


def photo_case(world: World, server: Server, folder: Path) -> Case:
    """The case; its figures are photos a second of CPU time, on both sides."""
    template = _photo()
    path = folder / "photo.jpg"

    def limit(_number: int) -> Load:
        before = time.process_time()
        for _ in range(PHOTOS_A_ROUND):
            content = _fresh(template)
            path.write_bytes(content)
            hashlib.sha256(content)
            make_thumbnail(path)
        return _per_s(time.process_time() - before)

    def ours(_number: int) -> Load:
        uploads = [_upload(_fresh(template)) for _ in range(PHOTOS_A_ROUND)]
        before = cpu_s(family(server.pid))
        ingest = Ingest(world, server)
        for upload in uploads:
            ingest.send(upload)
        ingest.wait()
        return _per_s(cpu_s(family(server.pid)) - before)

    name = f"POST /photos of {len(template) / 1e6:.1f} MB, thumbnail (per CPU s)"
    return Case(name, "SHA-256, draft decode, thumbnail (per CPU s)", limit, ours, asked=ASKED, is_at_most=True)


def _per_s(cpu: float) -> Load:
    return Load(PHOTOS_A_ROUND / cpu, cpu_us=1e6 * cpu / PHOTOS_A_ROUND)


class _Upload(NamedTuple):
    """A request, ready to be sent: what the sender does meanwhile would slow the server down."""

    id: UUID
    body: bytes
    content_type: str


def _upload(content: bytes) -> _Upload:
    photo_id = uuid4()
    form = {
        "id": str(photo_id),
        "sha256": hashlib.sha256(content).hexdigest(),
        "taken_at": rfc3339(datetime.now(UTC)),
        "source": "camera",
        "role": "before",
    }
    request = httpx.Request("POST", "http://photo", data=form, files={"file": ("photo.jpg", content, "image/jpeg")})
    return _Upload(photo_id, request.read(), request.headers["content-type"])


class Ingest:
    """Photos sent one after another over one connection."""

    def __init__(self, world: World, server: Server) -> None:
        address = urlsplit(server.url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        self._url = world.url
        self._ids: list[UUID] = []

    def until(self, ended: Event) -> None:
        """Send without a pause."""
        template = _photo()
        while not ended.is_set():
            self.send(_upload(_fresh(template)))

    def send(self, upload: _Upload) -> None:
        headers = {"Authorization": f"Bearer {inspector_token(1, 0)}", "Content-Type": upload.content_type}
        self._connection.request("POST", "/api/v1/photos", upload.body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.CREATED:
            raise CannotMeasure(f"POST /photos: {answer.status} {text.decode()[:300]}")
        self._ids.append(upload.id)

    def wait(self) -> None:
        """Until the last thumbnail is there; asking costs the server nothing."""
        self._connection.close()
        deadline = time.monotonic() + READY_S
        with psycopg.connect(self._url, autocommit=True) as database:
            query = "SELECT count(*) FROM photo WHERE id = ANY(%s) AND thumbnail_ready"
            while database.execute(query, [self._ids]).fetchone() != (len(self._ids),):
                if time.monotonic() > deadline:
                    raise CannotMeasure("the thumbnails did not come")
                time.sleep(0.05)


@cache
def _photo() -> bytes:
    """A JPEG of 12 megapixels and about 2.5 MB, like one of a phone: soft shapes with grain."""
    soft = Image.effect_noise((_WIDTH // 40, _HEIGHT // 40), 90).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
    grey = Image.blend(soft, Image.effect_noise((_WIDTH, _HEIGHT), 62), 0.45)
    image = Image.merge("RGB", (grey, soft, grey.point(lambda value: 255 - value)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82, subsampling=2, comment=_MARK)
    return buffer.getvalue()


def _fresh(template: bytes) -> bytes:
    """The same picture in bytes that nobody has sent."""
    return template.replace(_MARK, b"xiaohao-bench-" + secrets.token_hex(16).encode(), 1)
