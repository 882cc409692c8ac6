"""The demo's photos: drawn and filed by processes of their own while the history is written.

This is the loader's way into the storage and nobody else's: files are not flushed one by one but all at once at the
end, before the transaction that speaks of them is committed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self  # columns of any type

from app.core.clock import SHANGHAI
from app.core.storage import Storage
from app.models import Photo
from app.services.demo import painter
from app.services.demo.plan import Shot

PAINTERS = 2
_UNSENT_BYTES = 180_000


class PainterDied(Exception):
    """A process that draws ended before it was done, or does not do what it should."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is declared of a photo."""

    sha256: str
    bytes: int


class Darkroom:
    """Draws ``shots`` in their order; ask for them in the same order. Use it in a ``with`` block."""

    def __init__(self, storage: Storage, shots: Sequence[Shot]) -> None:
        self._storage = storage
        storage.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        drawn = [shot for shot in shots if shot.arrives]
        self._turn = 0
        self._painters = [_start(storage.root, drawn[place::PAINTERS]) for place in range(PAINTERS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._painters:
            process.kill()
            process.wait()
            assert process.stdout is not None  # noqa: S101  it was asked for
            process.stdout.close()

    def develop(self, shot: Shot) -> Picture:
        """The next photo, in the storage with its thumbnail; one that never arrives is only described.

        Raises ``PainterDied``.
        """
        if not shot.arrives:
            return Picture(f"{shot.id.int:064x}", _UNSENT_BYTES)
        process = self._painters[self._turn % PAINTERS]
        self._turn += 1
        assert process.stdout is not None  # noqa: S101  it was asked for
        line = process.stdout.readline()
        if not line:
            raise PainterDied(f"exit code {process.wait()}")
        answer = json.loads(line)
        assert answer["n"] == shot.number  # noqa: S101  asked in the order of drawing
        sha256: str = answer["sha256"]
        if not (self._storage.has(sha256) and self._storage.thumbnail_path(sha256).is_file()):
            raise PainterDied("it files pictures elsewhere than the storage")
        return Picture(sha256, answer["bytes"])


def stored_columns(shot: Shot, *, stored_at: object) -> dict[str, Any]:
    """What the server knows of a photo once it is stored and decoded."""
    return {
        "stored_at": stored_at,
        "media_type": "image/jpeg",
        "width": painter.WIDTH,
        "height": painter.HEIGHT,
        "readable": True,
        "thumbnail_ready": True,
        "exif_taken_at": shot.taken_at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S"),
        "exif_make": painter.MAKE,
        "exif_model": painter.MODEL,
        "exif_orientation": 1,
    }


def photo_columns(shot: Shot, picture: Picture, *, owner_id: object, stored_at: object) -> dict[str, Any]:
    """A photo uploaded before the action that will name it; every column."""
    nothing = dict.fromkeys(column.name for column in Photo.metadata.tables["photo"].columns)
    return nothing | {
        "id": shot.id,
        "version": 1,
        "sha256": picture.sha256,
        "bytes": picture.bytes,
        "role": shot.role,
        "source": shot.source,
        "taken_at": shot.taken_at,
        "owner_id": owner_id,
        "created_at": stored_at,
        **stored_columns(shot, stored_at=stored_at),
    }


def flush_all() -> None:
    """All files of all photos to the disk, once."""
    os.sync()


def _start(root: Path, shots: Sequence[Shot]) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as orders:
        orders.writelines(_order(shot) for shot in shots)
        orders.seek(0)
        command = [sys.executable, "-P", "-X", "utf8", painter.__file__, str(root)]
        return subprocess.Popen(command, stdin=orders, stdout=subprocess.PIPE, env={})  # noqa: S603  our own file


def _order(shot: Shot) -> bytes:
    order = {
        "n": shot.number,
        "scene": shot.scene,
        "seed": shot.seed,
        "stage": shot.stage,
        "taken_at": shot.taken_at.astimezone(SHANGHAI).strftime("%Y:%m:%d %H:%M:%S"),
    }
    return json.dumps(order).encode() + b"\n"
