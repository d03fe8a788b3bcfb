"""Whether a visitor is there."""

from __future__ import annotations

import time


class Presence:
    """When a visitor was last seen, and whether they have left. Shared by the parts of one visitor."""

    def __init__(self) -> None:
        self._last_seen = time.monotonic()
        self._left = False

    @property
    def last_seen(self) -> float:
        """When they last did something or had a page embedded, by the clock `time.monotonic`."""
        return self._last_seen

    @property
    def left(self) -> bool:
        """Whether they have left, so that nothing may be kept any more."""
        return self._left

    def see(self) -> None:
        """Note that they are there now."""
        self._last_seen = time.monotonic()

    def leave(self) -> None:
        """Note that they have left, for good."""
        self._left = True
