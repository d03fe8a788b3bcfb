"""What each visitor has: pages, pictures, the last search. None of it is shared; all of it goes when they leave."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colpali_demo.documents import Document, DocumentError, PageError, display_name, open_document
from colpali_demo.web.engine import Engine, Sample
from colpali_demo.web.payload import lens_value, library_value
from colpali_demo.web.pictures import Pictures, page_key, write_pictures
from colpali_demo.web.progress import Pace

if TYPE_CHECKING:
    from colpali_demo.explain import Explanation
    from colpali_demo.index import Hit, PageIndex

logger = logging.getLogger(__name__)


@dataclass
class Result:
    """The last search of a visitor: every page's hit, and the explanations sent so far, by page key."""

    search: str
    hits: list[Hit]
    top_k: int
    explanations: dict[str, Explanation]


@dataclass(eq=False)
class Session:
    """One visitor. Methods may be called from several threads at once: a search may run while pages are indexed."""

    engine: Engine
    folder: Path
    samples: list[Sample] = field(default_factory=list)
    result: Result | None = None
    asked: tuple[str, int] | None = None  # the last query, and how many pages to explain
    touched: bool = False  # the visitor has done something of their own
    _index: PageIndex | None = None
    _own: dict[str, Document] = field(default_factory=dict)  # by content hash, in order of arrival
    _pictures: dict[str, Pictures] = field(default_factory=dict)
    _errors: list[PageError | DocumentError] = field(default_factory=list)
    _inbox: deque[tuple[Path, str]] = field(default_factory=deque)
    _open: Document | None = None
    _progress: dict[str, Any] | None = None
    _indexing: bool = False
    _stopped: bool = False
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    # ------------------------------------------------------------------ the library

    def library(self) -> dict[str, Any]:
        """The value of the library component. Later ones have a higher `version`: answers may overtake one another."""
        with self._looking:
            return {**self._library(), "version": time.monotonic_ns() // 1000}

    def _library(self) -> dict[str, Any]:
        counts = Counter(page.document for page in self._index.pages) if self._index else Counter()
        documents = [
            {
                "document": sample.document,
                "source": sample.title,
                "pages": len(sample.index or ()),
                "of": sample.total,
                "sample": sample.source,
            }
            for sample in self.samples
        ] + [
            {
                "document": own.document,
                "source": own.source,
                "pages": counts[own.document],
                "of": own.page_count,
                "sample": None,
            }
            for own in list(self._own.values())
        ]
        failed = [
            PageError(sample.title, None, "sample_failed", sample.error) for sample in self.samples if sample.error
        ]
        errors = [*failed, *self._errors, *(self._open.errors if self._open else ())]
        return library_value(documents, errors, self._progress or self._sample_progress())

    def _sample_progress(self) -> dict[str, Any] | None:
        for sample in self.samples:
            if not sample.finished.is_set() and self.engine.state != "failed":
                done = len(sample.index or ())
                return {"source": sample.title, "done": done, "total": sample.total, "cancel": False}
        return None

    def samples_ready(self) -> bool:
        """Whether every sample on the shelf can be searched, or never will be."""
        failed = self.engine.state == "failed"
        return failed or all(sample.finished.is_set() for sample in list(self.samples))

    def add_sample(self, file: str) -> Sample | None:
        """Put a sample on the shelf; None if there is none of that name."""
        sample = next((sample for sample in self.engine.samples if sample.source == file), None)
        if sample is not None and sample not in self.samples:
            self.samples.append(sample)
            self.engine.want(sample)
        return sample

    def dismiss_errors(self) -> None:
        """Forget what could not be read so far."""
        self._errors = []

    def remove(self, document: str) -> None:
        """Take a document off the shelf, with its pictures."""
        self.samples = [sample for sample in self.samples if sample.document != document]
        self._own.pop(document, None)
        if self._index is not None:
            self._index.remove(document)
        for key in [key for key in self._pictures if key.startswith(f"{document}-")]:
            pictures = self._pictures.pop(key)
            pictures.image.unlink(missing_ok=True)
            pictures.thumbnail.unlink(missing_ok=True)

    def clear(self) -> None:
        """Take everything off the shelf, and stop indexing."""
        self.stop()
        for document in list(self._own):
            self.remove(document)
        self.samples = []
        self._errors = []
        self.result = None

    # ------------------------------------------------------------------ indexing

    def receive(self, paths: list[str]) -> None:
        """Take over uploaded files: out of the folder where Gradio keeps one copy for all who upload the same file."""
        self.touched = True
        with self._lock:
            if not self._indexing:
                self._errors, self._stopped = [], False
            for path in paths:
                name = display_name(path)
                own = self.folder / secrets.token_hex(8)
                try:
                    os.replace(path, own)
                    self._inbox.append((own, name))
                except OSError as error:
                    logger.warning("upload %s: %s", path, error)
                    self._errors.append(DocumentError(name, "not_found", self.engine.settings))
            if self._inbox and not self._progress:
                self._progress = {"note": "Waiting to start …"}

    def index_inbox(self) -> Iterator[None]:
        """Index what `receive` took, page by page; yields after each page and whenever the library has changed."""
        with self._lock:
            if self._indexing:
                return  # another call works through the inbox, and will come to these files too
            self._indexing = True
        try:
            while not self.engine.settled.wait(0.5):
                self._progress = {"note": "Waiting for the model to load …"}
                yield
            if self.engine.encoder is None:
                self._errors.append(PageError("The model", None, "checkpoint_missing", self.engine.error))
                self._stopped = True
            while (upload := self._next_upload()) is not None:
                path, name = upload
                try:
                    yield from self._index_file(path, name)
                finally:
                    path.unlink(missing_ok=True)
        except BaseException:  # a visitor who leaves closes the generator: GeneratorExit
            self._stopped = True
            self._next_upload()
            raise

    def _next_upload(self) -> tuple[Path, str] | None:
        """The next file of the inbox; None ends the indexing, because all is done or the visitor has stopped it."""
        with self._lock:
            if self._stopped:
                for path, _ in self._inbox:
                    path.unlink(missing_ok=True)
                self._inbox.clear()
            if self._inbox:
                return self._inbox.popleft()
            self._open, self._progress, self._indexing = None, None, False
            return None

    def _index_file(self, path: Path, name: str) -> Iterator[None]:
        settings = self.engine.settings
        self._progress = {"note": f"Opening {name} …"}
        yield
        try:
            document = open_document(path, name=name, settings=settings)
        except DocumentError as error:
            self._errors.append(error)
            return
        with document:
            if document.document in self._own:
                self._note(name, None, "already_indexed", "This file is in your library already.")
                return
            self._open = document
            self._own[document.document] = document
            pace = Pace(document.page_count)
            yield from self._index_pages(document, pace)
            self._open = None
        self._errors += document.errors
        if not any(page.document == document.document for page in self._own_index().pages):
            self._own.pop(document.document, None)

    def _index_pages(self, document: Document, pace: Pace) -> Iterator[None]:
        index = self._own_index()
        self._report(document, pace)
        yield
        for page in document:
            if len(index) >= self.engine.settings.session_pages:
                limit = self.engine.settings.session_pages
                text = f"Your library is full: {limit} pages. Remove a document to make room for the rest of this one."
                self._note(document.source, None, "session_full", text)
                return
            try:
                pictures = write_pictures(page, self.folder)
                self._pictures[pictures.key] = pictures
                index.add_page(page)
            except Exception:
                logger.exception("%s, page %d", document.source, page.number)
                text = "This page could not be embedded and was left out; try again in a moment."
                self._note(document.source, page.number, "embedding_failed", text)
            if document.document not in self._own:  # removed meanwhile
                self.remove(document.document)
                return
            pace.reach(page.number)
            self._report(document, pace)
            yield

    def _report(self, document: Document, pace: Pace) -> None:
        self._progress = {
            "source": document.source,
            "done": pace.done,
            "total": pace.total,
            "rate": pace.rate,
            "left": pace.seconds_left,
            "stopping": self._stopped,
        }

    def _note(self, source: str, page: int | None, code: str, text: str) -> None:
        self._errors.append(PageError(source, page, code, text))

    def _own_index(self) -> PageIndex:
        from colpali_demo.index import PageIndex

        if self._index is None:
            self._index = PageIndex(self.engine.encoder)
        return self._index

    def stop(self) -> None:
        """End indexing after the page at hand; pages that are in stay in."""
        self._stopped = True
        if self._progress:
            self._progress = {**self._progress, "stopping": True}
        if self._open is not None:
            self._open.close()

    # ------------------------------------------------------------------ search

    def indexes(self) -> list[PageIndex]:
        """What is searched: the samples on the shelf and the visitor's own pages."""
        found = [sample.index for sample in self.samples] + [self._index]
        return [index for index in found if index is not None and len(index)]

    def search(self, text: str, top_k: int) -> dict[str, Any]:
        """Rank every page for a query; the value of the lens. Raises ValueError when there are no pages."""
        indexes = self.indexes()
        if not indexes:
            raise ValueError("no pages")
        query = self.engine.encoder.embed_query(text)
        hits = sorted((hit for index in indexes for hit in index.rank(query)), key=lambda hit: -hit.score)
        hits = [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]
        for old in self.folder.glob("*.maps"):
            old.unlink(missing_ok=True)
        explanations = {page_key(hit.page): hit.explain() for hit in hits[:top_k]}
        self.result = Result(secrets.token_hex(6), hits, top_k, explanations)
        return self._lens(self.result, page_key(hits[0].page))

    def open_page(self, key: str) -> dict[str, Any]:
        """The value of the lens with one more page of the last search. Raises KeyError if that has no such page."""
        result = self.result
        hit = next((hit for hit in result.hits if page_key(hit.page) == key), None) if result else None
        if hit is None:
            raise KeyError(key)
        result.explanations[key] = hit.explain()
        return self._lens(result, key)

    def _lens(self, result: Result, focus: str) -> dict[str, Any]:
        pictures = dict(self._pictures)
        for sample in self.samples:
            pictures |= sample.pictures
        best = result.hits[0]
        strength = self._own_index().strength(best) if self.engine.calibrated else None
        return lens_value(
            search=result.search,
            model=self.engine.encoder.model_info,
            hits=result.hits,
            explanations=list(result.explanations.values()),
            top_k=result.top_k,
            focus=focus,
            strength=strength,
            pictures=pictures,
            save=self._save,
        )

    def _save(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Stop, and delete everything."""
        self._closed = True
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All visitors, by Gradio's session hash. `root` takes a folder for each, under a name that cannot be guessed."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine = engine
        self._root = root
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_hash: str) -> Session:
        """The session of this visitor; a new one if there is none."""
        with self._lock:
            if session_hash not in self._sessions:
                folder = self._root / secrets.token_urlsafe(24)
                folder.mkdir(parents=True, mode=0o700)
                self._sessions[session_hash] = Session(self._engine, folder)
            return self._sessions[session_hash]

    def drop(self, session_hash: str) -> None:
        """Forget a visitor, and delete what they had."""
        with self._lock:
            session = self._sessions.pop(session_hash, None)
        if session is not None:
            session.close()
