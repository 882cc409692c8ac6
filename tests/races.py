"""Several callers at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def at_once(*calls: Callable[[], object]) -> list[object]:
    """The results of ``calls``, each in a thread of its own, all let go together; a failure is raised."""
    barrier = Barrier(len(calls))

    def start(call: Callable[[], object]) -> object:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(start, call) for call in calls]]
