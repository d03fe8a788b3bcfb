"""Memory that this process has done with."""

import ctypes
import sys


def give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps it, once for every thread that has run the model."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
