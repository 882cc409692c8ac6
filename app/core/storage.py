"""Photos and documents as files under their own SHA-256, durable before anybody is told so.

``originals/ab/cd/<sha256>`` is what was received, byte for byte; ``thumbnails/ab/cd/<sha256>.jpg`` is
made from it. A file is written in ``incoming/`` (same file system), flushed to the disk, renamed to its
address, and the folder flushed: after a crash it is there whole or not at all.
Source: choices.md, section 1, «object storage»; contract.md, «Photos».
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from app.core.errors import TooLarge, Unavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_MAX_KNOWN_FOLDERS: Final = 5000
_NEW_FILE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class FileTooLarge(TooLarge):
    """A file has more bytes than are accepted."""

    code, title, title_zh = "file-too-large", "The file is too large", "文件过大"


class StorageFull(Unavailable):
    """The disk that holds the photos has no room."""

    code, title, title_zh = "storage-full", "No room for more photos", "照片存储空间已满"


class StorageUnavailable(Unavailable):
    """The folder of the photos cannot be written."""

    code, title, title_zh = "storage-unavailable", "The photo storage does not answer", "照片存储暂不可用"


class Incoming:
    """A file being received: hashed, counted and written chunk by chunk; gone unless kept."""

    def __init__(self, storage: "Storage", path: Path, descriptor: int, max_bytes: int) -> None:
        self.path = path
        self.size = 0
        self._storage = storage
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @property
    def sha256(self) -> str:
        """Lower-case hex of what has been written so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes. Raises ``FileTooLarge``, ``StorageFull`` or ``StorageUnavailable``."""
        self.size += len(chunk)
        if self.size > self._max_bytes:
            raise FileTooLarge(
                f"A file may have at most {self._max_bytes} bytes.",
                f"单个文件不能超过 {self._max_bytes / 1024 / 1024:g} MB。",
                max_bytes=self._max_bytes,
            )
        self._hash.update(chunk)
        with _disk():
            _write_all(self._descriptor, chunk)

    def keep(self) -> str:
        """Make the bytes durable under their SHA-256, and give it; blocks until the disk has them.

        The same content again replaces itself, so a copy that rotted on the disk is healed.
        Raises ``StorageFull`` or ``StorageUnavailable``.
        """
        self._keep_at(self._storage.path(self.sha256))
        return self.sha256

    def discard(self) -> None:
        """Remove what was received; nothing happens after ``keep``, or the second time."""
        if self._is_open:
            self._close()
            self.path.unlink(missing_ok=True)

    def _keep_at(self, address: Path) -> None:
        self._flush()
        with _disk():
            self._storage._put_in_place(self.path, address)
        self._close()

    def _flush(self) -> None:
        with _disk():
            os.fsync(self._descriptor)

    def _close(self) -> None:
        self._is_open = False
        os.close(self._descriptor)


class Storage:
    """A folder of originals and thumbnails; several processes may share it, from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._incoming = self.root / "incoming"
        self._durable_folders: set[Path] = set()

    def receive(self, max_bytes: int) -> Incoming:
        """A place for a file that is about to arrive; use it in a ``with`` block."""
        path = self._incoming / uuid4().hex
        with _disk():
            try:
                descriptor = os.open(path, _NEW_FILE, 0o600)
            except FileNotFoundError:  # the first one, or somebody removed the folder
                self._durable_folders.clear()
                self._make_folder(self._incoming)
                descriptor = os.open(path, _NEW_FILE, 0o600)
        return Incoming(self, path, descriptor, max_bytes)

    def path(self, sha256: str) -> Path:
        """Where the original with this hash is, or would be."""
        return self._address("originals", sha256)

    def has(self, sha256: str) -> bool:
        """Whether the original is here."""
        return self.path(sha256).is_file()

    def thumbnail_path(self, sha256: str) -> Path:
        """Where the thumbnail of the original with this hash is, or would be."""
        return self._address("thumbnails", sha256).with_suffix(".jpg")

    def put_thumbnail(self, sha256: str, content: bytes) -> None:
        """Keep the thumbnail of an original, as durable as the original itself."""
        address = self.thumbnail_path(sha256)
        with self.receive(len(content)) as incoming:
            incoming.write(content)
            incoming._keep_at(address)

    def clear_incoming(self, *, older_than_s: float = 3600) -> int:
        """Remove what crashed uploads left behind, and count it; other processes' uploads are younger."""
        oldest = time.time() - older_than_s
        removed = 0
        for path in self._incoming.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= oldest:
                    path.unlink()
                    removed += 1
        return removed

    def drop(self, sha256: str, *, untouched_for_s: float = 86_400) -> bool:
        """Remove an original and its thumbnail, unless somebody put it there lately; whether it is gone.

        It is taken aside first and looked at then, so that an upload of the same bytes at this moment keeps its file.
        """
        address, aside = self.path(sha256), self._incoming / f"dropped-{secrets.token_hex(8)}"
        with _disk():
            try:
                address.rename(aside)
            except FileNotFoundError:
                return False
            if aside.stat().st_mtime > time.time() - untouched_for_s:
                if address.exists():
                    aside.unlink()
                else:
                    aside.rename(address)
                return False
            aside.unlink()
            self.thumbnail_path(sha256).unlink(missing_ok=True)
        return True

    def check(self) -> None:
        """Write, flush and remove a byte. Raises ``StorageFull`` or ``StorageUnavailable``."""
        with self.receive(1) as probe:
            probe.write(b"\0")
            probe._flush()

    def _put_in_place(self, path: Path, address: Path) -> None:
        try:
            self._make_folder(address.parent)
            path.replace(address)
        except FileNotFoundError:  # somebody removed a folder that we knew
            self._durable_folders.clear()
            self._make_folder(address.parent)
            path.replace(address)
        _flush_folder(address.parent)

    def _address(self, kind: str, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self.root / kind / sha256[:2] / sha256[2:4] / sha256

    def _make_folder(self, folder: Path) -> None:
        """The folder, and its entry in its parent, on the disk.

        Another process may have made it a moment ago without flushing yet, so that it exists proves
        nothing: the parents are flushed the first time this process meets it.
        """
        if folder in self._durable_folders:
            return
        if len(self._durable_folders) >= _MAX_KNOWN_FOLDERS:
            self._durable_folders.clear()
        if folder != self.root:
            self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)
        _flush_folder(folder.parent)
        self._durable_folders.add(folder)


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """What the disk refuses, said so that a phone tries again."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                "The server has no room for more photos. Keep yours and try again later.",
                "服务器照片存储空间已满，照片请保留在手机中，稍后自动重试。",
            ) from error
        raise StorageUnavailable(
            f"The photo storage cannot be used ({errno.errorcode.get(error.errno or 0, 'unknown')}).",
            "照片存储暂不可用，照片请保留在手机中，稍后自动重试。",
        ) from error
