"""``xiaohao serve`` that kills itself where it is told to; the service knows nothing of it.

A line on standard input is a way: a JSON list of steps ``before module:name`` or ``after module:name``. The named
functions are wrapped, ``armed`` is printed, and the first thread that has passed all the steps in their order ends the
server with SIGKILL. The first line starts the server, as a fork of this process, which has imported everything already;
when it has ended, ``died`` and its exit code are printed and the next line starts another. The end of standard input,
which comes with the end of the test, ends all.
"""

import importlib
import inspect
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from threading import Thread, local
from typing import Any

from app.cli import main


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Way:
    """How far each thread has come."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps
        self._here = local()

    def pass_by(self, step: str) -> None:
        passed = getattr(self._here, "passed", 0)
        if self._steps[passed] == step:
            self._here.passed = passed + 1
            if passed + 1 == len(self._steps):
                kill()


def arm(steps: list[str]) -> None:
    way = Way(steps)
    sides = defaultdict(set)
    for step in steps:
        side, target = step.split(" ")
        sides[target].add(side)
    for target in sides:
        module, _, path = target.partition(":")
        *owners, name = path.split(".")
        owner = importlib.import_module(module)
        for each in owners:
            owner = getattr(owner, each)
        setattr(owner, name, wrapped(getattr(owner, name), target, way))


def wrapped(function: Callable[..., Any], target: str, way: Way) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def call_later(*arguments: Any, **named: Any) -> Any:
            way.pass_by(f"before {target}")
            result = await function(*arguments, **named)
            way.pass_by(f"after {target}")
            return result

        return call_later

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        way.pass_by(f"before {target}")
        result = function(*arguments, **named)
        way.pass_by(f"after {target}")
        return result

    return call


def arm_as_told() -> None:
    while line := sys.stdin.readline():
        arm(json.loads(line))
        say("armed")
    kill()


def say(line: str) -> None:
    """In one piece, perhaps behind the half of a line that a server died over."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def serve(way: list[str]) -> int:
    arm(way)
    Thread(target=arm_as_told, daemon=True).start()
    return main(["serve"])


def keep() -> None:
    """Servers one after another, as told."""
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            os._exit(serve(json.loads(line)))
        say(f"process {child}")
        _, status = os.waitpid(child, 0)
        say(f"died {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    keep()
