"""The limits of one visitor: how often they may search, upload and so on, and how much they may keep."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from colpali_demo.web.faults import Refused
from colpali_demo.web.turns import Rate

if TYPE_CHECKING:
    from colpali_demo.settings import Settings


class Limit(NamedTuple):
    """A limit that was reached: a code, and a sentence for the library."""

    code: str
    text: str


class Quota:
    """The limits of one visitor. What is counted was let in; what is not, raises Refused with a sentence."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._searches = Rate(settings.searches_per_minute)
        self._opened_pages = Rate(settings.opened_pages_per_minute)
        self._lessons = Rate(settings.lessons_per_minute)
        self._erasures = Rate(settings.erasures_per_minute)
        self._measures = Rate(settings.measures_per_minute)
        self._models = Rate(settings.models_per_minute)
        self._files = Rate(settings.files_per_minute)
        self._drops = Rate(settings.files_per_minute)
        self._events = Rate(settings.events_per_minute)
        self._lock = threading.Lock()

    def count_event(self) -> None:
        """Count a call of any event or endpoint."""
        self._count(self._events, "Too many requests; try again")

    def count_drop(self) -> None:
        """Count a drop of files, whatever it names."""
        self._count(self._drops, f"Files are taken {self._settings.files_per_minute} times a minute; try again")

    def count_search(self) -> None:
        """Count a search."""
        most = self._settings.searches_per_minute
        self._count(self._searches, f"At most {most} searches a minute are answered; try again")

    def count_download(self) -> None:
        """Count a file that is made of an explanation, which takes a search's turn."""
        self._count(self._searches, "Try again")

    def count_page(self) -> None:
        """Count a page of a search that is opened."""
        self._count(self._opened_pages, "Too many pages at once; try again")

    def count_lesson(self) -> None:
        """Count a lesson on a page of the visitor's own search."""
        self._count(self._lessons, "Too many at once; try again")

    def count_erasure(self) -> None:
        """Count a page that is embedded anew without parts of it."""
        most = self._settings.erasures_per_minute
        self._count(self._erasures, f"{most} times a minute something is erased; try again")

    def count_measurement(self) -> None:
        """Count a measurement, which runs the model a dozen times."""
        self._count(self._measures, "Too many at once; try again")

    def count_model(self) -> None:
        """Count a change of the model."""
        most = self._settings.models_per_minute
        self._count(self._models, f"The model can change {most} times a minute; try again")

    def count_file(self, size: int, kept: int) -> Limit | None:
        """Count an uploaded file of `size` bytes beside the `kept` ones; else the limit in its way."""
        seconds = self._wait(self._files)
        if seconds:
            most = self._settings.files_per_minute
            return Limit("too_many_files", f"At most {most} files a minute are taken; add it again in {seconds:.0f} s.")
        if kept + size > self._max_bytes:
            return _full(f"{self._settings.session_mb} MB")
        return None

    def page_limit(self, pages: int, kept: int) -> Limit | None:
        """Return the limit in the way of one more page beside `pages` others, with `kept` bytes; None if none is."""
        if pages >= self._settings.session_pages:
            return _full(f"{self._settings.session_pages} pages")
        if kept > self._max_bytes:
            return _full(f"{self._settings.session_mb} MB")
        return None

    @property
    def _max_bytes(self) -> int:
        return self._settings.session_mb << 20

    def _count(self, rate: Rate, text: str) -> None:
        if seconds := self._wait(rate):
            raise Refused("One moment", f"{text} in {seconds:.0f} s.")

    def _wait(self, rate: Rate) -> float:
        with self._lock:
            return rate.wait()


def _full(limit: str) -> Limit:
    return Limit("session_full", f"Your library is full: {limit}. Remove a document to make room.")
