"""Thumbnails, made in another process than the one that answers.

A child of our own rather than ``ProcessPoolExecutor``: that one imports the server's main module into
each child, cannot kill a picture that hangs, and gives up for ever when a child dies.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, cast

from app.core import thumbnail_worker
from app.core.memory import KEEPING
from app.core.thumbnail_worker import Thumbnail, Unreadable, make_thumbnail

__all__ = ["Thumbnail", "ThumbnailFailed", "ThumbnailPool", "Unreadable", "make_thumbnail"]

_PICTURES_PER_CHILD: Final = 1000  # whatever a decoder leaks is bounded
_STOP_S: Final = 5


class ThumbnailFailed(Exception):
    """Nothing is known about the picture: its process died, took too long, is being closed or has no decoder for it.

    Try again later, perhaps elsewhere.
    """


class ThumbnailPool:
    """One child process, started when first needed and replaced when it dies; usable from any thread.

    The largest accepted pictures take 0.9 GB (a progressive CMYK JPEG of 108 megapixels, a WebP of 50)
    and two seconds; a usual photo 40 MB and 25 ms.
    """

    def __init__(self, *, timeout_s: float = 60, memory_bytes: int = 1280 * 1024 * 1024) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._one_at_a_time = threading.Lock()
        self._starting = threading.Lock()
        self._child: _Child | None = None
        self._is_closed = False

    @property
    def child_pid(self) -> int | None:
        """The process that decodes, once there is one."""
        return self._child.pid if self._child is not None else None

    def make(self, path: Path) -> Thumbnail:
        """The thumbnail of the picture at ``path``; waits for the pictures before it.

        A child that dies is replaced once. Raises ``Unreadable`` when the picture is at fault,
        ``ThumbnailFailed`` when that is not known.
        """
        with self._one_at_a_time:
            try:
                return self._ready_child().ask(path, self._timeout_s)
            except _ChildDied:
                return self._ready_child().ask(path, self._timeout_s)

    def close(self, *, patience_s: float = 5) -> None:
        """End the child; a picture in work is given up when the patience ends."""
        with self._starting:  # a child that is being started is ended too
            self._is_closed = True
            child = self._child
        if child is not None:
            child.stop(patience_s)
            with self._one_at_a_time:
                child.release()

    def _ready_child(self) -> "_Child":
        if self._child is not None and (not self._child.is_alive or self._child.asked >= _PICTURES_PER_CHILD):
            self._child.stop(_STOP_S)
            self._child.release()
            self._child = None
        with self._starting:
            if self._is_closed:
                raise ThumbnailFailed("the pool is closed")
            if self._child is None:
                self._child = _Child(self._memory_bytes)
            return self._child


class _ChildDied(ThumbnailFailed):
    """The process ended before it answered."""


class _Child:
    """The process, its two pipes and how many pictures it was asked for."""

    def __init__(self, memory_bytes: int) -> None:
        # -P: the folder of the script must not hide the standard library. An environment of its own: no secrets.
        command = [sys.executable, "-P", "-X", "utf8", thumbnail_worker.__file__, str(memory_bytes)]
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, env=KEEPING
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)
        self.asked = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, path: Path, timeout_s: float) -> Thumbnail:
        self.asked += 1
        deadline = time.monotonic() + timeout_s
        try:
            self._requests.write(json.dumps(str(path)).encode() + b"\n")
        except (OSError, ValueError):  # gone, or closed by ``stop``
            self.stop(0)
            raise _ChildDied("the process has ended") from None
        line, _, content = self._read(deadline, b"", lambda got: b"\n" in got).partition(b"\n")
        head = json.loads(line)
        if (kind := head.get("no_decoder")) is not None:
            raise ThumbnailFailed(f"no decoder for {kind} here")
        if (reason := head.get("unreadable")) is not None:
            raise Unreadable(reason)
        content = self._read(deadline, content, lambda got: len(got) >= head["bytes"])
        return Thumbnail(content, head["width"], head["height"])

    def stop(self, patience_s: float) -> None:
        """No more requests: the process ends by itself, or is killed when it does not."""
        with contextlib.suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        self._answers.close()

    def _read(self, deadline: float, got: bytes, is_enough: Callable[[bytes], bool]) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while not is_enough(got):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.stop(0)
                    raise ThumbnailFailed("the picture took too long")
                if not (chunk := os.read(self._answers.fileno(), 1 << 16)):
                    self.stop(0)
                    raise _ChildDied("the process has ended")
                got += chunk
        return got
