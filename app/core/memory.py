"""What the C library does with memory that was freed and is needed again a moment later.

Left alone, glibc gives a buffer of more than 128 KiB back to the kernel at once and gets the next one page by page: of
the way of a photo through the event loop that was two thirds. Other C libraries are left as they are.
"""

import ctypes
from contextlib import suppress
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 8 * 1024 * 1024
_LARGE_BYTES: Final = 1024 * 1024

KEEPING: Final = {"MALLOC_TRIM_THRESHOLD_": str(_KEPT_BYTES), "MALLOC_MMAP_THRESHOLD_": str(_LARGE_BYTES)}
"""The same for a child, as its environment."""


def keep_freed_memory() -> None:
    """Keep up to 8 MiB of what is freed, in pieces below 1 MiB; called once what starts the process is done."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
