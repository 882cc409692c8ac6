"""Processes of one service: started together, replaced when they die, ended together. For Linux.

The standard input of each is a socket to here: a byte from it says that it is ready, its end that the process is gone.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

PATIENCE_S = 30.0
"""How long they may take to end; longer than an answering process and the worker take when all is well."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
"""Between the death of a process and the start of the next one in its seat."""
STEADY_S = 60.0
"""Who lived so long has died of something new."""
_PR_SET_PDEATHSIG = 1
_WITH_OUR_MODULES = "import sys; sys.path[:] = sys.argv.pop(1).split('\\n'); from app.cli import main; sys.exit(main())"


class NeverReady(Exception):
    """A process ended before the service was up; the message is one line."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A place that one process after another takes."""

    name: str
    arguments: Sequence[str]
    """Of the command ``xiaohao``."""
    open_listener: Callable[[], socket.socket] | None = None
    """Each process has a socket of its own, whose descriptor is its last argument: it goes with the process, so that
    nobody is left waiting for one that is dead."""


def report_ready() -> None:
    """Tell the supervisor that this process, one of his, does its work now."""
    os.write(0, b"\0")


class Supervisor:
    """Keeps a process in every seat."""

    def __init__(self, seats: Sequence[Seat], environment: Mapping[str, str], *, on_ready: Callable[[], None]) -> None:
        self._seats = seats
        self._environment = environment
        self._on_ready = on_ready
        self._children: dict[str, _Child] = {}
        self._prepare = _dies_with(os.getpid())

    def run(self) -> None:
        """Until SIGTERM or Ctrl-C; another one kills what has not ended. Raises ``NeverReady``."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        work = asyncio.ensure_future(self._work())
        _on_signals(work.cancel)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            _on_signals(self._kill)
            await self._end()

    async def _work(self) -> None:
        for seat in self._seats:
            self._start(seat)
        await asyncio.gather(*(_ready(seat.name, self._children[seat.name]) for seat in self._seats))
        self._on_ready()
        await asyncio.gather(*(self._keep(seat) for seat in self._seats))

    async def _keep(self, seat: Seat) -> None:
        clock, log = asyncio.get_running_loop().time, structlog.get_logger()
        pause_s = FIRST_PAUSE_S
        while True:
            child, began = self._children[seat.name], clock()
            await child.is_over.wait()
            log.error("process_ended", process=seat.name, pid=child.pid, code=child.code)
            if clock() - began > STEADY_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            try:
                self._start(seat)
            except OSError as error:  # no room for a process just now
                log.error("process_not_started", process=seat.name, error=error.strerror)

    def _start(self, seat: Seat) -> None:
        self._children[seat.name] = _Child(seat, self._environment, self._prepare)

    async def _end(self) -> None:
        for child in self._children.values():
            child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._all_over()
        except TimeoutError:
            self._kill()
            await self._all_over()

    async def _all_over(self) -> None:
        for child in self._children.values():
            await child.is_over.wait()

    def _kill(self) -> None:
        for name, child in self._children.items():
            if not child.is_over.is_set():
                structlog.get_logger().warning("process_killed", process=name, pid=child.pid)
                child.send(signal.SIGKILL)


class _Child:
    """A process in a seat."""

    def __init__(self, seat: Seat, environment: Mapping[str, str], prepare: Callable[[], None]) -> None:
        with contextlib.ExitStack() as stack:
            descriptors: list[int] = []
            if seat.open_listener is not None:
                descriptors.append(stack.enter_context(contextlib.closing(seat.open_listener())).fileno())
            self._line, theirs = socket.socketpair()
            self._process = subprocess.Popen(  # noqa: S603  ourselves
                [sys.executable, "-c", _WITH_OUR_MODULES, "\n".join(sys.path), *seat.arguments, *map(str, descriptors)],
                stdin=stack.enter_context(theirs).fileno(),
                env=environment,
                pass_fds=descriptors,
                process_group=0,  # Ctrl-C is for the supervisor, who tells the others once
                preexec_fn=prepare,
            )
        self.heard = asyncio.Event()
        """Something: that it is ready, or its end."""
        self.is_over = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._line, self._hear)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def _hear(self) -> None:
        if not self._line.recv(1):
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            self._process.wait()  # its files are closed, so it is all but gone
            self.is_over.set()
        self.heard.set()


async def _ready(name: str, child: _Child) -> None:
    await child.heard.wait()
    if child.is_over.is_set():
        raise NeverReady(f"{name} ended with {child.code} before it was ready")


def _on_signals(do: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, do)


def _dies_with(parent: int) -> Callable[[], None]:
    """What a child does before anything else, so that it never outlives its parent, however that dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        if prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return prepare
