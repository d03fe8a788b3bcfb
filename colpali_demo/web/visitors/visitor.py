"""One visitor: their shelf, indexing, searches and quota, and what concerns several of these."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colpali_demo.web.visitors.indexing import Indexing
from colpali_demo.web.visitors.presence import Presence
from colpali_demo.web.visitors.quota import Quota
from colpali_demo.web.visitors.search import Question, Search
from colpali_demo.web.visitors.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.settings import Settings
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.payload import LibraryValue
    from colpali_demo.web.sources import Sample
    from colpali_demo.web.uploads import Uploads

INTERRUPTED = "Indexing ended when you changed the model. Add what is missing again."


@dataclass(frozen=True)
class Memento:
    """What is remembered of a visitor who was freed, who may come back.

    lost: whether they had documents of their own
    ticket: what they show when they come back by reloading the page
    """

    samples: tuple[Sample, ...]
    question: Question | None
    lost: bool
    ticket: str


class Visitor:
    """One visitor. Each part guards its own state, so that a search may run while pages are indexed.

    folder: takes all files of the visitor, and is deleted with them
    make_room: frees others for more pages and explanations of this visitor; False if that is not enough
    """

    def __init__(
        self, engine: Engine, settings: Settings, folder: Path, uploads: Uploads, make_room: Callable[[], bool]
    ) -> None:
        self.folder = folder
        self.presence = Presence()
        self.quota = Quota(settings)
        self.shelf = Shelf(engine, folder)
        self.indexing = Indexing(self.shelf, self.quota, self.presence, settings, uploads, folder, make_room)
        self.search = Search(self.shelf, self.quota, settings, folder, make_room)
        self._has_acted = False
        self._library_lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine whose model they use."""
        return self.shelf.engine

    @property
    def nbytes(self) -> int:
        """Memory and disk that the visitor's own pages, waiting files and explained pages take, nearly."""
        return self.shelf.nbytes + self.indexing.nbytes + self.search.nbytes

    @property
    def has_own(self) -> bool:
        """Whether there is anything that would be lost with the visitor."""
        return self.shelf.has_own or self.indexing.nbytes > 0

    @property
    def has_acted(self) -> bool:
        """Whether they have done something of their own, so that no example is put in their way."""
        return self._has_acted

    @property
    def is_new(self) -> bool:
        """Whether nothing has begun yet."""
        return not self._has_acted and not self.shelf.samples

    def act(self) -> None:
        """Note that they do something of their own."""
        self._has_acted = True

    def library(self) -> LibraryValue:
        """Return the value of the library component."""
        with self._library_lock:
            value = self.shelf.value(self.indexing.progress)
            return {**value, "version": time.monotonic_ns() // 1000}

    def receive(self, paths: list[str]) -> None:
        """Take over uploaded files; `indexing.run` indexes them. Raises Refused where that is asked too often."""
        self.quota.count_drop()
        self.act()
        self.indexing.receive(paths)

    def start_with(self, engine: Engine) -> None:
        """Use another model than the usual one, if nothing has begun yet."""
        if self.is_new:
            self.shelf.start_with(engine)

    def change_model(self, engine: Engine) -> None:
        """Go over to another model; the visitor's own pages wait for `indexing.embed_again`.

        Raises Refused where they do so too often.
        """
        self.quota.count_model()
        self.act()
        interrupted = self.indexing.stop()
        self.shelf.change_engine(engine)
        self.search.forget_result()
        self.search.adapt_question()
        if interrupted:
            self.shelf.note("Your library", None, "stopped", INTERRUPTED)

    def clear(self) -> None:
        """Take everything off the shelf, and stop indexing."""
        self.indexing.stop()
        self.shelf.clear()
        self.search.forget_result()

    def memento(self) -> Memento:
        """Return what to remember of them when they are freed."""
        return Memento(tuple(self.shelf.samples), self.search.question, self.has_own, self.presence.ticket)

    def come_back(self, memento: Memento) -> None:
        """Give back what was remembered of them; `lost` documents are lost."""
        for sample in memento.samples:
            self.shelf.add_sample(sample.source)
        if memento.question is not None:
            self.search.suggest(memento.question)
        self.presence.arrive(memento.ticket)

    def close(self) -> None:
        """Stop, and delete everything."""
        self.presence.leave()
        self.indexing.stop()
        self.shelf.delete_folder()
