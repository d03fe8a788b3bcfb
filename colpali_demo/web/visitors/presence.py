"""Whether a visitor is there, and how they come back."""

from __future__ import annotations

import hmac
import time


class Presence:
    """When a visitor was last seen, and whether they have left. Shared by the parts of one visitor."""

    def __init__(self) -> None:
        self._last_seen = time.monotonic()
        self._left = False
        self._away_since: float | None = None
        self._ticket = ""

    @property
    def last_seen(self) -> float:
        """When they last did something or had a page embedded, by the clock `time.monotonic`."""
        return self._last_seen

    @property
    def left(self) -> bool:
        """Whether they have left, so that nothing may be kept any more."""
        return self._left

    @property
    def away(self) -> bool:
        """Whether they have closed or are reloading the page, and may be back in a moment."""
        return self._away_since is not None

    @property
    def seconds_away(self) -> float:
        """How long they have been away; 0 where they are there."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    @property
    def ticket(self) -> str:
        """What they show when they come back by reloading the page; "" where they cannot."""
        return self._ticket

    def is_ticket(self, ticket: str) -> bool:
        """Return whether this is the visitor's ticket."""
        return bool(self._ticket) and hmac.compare_digest(self._ticket, ticket)

    def arrive(self, ticket: str) -> None:
        """Note that they have opened the page; `ticket` is what they show when they come back, "" for nothing."""
        self._ticket = ticket
        self.be_there()

    def be_there(self) -> None:
        """Note that they have done something now, so that they are not away."""
        self._away_since = None
        self.see()

    def go_away(self) -> None:
        """Note that they have closed the page, perhaps to reload it."""
        if self._away_since is None:
            self._away_since = time.monotonic()

    def see(self) -> None:
        """Note that they are there now."""
        self._last_seen = time.monotonic()

    def leave(self) -> None:
        """Note that they have left, for good."""
        self._left = True
