"""How pages of a visitor come to the shelf: from uploaded files, and once more after a change of the model."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colpali_demo.documents import Document, DocumentError, display_name, open_document
from colpali_demo.web.faults import is_disk_full, log_fault
from colpali_demo.web.progress import Pace

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import Page
    from colpali_demo.settings import Settings
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.payload import Progress
    from colpali_demo.web.uploads import Uploads
    from colpali_demo.web.visitors.presence import Presence
    from colpali_demo.web.visitors.quota import Quota
    from colpali_demo.web.visitors.shelf import Shelf

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
OF_A_SET = "These explanations were computed beforehand. Choose another model for pages of your own."
CLOSED = "Indexing ended when you reloaded the page. Add what is missing again."
SERVER_FULL = "The server is full, so the rest of this document was left out; try again in a few minutes."
DISK_FULL = "The server’s disk is full, so the rest of this document was left out; try again later."


@dataclass(frozen=True)
class Upload:
    """A file that waits to be indexed, where it lies, what its visitor calls it, and its bytes."""

    path: Path
    name: str
    size: int


class Indexing:
    """Reads the files of one visitor and embeds their pages, in one thread at a time.

    make_room: frees others for one more batch of pages; False if that is not enough
    folder: takes the files until they are read

    `run` and `embed_again` yield after each batch of pages and whenever the library has changed: the seconds to wait
    before going on. Any thread may call the other methods meanwhile.
    """

    def __init__(
        self,
        shelf: Shelf,
        quota: Quota,
        presence: Presence,
        settings: Settings,
        uploads: Uploads,
        folder: Path,
        make_room: Callable[[], bool],
    ) -> None:
        self._shelf = shelf
        self._quota = quota
        self._presence = presence
        self._settings = settings
        self._uploads = uploads
        self._folder = folder
        self._make_room = make_room
        self._inbox: deque[Upload] = deque()
        self._document: Document | None = None  # being read
        self._progress: Progress | None = None
        self._running = False
        self._stopped = False
        self._lock = threading.RLock()

    @property
    def progress(self) -> Progress | None:
        """How far it is; None while nothing is under way."""
        return self._progress

    @property
    def nbytes(self) -> int:
        """The bytes of the files that wait."""
        with self._lock:
            return sum(upload.size for upload in self._inbox)

    def receive(self, paths: list[str]) -> None:
        """Take over uploaded files; `run` indexes them."""
        with self._lock:
            if not self._running:
                self._shelf.dismiss_errors()
                self._stopped = False
            failed: list[OSError] = []
            for path in paths:
                try:
                    self._take(path)
                except OSError as error:
                    failed.append(error)
                    self._shelf.note_error(DocumentError(display_name(path), "not_found", self._settings))
            if failed:  # one line for all: the names come from the browser, a thousand of them and of any length
                logger.warning("%d of %d files could not be taken over: %.300s", len(failed), len(paths), failed[0])
            if self._inbox and not self._progress:
                self._progress = {"note": "Waiting to start …"}

    def _take(self, path: str) -> None:
        upload_name, own = display_name(path), self._folder / secrets.token_hex(8)
        size = self._uploads.take(path, own)
        if self._presence.left:
            own.unlink(missing_ok=True)
        elif limit := self._quota.count_file(size, self._shelf.nbytes + self.nbytes):
            own.unlink()
            self._shelf.note(upload_name, None, *limit)
        else:
            self._inbox.append(Upload(own, upload_name, size))

    def stop(self) -> bool:
        """End after the page at hand; pages that are in stay in. Returns whether anything was under way."""
        with self._lock:
            self._stopped = True
            if self._progress:
                self._progress = {**self._progress, "stopping": True}
            if self._document is not None:
                self._document.close()
            return self._running

    def stop_for_return(self) -> None:
        """End what another session of the same visitor has begun, who has come back by reloading the page."""
        with self._lock:
            if self._running:
                self._note_if_closed()
                self.stop()

    def _note_if_closed(self) -> None:
        if not self._stopped:
            self._shelf.note("Your library", None, "stopped", CLOSED)

    @property
    def is_stopping(self) -> bool:
        """Whether it was stopped, and a page is still at hand."""
        return self._running and self._stopped

    def run(self) -> Iterator[float]:
        """Index what `receive` took, page by page."""
        if not self._begin():
            return  # another call works through the inbox, and will index these files, too
        try:
            yield from self._wait_for_model()
            self._check_model()
            while (upload := self._next_upload()) is not None:
                try:
                    yield from self._index_in_turn(upload)
                finally:
                    upload.path.unlink(missing_ok=True)
        except BaseException:  # a visitor who leaves closes the generator: GeneratorExit
            self._note_if_closed()
            self._stopped = True
            self._next_upload()
            raise
        finally:
            if self._presence.left:  # a picture may have been written after the folder was deleted
                self._shelf.delete_folder()

    def embed_again(self) -> Iterator[float]:
        """Embed the visitor's pages with the model they have changed to, then index what has come meanwhile."""
        while not self._begin(again=True):  # what was under way when the model changed
            yield POLL_SECONDS
        try:
            yield from self._wait_for_model()
            engine = self._shelf.engine
            if self._shelf.waiting_pages and not engine.capabilities.embeds_pages:
                self._shelf.note("Your pages", None, "not_precomputed", OF_A_SET)
            elif engine.encoder is not None:
                yield from self._embed_waiting(engine)
        finally:
            self._end()
        yield from self.run()

    # ------------------------------------------------------------------ beginning and ending

    def _begin(self, *, again: bool = False) -> bool:
        """Begin, also after a stop if `again`; False if something is under way."""
        with self._lock:
            if self._running:
                return False
            self._running = True
            self._stopped = self._stopped and not again
            return True

    def _end(self) -> None:
        with self._lock:
            self._document, self._progress, self._running = None, None, False

    def _next_upload(self) -> Upload | None:
        """The next file of the inbox; None ends the indexing, because all is done or the visitor has stopped it."""
        with self._lock:
            if self._stopped:
                for upload in self._inbox:
                    upload.path.unlink(missing_ok=True)
                self._inbox.clear()
            if self._inbox:
                return self._inbox.popleft()
            self._end()
            return None

    def _wait_for_model(self) -> Iterator[float]:
        while not self._shelf.engine.settled.is_set():
            self._report({"note": "Waiting for the model to load …"})
            yield POLL_SECONDS

    def _check_model(self) -> None:
        """Say so, and take no file, where there is no model that could embed pages."""
        engine = self._shelf.engine
        if engine.encoder is None:
            self._shelf.note("The model", None, "checkpoint_missing", engine.error)
            self._stopped = True
        elif self._inbox and not engine.capabilities.embeds_pages:
            self._shelf.note("Your files", None, "not_precomputed", OF_A_SET)
            self._stopped = True

    def _report(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress

    def _report_pace(self, source: str, pace: Pace) -> None:
        with self._lock:
            self._progress = {
                "source": source,
                "done": pace.done,
                "total": pace.total,
                "rate": pace.rate,
                "left": pace.seconds_left,
                "stopping": self._stopped,
            }

    # ------------------------------------------------------------------ reading documents

    def _index_in_turn(self, upload: Upload) -> Iterator[float]:
        """Wait for one of the places at which documents are read."""
        places = self._shelf.engine.places
        place = places.enter()
        try:
            while ahead := places.ahead(place):
                self._report({"note": f"{ahead} document{'s'[: ahead > 1]} of other visitors before yours …"})
                yield POLL_SECONDS
                if self._stopped:
                    return
            yield from self._index_file(upload)
        finally:
            places.leave(place)

    def _index_file(self, upload: Upload) -> Iterator[float]:
        self._report({"note": f"Opening {upload.name} …"})
        yield 0
        try:
            document = open_document(upload.path, name=upload.name, settings=self._settings)
        except DocumentError as error:
            self._shelf.note_error(error)
            return
        with document:
            if self._stopped:
                return
            if not self._shelf.begin_document(document):
                self._shelf.note(upload.name, None, "already_indexed", "This file is in your library already.")
                return
            with self._lock:
                self._document = document
            try:
                yield from self._index_pages(document, self._shelf.engine)
            finally:
                with self._lock:
                    self._document = None
                self._shelf.end_document(document)

    def _index_pages(self, document: Document, engine: Engine) -> Iterator[float]:
        pace = Pace(document.page_count)
        self._report_pace(document.source, pace)
        yield 0
        batch: list[Page] = []
        for page in document:
            if self._stopped or not self._has_room(document, len(batch)):
                break
            batch.append(page)
            if len(batch) < engine.encoder.batch_size and page.number < document.page_count:
                continue
            if not self._embed(batch, engine) or not self._shelf.has_document(document.document_id):
                return
            batch = []
            pace.reach(page.number)
            self._report_pace(document.source, pace)
            yield 0
        if batch and not self._stopped:  # pages of a batch that was not full, because the last page could not be read
            self._embed(batch, engine)

    def _has_room(self, document: Document, pages: int) -> bool:
        """Return whether another page fits beside those of the batch at hand; says what is full if none does."""
        kept = self._shelf.nbytes + self.nbytes
        if limit := self._quota.page_limit(self._shelf.own_pages + pages, kept):
            self._shelf.note(document.source, None, *limit)
        elif not self._make_room():
            self._shelf.note(document.source, None, "server_full", SERVER_FULL)
        else:
            return True
        return False

    # ------------------------------------------------------------------ embedding

    def _embed_waiting(self, engine: Engine) -> Iterator[float]:
        pace = Pace(self._shelf.waiting_pages)
        while not self._stopped and (batch := self._shelf.waiting(engine.encoder.batch_size)):
            self._report_pace("Your pages, once more", pace)
            yield 0
            if not self._embed(batch, engine):
                return
            pace.reach(pace.total - self._shelf.waiting_pages)

    def _embed(self, pages: list[Page], engine: Engine) -> bool:
        """Embed a batch and put it on the shelf; a page that fails is noted. False if the rest must be given up."""
        self._presence.see()
        try:
            pictures = self._shelf.draw(pages, engine)
            with engine.turns.batch():
                if self._presence.left:
                    return False
                # Halves a batch that does not fit into the model's memory.
                embeddings = engine.encoder.embed_pages([page.image for page in pages])
            self._shelf.put(pages, embeddings, pictures, engine)
        except Exception as error:
            self._shelf.drop_pictures(pages)
            return self._go_on_after(error, pages, engine)
        return True

    def _go_on_after(self, error: Exception, pages: list[Page], engine: Engine) -> bool:
        """Embed the pages of a batch that failed one by one; False if the rest must be given up."""
        if self._presence.left:  # the folder of a visitor who left is gone
            return False
        if is_disk_full(error):
            log_fault("no space for pictures")
            self._shelf.note(pages[0].source, None, "disk_full", DISK_FULL)
            return False
        if len(pages) > 1:
            return all([self._embed([page], engine) for page in pages])
        self._shelf.stop_waiting(pages)
        self._shelf.note(pages[0].source, pages[0].number, *_embedding_failure(error))
        return True


def _embedding_failure(error: Exception) -> tuple[str, str]:
    """Code and sentence for a page that the model could not embed."""
    if getattr(error, "code", None) == "out_of_memory":
        logger.warning("%s", error)
        return "model_memory", "The model had too little memory for this page, so it was left out; add it again later."
    fault = log_fault("embedding a page")
    return "embedding_failed", f"This page could not be embedded and was left out. If it happens again, quote {fault}."
