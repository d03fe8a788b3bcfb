"""Freed memory: returned to the system, or kept for the next page."""

import ctypes
import sys
from collections.abc import Callable

# Of mallopt, from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps it, once for every thread that has run the model."""
    if trim := _glibc("malloc_trim"):
        trim(0)


def keep_freed_memory() -> None:
    """Keep up to half a GB of freed memory for the next page.

    By itself glibc returns each buffer of more than 32 MB when it is freed, and the system has to clear the next one
    in 4 KB steps: an eighth of what colpali-tiny needs for a page on two cores.
    """
    if mallopt := _glibc("mallopt"):
        mallopt(M_MMAP_THRESHOLD, 64 << 20)
        mallopt(M_TRIM_THRESHOLD, 512 << 20)


def _glibc(function: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
