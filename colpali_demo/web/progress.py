"""How fast pages come, and how long the rest will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 8  # pages; the pace of the last few, since the first page after a start is often slow


class Pace:
    """Pages per second and time left of a job of `total` pages, from the pace of its last few pages."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.done = 0
        self._clock = clock
        self._steps = deque([(0, clock())], maxlen=WINDOW + 1)

    def reach(self, done: int) -> None:
        """Note how many pages are done, or have failed, by now."""
        self.done = done
        self._steps.append((done, self._clock()))

    @property
    def rate(self) -> float | None:
        """Pages per second; None before the first page."""
        (first, start), (last, end) = self._steps[0], self._steps[-1]
        return (last - first) / (end - start) if end > start else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the last page; None before the first page."""
        return (self.total - self.done) / self.rate if self.rate else None
