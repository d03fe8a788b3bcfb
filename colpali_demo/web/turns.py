"""Waiting lines and rate limits: whose turn it is at the model and at reading documents, and who asks too often."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE = 8  # searches in a row before pages that wait get a turn, too


@dataclass(eq=False)
class _Ticket:
    visitor: object = None
    delayed: bool = False  # has waited while a batch of pages ran


class Turns:
    """The model runs for one thread at a time: searches first, then batches of pages in the order in which they came.

    A visitor whose search gets its turn lines up behind all others with any other search of theirs, as does one who
    indexes and asks again for every batch. No search waits for more than one batch. Pages get a turn after `PATIENCE`
    searches in a row, unless a search has waited for some already.
    """

    def __init__(self) -> None:
        self._searches: deque[_Ticket] = deque()
        self._batches: deque[_Ticket] = deque()
        self._running: deque[_Ticket] | None = None  # the line whose first has the turn
        self._passed = 0  # searches in a row let in before a batch that waits
        self._changed = threading.Condition()

    @contextmanager
    def search(self, visitor: object) -> Iterator[None]:
        """Wait for a turn for a search of this visitor, and hold it."""
        with self._turn(self._searches, visitor):
            yield

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Wait for a turn for one batch of pages, and hold it."""
        with self._turn(self._batches, None):
            yield

    @contextmanager
    def _turn(self, line: deque[_Ticket], visitor: object) -> Iterator[None]:
        with self._changed:
            ticket = _Ticket(visitor, delayed=self._running is self._batches)
            line.append(ticket)
            self._changed.wait_for(lambda: self._running is None and self._next() is ticket)
            line.popleft()
            self._running = line
            if line is self._searches:
                self._passed += bool(self._batches)
                in_order = sorted(line, key=lambda other: other.visitor == visitor)
                line.clear()
                line.extend(in_order)
            else:
                self._passed = 0
                for search in self._searches:
                    search.delayed = True
        try:
            yield
        finally:
            with self._changed:
                self._running = None
                self._changed.notify_all()

    def _next(self) -> _Ticket:
        waited = any(search.delayed for search in self._searches)
        batch_is_due = not self._searches or (self._passed >= PATIENCE and not waited)
        return self._batches[0] if self._batches and batch_is_due else self._searches[0]


class Places:
    """A number of places, taken in the order of asking."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._line: list[object] = []
        self._lock = threading.Lock()

    def enter(self) -> object:
        """Join the line; the ticket to ask with."""
        ticket = object()
        with self._lock:
            self._line.append(ticket)
        return ticket

    def ahead(self, ticket: object) -> int:
        """Return how many must leave before this ticket has a place; 0 if it has one."""
        with self._lock:
            return max(0, self._line.index(ticket) + 1 - self._count)

    def leave(self, ticket: object) -> None:
        """Give up the place, or the wait for one."""
        with self._lock:
            self._line.remove(ticket)


class Rate:
    """At most so many calls in any minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls: deque[float] = deque(maxlen=per_minute)
        self._clock = clock

    def wait(self) -> float:
        """Count a call that may be made now, and return 0; else the seconds until the next one may be."""
        now = self._clock()
        if len(self._calls) == self._calls.maxlen and now - self._calls[0] < 60:
            return 60 - (now - self._calls[0])
        self._calls.append(now)
        return 0.0
