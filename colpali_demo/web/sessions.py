"""What each visitor has: pages, pictures, the last search. None of it is shared; all of it goes when they leave."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colpali_demo.documents import Document, DocumentError, PageError, display_name, open_document
from colpali_demo.memory import give_back_memory
from colpali_demo.web import takeaway
from colpali_demo.web.engine import Engine, Sample
from colpali_demo.web.faults import Refused, is_disk_full, log_fault
from colpali_demo.web.payload import file_data, lens_value, library_value
from colpali_demo.web.pictures import Pictures, page_key, write_pictures
from colpali_demo.web.progress import Pace
from colpali_demo.web.turns import Rate
from colpali_demo.web.uploads import Uploads

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import PageIndex, Ranking
    from colpali_demo.web.lessons.desk import LessonOnShow

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
SWEEP_SECONDS = 60
WORD_BYTES = 250  # of a word of a text layer, in memory
MAX_EXPLAINED = 10  # pages of one search
MAX_SENT = 30  # pages of one search in the lens, those opened besides included; then the oldest are left out
QUERIES = 8  # remembered for the lessons
REMEMBERED = 2000  # visitors whose library was freed, to be told so when they come back

_FREED = {
    "idle": "Your library was emptied after {session_minutes:g} minutes without a click. Add your documents again.",
    "room": "Others needed the room, and your library had been unused for longest, so it was emptied. "
    "Add your documents again.",
    "left": "The connection was lost, so the server deleted your documents, as it does when a tab is closed. "
    "Add them again.",
}


@dataclass
class Result:
    """The last search of a visitor: its ranking, and the explanations sent so far, by page key."""

    search: str
    ranking: Ranking
    top_k: int
    explanations: dict[str, Explanation]


@dataclass(eq=False)
class Session:
    """One visitor. Methods may be called from several threads at once: a search may run while pages are indexed."""

    engine: Engine
    folder: Path
    uploads: Uploads
    make_room: Callable[[Session], bool]  # for one more batch of this session's pages; False if there is none
    samples: list[Sample] = field(default_factory=list)
    result: Result | None = None
    asked: tuple[str, int] | None = None  # the last query, and how many pages to explain
    queries: deque[str] = field(default_factory=lambda: deque(maxlen=QUERIES))  # answered for the lens, last one first
    lesson: LessonOnShow | None = None
    touched: bool = False  # the visitor has done something of their own
    used: float = field(default_factory=time.monotonic)  # when the visitor last did something, or had pages indexed
    _index: PageIndex | None = None
    _pages_left: list[Page] = field(default_factory=list)  # that the model of another engine has embedded
    _samples_left: set[str] = field(default_factory=set)  # files of samples on the shelf that this engine lacks
    _stand_in: Sample | None = None  # a sample on the shelf only because there was nothing else to show
    _own: dict[str, Document] = field(default_factory=dict)  # by content hash, in order of arrival
    _pictures: dict[str, Pictures] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)  # bytes, by page key
    _errors: list[PageError | DocumentError] = field(default_factory=list)
    _inbox: deque[tuple[Path, str, int]] = field(default_factory=deque)  # file, name, bytes
    _open: Document | None = None
    _progress: dict[str, Any] | None = None
    _indexing: bool = False
    _stopped: bool = False
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        settings = self.engine.settings
        self._searches = Rate(settings.searches_per_minute)
        self._looks = Rate(settings.looks_per_minute)
        self._files = Rate(settings.files_per_minute)
        self._models = Rate(settings.models_per_minute)
        self.lesson_rate = Rate(settings.lessons_per_minute)
        self.measure_rate = Rate(settings.measures_per_minute)

    @property
    def nbytes(self) -> int:
        """Memory and disk that the visitor's own pages and waiting files take, nearly."""
        return sum(list(self._sizes.values())) + sum(size for _, _, size in list(self._inbox))

    @property
    def has_own(self) -> bool:
        """Whether there is anything that would be lost with the session."""
        return bool(self._own or self._inbox)

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
        if sample is self._stand_in:
            self._stand_in = None
        if sample is not None and sample not in self.samples:
            self.samples.append(sample)
            self.engine.want(sample)
        return sample

    def switch(self, engine: Engine) -> None:
        """Go over to another model. The samples are its own; the visitor's pages wait for `embed_again`.

        Raises Refused where they do so too often.
        """
        if seconds := self._models.wait():
            most = self.engine.settings.models_per_minute
            raise Refused("One moment", f"The model can change {most} times a minute; try again in {seconds:.0f} s.")
        interrupted = self._indexing
        self.stop()
        self.touched = True
        with self._lock:
            if self._index is not None:
                self._pages_left += self._index.pages
            self.engine, self._index, self.result, self._errors = engine, None, None, []
        if interrupted:
            text = "Indexing ended when you changed the model. Add what is missing again."
            self.note("Your library", None, "stopped", text)
        shelf = {sample.source for sample in self.samples if sample is not self._stand_in} | self._samples_left
        self.samples = [sample for sample in engine.samples if sample.source in shelf]
        self._samples_left = shelf - {sample.source for sample in self.samples}
        self._stand_in = None
        # A set knows nothing of the visitor's own pages, so without a sample it would have nothing to show.
        if engine.samples and not self.samples and not (engine.RUNS_MODEL and self._pages_left):
            self._stand_in = engine.samples[0]
            self.samples = [self._stand_in]
        for sample in self.samples:
            engine.want(sample)
        if self.asked and not engine.RUNS_MODEL and engine.samples:
            known = {query for sample in engine.samples for query in sample.queries}
            if self.asked[0] not in known:
                self.asked = (self.samples or engine.samples)[0].queries[0], self.asked[1]

    def embed_again(self) -> Iterator[float]:
        """Embed the visitor's pages with the model they have switched to; yields as `index_inbox` does."""
        while self._indexing:  # what was under way when the visitor switched
            yield POLL_SECONDS
        with self._lock:
            self._indexing, self._stopped = True, False
        try:
            while not self.engine.settled.is_set():
                self._progress = {"note": "Waiting for the model to load …"}
                yield POLL_SECONDS
            if self._pages_left and not self.engine.RUNS_MODEL:
                text = "These explanations were computed beforehand. Choose another model for pages of your own."
                self.note("Your pages", None, "not_precomputed", text)
            elif self.engine.encoder is not None:
                yield from self._embed_left()
        finally:
            with self._lock:
                self._progress, self._indexing = None, False
        yield from self.index_inbox()

    def _embed_left(self) -> Iterator[float]:
        pace = Pace(len(self._pages_left))
        size = self.engine.encoder.batch_size
        while self._pages_left and not self._stopped:
            self._progress = {**self._paced(pace), "source": "Your pages, once more"}
            yield 0
            batch = self._pages_left[:size]
            if not self._add(batch):
                return
            del self._pages_left[:size]
            pace.reach(pace.total - len(self._pages_left))

    def dismiss_errors(self) -> None:
        """Forget what could not be read so far."""
        self._errors = []

    def remove(self, document: str) -> None:
        """Take a document off the shelf, with its pictures."""
        self.samples = [sample for sample in self.samples if sample.document != document]
        self._own.pop(document, None)
        self._pages_left = [page for page in self._pages_left if page.document != document]
        if self._index is not None:
            self._index.remove(document)
        for key in [key for key in self._pictures if key.startswith(f"{document}-")]:
            self._drop_pictures(key)

    def _drop_pictures(self, key: str) -> None:
        self._sizes.pop(key, None)
        self._pictures.pop(key, None)
        for file in self.folder.glob(f"{key}.*"):  # also those that were only begun
            file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Take everything off the shelf, and stop indexing."""
        self.stop()
        for document in list(self._own):
            self.remove(document)
        self.samples, self._samples_left = [], set()
        self._errors = []
        self.result = None

    # ------------------------------------------------------------------ indexing

    def receive(self, paths: list[str]) -> None:
        """Take over uploaded files."""
        settings = self.engine.settings
        self.touched = True
        with self._lock:
            if not self._indexing:
                self._errors, self._stopped = [], False
            for path in paths:
                name = display_name(path)
                own = self.folder / secrets.token_hex(8)
                try:
                    size = self.uploads.take(path, own)
                except OSError as error:
                    logger.warning("upload: %s", error)
                    self._errors.append(DocumentError(name, "not_found", settings))
                    continue
                if self._closed:
                    own.unlink(missing_ok=True)
                elif seconds := self._files.wait():
                    own.unlink()
                    text = f"{settings.files_per_minute} files a minute are taken; add it again in {seconds:.0f} s."
                    self.note(name, None, "too_many_files", text)
                elif self.nbytes + size > settings.session_mb << 20:
                    own.unlink()
                    self.note(name, None, "session_full", self._full(f"{settings.session_mb} MB"))
                else:
                    self._inbox.append((own, name, size))
            if self._inbox and not self._progress:
                self._progress = {"note": "Waiting to start …"}

    def index_inbox(self) -> Iterator[float]:
        """Index what `receive` took, page by page.

        Yields after each batch of pages and whenever the library has changed: the seconds to wait before going on.
        """
        with self._lock:
            if self._indexing:
                return  # another call works through the inbox, and will come to these files too
            self._indexing = True
        try:
            while not self.engine.settled.is_set():
                self._progress = {"note": "Waiting for the model to load …"}
                yield POLL_SECONDS
            if self.engine.encoder is None:
                self._errors.append(PageError("The model", None, "checkpoint_missing", self.engine.error))
                self._stopped = True
            while (upload := self._next_upload()) is not None:
                path, name, _ = upload
                try:
                    yield from self._index_in_turn(path, name)
                finally:
                    path.unlink(missing_ok=True)
        except BaseException:  # a visitor who leaves closes the generator: GeneratorExit
            self._stopped = True
            self._next_upload()
            raise
        finally:
            if self._closed:  # meanwhile, so there may be a picture more than was deleted
                shutil.rmtree(self.folder, ignore_errors=True)

    def _next_upload(self) -> tuple[Path, str, int] | None:
        """The next file of the inbox; None ends the indexing, because all is done or the visitor has stopped it."""
        with self._lock:
            if self._stopped:
                for path, _, _ in self._inbox:
                    path.unlink(missing_ok=True)
                self._inbox.clear()
            if self._inbox:
                return self._inbox.popleft()
            self._open, self._progress, self._indexing = None, None, False
            return None

    def _index_in_turn(self, path: Path, name: str) -> Iterator[float]:
        """Wait for one of the places at which documents are read."""
        places = self.engine.places
        place = places.enter()
        try:
            while ahead := places.ahead(place):
                self._progress = {"note": f"{ahead} document{'s'[: ahead > 1]} of other visitors before yours …"}
                yield POLL_SECONDS
                if self._stopped:
                    return
            yield from self._index_file(path, name)
        finally:
            places.leave(place)

    def _index_file(self, path: Path, name: str) -> Iterator[float]:
        settings = self.engine.settings
        self._progress = {"note": f"Opening {name} …"}
        yield 0
        try:
            document = open_document(path, name=name, settings=settings)
        except DocumentError as error:
            self._errors.append(error)
            return
        with document:
            if self._stopped:
                return
            if document.document in self._own:
                self.note(name, None, "already_indexed", "This file is in your library already.")
                return
            self._open = document
            self._own[document.document] = document
            pace = Pace(document.page_count)
            yield from self._index_pages(document, pace)
            self._open = None
        self._errors += document.errors
        if not any(page.document == document.document for page in self._own_index().pages):
            self._own.pop(document.document, None)

    def _index_pages(self, document: Document, pace: Pace) -> Iterator[float]:
        self._report(document, pace)
        yield 0
        size = self.engine.encoder.batch_size
        batch: list[Page] = []
        for page in document:
            if self._stopped or not self._has_room(document, len(batch)):
                break
            batch.append(page)
            if len(batch) < size and page.number < document.page_count:
                continue
            if not self._add(batch):
                return
            batch = []
            if document.document not in self._own:  # removed meanwhile
                self.remove(document.document)
                return
            pace.reach(page.number)
            self._report(document, pace)
            yield 0
        if batch and not self._stopped:  # the last page could not be read
            self._add(batch)

    def _has_room(self, document: Document, pages: int) -> bool:
        """Whether another page fits beside those of the batch at hand; says what is full if none does."""
        settings = self.engine.settings
        if len(self._own_index()) + pages >= settings.session_pages:
            self.note(document.source, None, "session_full", self._full(f"{settings.session_pages} pages"))
        elif self.nbytes > settings.session_mb << 20:
            self.note(document.source, None, "session_full", self._full(f"{settings.session_mb} MB"))
        elif not self.make_room(self):
            text = "The server is full, so the rest of this document was left out; try again in a few minutes."
            self.note(document.source, None, "server_full", text)
        else:
            return True
        return False

    def _full(self, limit: str) -> str:
        return f"Your library is full: {limit}. Remove a document to make room."

    def _add(self, pages: list[Page]) -> bool:
        """Index a batch; a page that fails is noted. False if the rest of the document must be given up."""
        index = self._own_index()
        before = index.nbytes
        self.used = time.monotonic()
        try:
            for page in pages:
                pictures = write_pictures(page, self.folder, self.engine.encoder.model_info["input"])
                self._pictures[pictures.key] = pictures
            with self.engine.turns.batch():
                if self._closed:
                    return False
                index.add(pages)  # halves a batch that does not fit into the model's memory
        except Exception as error:
            for page in pages:
                self._drop_pictures(page_key(page))
            if self._closed:  # and its folder gone
                return False
            if is_disk_full(error):
                log_fault("no space for pictures")
                text = "The server’s disk is full, so the rest of this document was left out; try again later."
                self.note(pages[0].source, None, "disk_full", text)
                return False
            if len(pages) > 1:
                return all([self._add([page]) for page in pages])
            self.note(pages[0].source, pages[0].number, *_embedding_failure(error))
            return True
        vectors = (index.nbytes - before) // len(pages)
        for page in pages:
            files = sum(file.stat().st_size for file in self.folder.glob(f"{page_key(page)}.*"))
            self._sizes[page_key(page)] = vectors + len(page.jpeg) + files + WORD_BYTES * len(page.words)
        return True

    def _report(self, document: Document, pace: Pace) -> None:
        self._progress = {**self._paced(pace), "source": document.source}

    def _paced(self, pace: Pace) -> dict[str, Any]:
        return {
            "done": pace.done,
            "total": pace.total,
            "rate": pace.rate,
            "left": pace.seconds_left,
            "stopping": self._stopped,
        }

    def note(self, source: str, page: int | None, code: str, text: str) -> None:
        """Say in the library what could not be done."""
        self._errors.append(PageError(source, page, code, text))

    def _own_index(self) -> PageIndex:
        from colpali_demo.retrieval import PageIndex

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

    def search(
        self, text: str, top_k: int, *, prefix: str | None = None, augmentation: int | None = None
    ) -> dict[str, Any]:
        """Rank every page for a query; the value of the lens. Raises Refused.

        `prefix` and `augmentation` are the checkpoint's unless given, see `Encoder.embed_query`.
        """
        self._check(text)
        with self.engine.turns.search(self):
            explained = min(max(1, top_k), max(MAX_EXPLAINED, self.engine.settings.top_k))
            return self._show(self._rank(text, explained, prefix, augmentation), explained)

    def rank(self, text: str, explained: int) -> Ranking:
        """Rank every page, for others than the lens, who will explain so many of the best. Raises Refused."""
        self._check(text)
        with self.engine.turns.search(self):
            return self._rank(text, explained)

    def _check(self, text: str) -> None:
        limit = self.engine.settings.max_query_chars
        if not text.strip():
            raise Refused("Nothing to search for", "Type a query.")
        if len(text) > limit:
            raise Refused("Too long", f"A query may have {limit} characters; this one has {len(text)}.")
        if not self.indexes():
            raise Refused("No pages to search", "Pick a sample or drop in a PDF, then ask it something.")
        if seconds := self._searches.wait():
            most = self.engine.settings.searches_per_minute
            raise Refused("One moment", f"{most} searches a minute are answered; try again in {seconds:.0f} s.")

    def _rank(self, text: str, explained: int, prefix: str | None = None, augmentation: int | None = None) -> Ranking:
        from colpali_demo.encoder import CheckpointError
        from colpali_demo.retrieval import rank_together

        indexes = self.indexes()
        try:
            query = self.engine.encoder.embed_query(text, prefix=prefix, augmentation=augmentation)
        except CheckpointError as error:
            if error.code == "not_precomputed":
                raise Refused("No model for this query", error.message) from None
            raise
        limit, count = self.engine.settings.max_query_tokens, len(query.tokens)
        if count > limit:
            text = f"A query may have {limit} tokens; this one has {count}. Ask in fewer words."
            raise Refused("Too long", text)
        return rank_together(indexes, query, explained=explained)

    def _show(self, ranking: Ranking, top_k: int) -> dict[str, Any]:
        for old in self.folder.glob("*.maps"):
            old.unlink(missing_ok=True)
        explanations = {page_key(hit.page): hit.explain() for hit in ranking[:top_k]}
        self.result = Result(secrets.token_hex(6), ranking, top_k, explanations)
        text = ranking.query.text
        if text in self.queries:
            self.queries.remove(text)
        self.queries.appendleft(text)
        return self._lens(self.result, page_key(ranking[0].page))

    def open_page(self, key: str) -> dict[str, Any]:
        """The value of the lens with one more page of the last search.

        Raises KeyError if that has no such page, and Refused where pages are opened too often.
        """
        if seconds := self._looks.wait():
            raise Refused("One moment", f"Too many pages at once; try again in {seconds:.0f} s.")
        result = self.result
        hit = next((hit for hit in result.ranking if page_key(hit.page) == key), None) if result else None
        if hit is None:
            raise KeyError(key)
        result.explanations.pop(key, None)
        result.explanations[key] = hit.explain()
        while len(result.explanations) > MAX_SENT:
            del result.explanations[next(iter(result.explanations))]
        return self._lens(result, key)

    def take_away(self, kind: str, key: str, token: int | None, start: str) -> dict[str, Any]:
        """The value of the delivery: a file, one of `takeaway.KINDS`, about a page of the last search. Raises Refused.

        `token` is the one that a figure shows; `start` is what a file of the lens shows first.
        """
        result = self.result
        explanation = result.explanations.get(key) if result else None
        if explanation is None or (token is not None and token >= len(explanation.tokens)):
            raise Refused("This page is gone", "Search again.")
        if seconds := self._searches.wait():
            raise Refused("One moment", f"Try again in {seconds:.0f} s.")
        with self.engine.turns.search(self):
            data = self._taken(kind, result, explanation, token, start)
        folder = self.folder / "taken"
        shutil.rmtree(folder, ignore_errors=True)  # the last one
        id, name = secrets.token_hex(6), takeaway.file_name(explanation, kind)
        (folder / id).mkdir(parents=True)
        (folder / id / name).write_bytes(data)
        return {"id": id, "name": name, "file": file_data(folder / id / name)}

    def _taken(self, kind: str, result: Result, explanation: Explanation, token: int | None, start: str) -> bytes:
        model, key = self.engine.public_model_info, page_key(explanation.page)
        rank = result.ranking.hit(explanation.page).rank
        if kind == "json":
            return takeaway.tensors(explanation, rank, model)
        if kind == "html":
            return takeaway.standalone(self._lens(result, key), start)
        strength = self._strength(result)
        weak = bool(strength and strength["weak"])
        return takeaway.figure(explanation, token, kind, checkpoint=model["name"], weak=weak)

    def _strength(self, result: Result) -> dict[str, Any] | None:
        """What the index says of the best page; None while the checkpoint is not calibrated."""
        return self._own_index().strength(result.ranking[0]) if self.engine.calibrated else None

    def pictures(self) -> dict[str, Pictures]:
        """The pictures of every page that is searched, by key."""
        pictures = dict(self._pictures)
        for sample in self.samples:
            pictures |= sample.pictures
        return pictures

    def _lens(self, result: Result, focus: str) -> dict[str, Any]:
        return lens_value(
            search=result.search,
            model={**self.engine.public_model_info, "choice": self.engine.choice},
            ranking=result.ranking,
            explanations=list(result.explanations.values()),
            top_k=result.top_k,
            focus=focus,
            strength=self._strength(result),
            pictures=self.pictures(),
            blank=self.engine.blank,
            samples=self._samples_of(result),
            save=self.save,
        )

    def _samples_of(self, result: Result) -> list[str] | None:
        """The samples that a search covered; None if it covered other pages too."""
        files = {sample.document: sample.source for sample in self.samples}
        documents = dict.fromkeys(hit.page.document for hit in result.ranking)
        return [files[document] for document in documents] if all(d in files for d in documents) else None

    def save(self, name: str, data: bytes) -> Path:
        """Write a file for the browser into the visitor's folder."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    # ------------------------------------------------------------------ the end

    @property
    def closed(self) -> bool:
        """Whether everything is deleted."""
        return self._closed

    def close(self) -> None:
        """Stop, and delete everything."""
        self._closed = True
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All visitors, by Gradio's session hash. `root` takes a folder for each, under a name that cannot be guessed.

    When the sessions, or the bytes that they take together, are too many, the one unused for longest is freed. Whoever
    comes back to a session that was freed finds a new one, which says why.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self.uploads = Uploads(root / "uploads", engine.settings.total_mb << 20)
        root.mkdir(parents=True, exist_ok=True)
        self._engine = engine
        self._root = root
        self._sessions: dict[str, Session] = {}
        self._freed: OrderedDict[str, tuple[str | None, list[Sample], tuple[str, int] | None]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def nbytes(self) -> int:
        """What all visitors' own pages and files take."""
        return sum(session.nbytes for session in list(self._sessions.values()))

    def get(self, session_hash: str) -> Session:
        """The session of this visitor; a new one if there is none."""
        with self._lock:
            session = self._sessions.get(session_hash)
            if session is None:
                if len(self._sessions) >= self._engine.settings.sessions:
                    # Those who only looked around go first, so that a crowd of them empties nobody's library.
                    self._free(min(self._sessions, key=lambda key: _loss(self._sessions[key])), "room")
                session = self._sessions[session_hash] = self._new(session_hash)
            session.used = time.monotonic()
            return session

    def drop(self, session_hash: str) -> None:
        """Forget a visitor who has left, and delete what they had."""
        with self._lock:
            self._free(session_hash, "left")
        give_back_memory()

    def sweep(self) -> None:
        """Free what has not been used for long."""
        oldest = time.monotonic() - 60 * self._engine.settings.session_minutes
        with self._lock:
            for session_hash in [key for key, session in self._sessions.items() if session.used < oldest]:
                self._free(session_hash, "idle")
            # What a thread wrote while its session was being deleted.
            kept = {session.folder for session in self._sessions.values()} | {self.uploads.folder}
            for folder in self._root.iterdir():
                if folder.is_dir() and folder not in kept:
                    shutil.rmtree(folder, ignore_errors=True)
        self.uploads.sweep()

    def keep_sweeping(self) -> None:
        """Sweep every minute from now on, in the background."""
        threading.Thread(target=self._sweep_forever, name="sweep", daemon=True).start()

    def close(self) -> None:
        """Free everybody, and delete the folder of all."""
        with self._lock:
            for session_hash in list(self._sessions):
                self._free(session_hash, "left")
        shutil.rmtree(self._root, ignore_errors=True)

    def _new(self, session_hash: str) -> Session:
        self._engine.welcome()
        folder = self._root / secrets.token_urlsafe(24)
        folder.mkdir(parents=True, mode=0o700)
        session = Session(self._engine, folder, self.uploads, self._make_room)
        why, samples, asked = self._freed.pop(session_hash, (None, [], None))
        session.samples, session.asked = samples, asked
        if why:
            session.note("Your library", None, "library_freed", _FREED[why].format_map(vars(self._engine.settings)))
        return session

    def _free(self, session_hash: str, why: str) -> None:
        session = self._sessions.pop(session_hash, None)
        if session is None:
            return
        self._freed[session_hash] = (why if session.has_own else None, list(session.samples), session.asked)
        if len(self._freed) > REMEMBERED:
            self._freed.popitem(last=False)
        session.close()

    def _make_room(self, session: Session) -> bool:
        """Free others until all together take no more than they may; False if that is not enough."""
        limit = self._engine.settings.total_mb << 20
        while self.nbytes >= limit:
            with self._lock:
                others = [key for key, other in self._sessions.items() if other is not session and other.nbytes]
                if not others:
                    return False
                self._free(min(others, key=lambda key: self._sessions[key].used), "room")
        return True

    def _sweep_forever(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            try:
                self.sweep()
            except Exception:
                log_fault("sweep")


def _loss(session: Session) -> tuple[bool, float]:
    """What orders sessions by how little is lost with them."""
    return session.has_own, session.used


def _embedding_failure(error: Exception) -> tuple[str, str]:
    """Code and sentence for a page that the model could not embed."""
    if getattr(error, "code", None) == "out_of_memory":
        logger.warning("%s", error)
        return "model_memory", "The model had too little memory for this page, so it was left out; add it again later."
    fault = log_fault("embedding a page")
    return "embedding_failed", f"This page could not be embedded and was left out; if it stays so, quote {fault}."
