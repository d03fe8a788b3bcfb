"""What is on a visitor's shelf: samples, documents of their own, pictures, and what could not be read."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from colpali_demo.documents import PageError
from colpali_demo.export.pictures import Pictures, page_id, write_pictures
from colpali_demo.retrieval import PageIndex
from colpali_demo.web.payload import DocumentEntry, LibraryValue, Progress, library_value
from colpali_demo.web.suggestions import suggested_queries

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import Document, DocumentError, Page
    from colpali_demo.encoder.layout import PageEmbedding
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.sources import Sample

Choice = Literal["all", "only", "with", "without"]

MAX_ERRORS = 1000  # errors kept, as many as one call names files; then the oldest go
WORD_BYTES = 250  # bytes in memory of a word of a text layer


@dataclass(frozen=True)
class Searchable:
    """What a visitor can search at one moment.

    indexes: pages that the encoder of the engine has embedded; none of them is empty
    samples: file names of the samples on the shelf, by the ids of their documents
    """

    engine: Engine
    indexes: list[PageIndex]
    samples: dict[str, str]


class Shelf:
    """The pages that a visitor can search, all of them embedded by the model of one engine.

    folder: takes the pictures of the visitor's own pages

    After a change of the model the visitor's own pages wait to be embedded once more. Threads may share it.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._samples: list[Sample] = []
        self._absent_samples: set[str] = set()  # their files; on the shelf before, and the present engine lacks them
        self._stand_in: Sample | None = None  # a sample that is there only because there was nothing else to show
        self._own: dict[str, Document] = {}  # documents by content hash, in order of arrival
        self._reading: Document | None = None
        self._indexes: dict[str, PageIndex] = {}  # indexes of the visitor's own documents, by content hash
        self._left_out: set[str] = set()  # documents that are on the shelf and not searched
        self._lone = False  # whether the next document of the visitor's own is to be searched alone
        self._waiting: list[Page] = []
        self._pictures: dict[str, Pictures] = {}
        self._sizes: dict[str, int] = {}  # bytes, by page key
        self._errors: list[PageError | DocumentError] = []
        self._lock = threading.RLock()

    @property
    def engine(self) -> Engine:
        """The engine whose model embeds the pages."""
        return self._engine

    @property
    def samples(self) -> list[Sample]:
        """The samples on the shelf."""
        with self._lock:
            return list(self._samples)

    @property
    def nbytes(self) -> int:
        """Memory and disk that the visitor's own pages take, nearly."""
        with self._lock:
            return sum(self._sizes.values())

    @property
    def own_pages(self) -> int:
        """How many pages of the visitor's own there are, those included that wait for another model."""
        with self._lock:
            return len(self._waiting) + len(self._own_pages)

    @property
    def has_own(self) -> bool:
        """Whether there are documents of the visitor's own."""
        return bool(self._own)

    def searchable(self) -> Searchable:
        """Return what is searched now: the chosen documents, or while none of them has pages, all that have."""
        with self._lock:
            samples = {sample.document_id: sample.source for sample in self._samples}
            return Searchable(self._engine, list(self._searched().values()), samples)

    def _searched(self) -> dict[str, PageIndex]:
        indexes = {sample.document_id: sample.index for sample in self._samples} | self._indexes
        filled = {id: index for id, index in indexes.items() if index is not None and len(index)}
        return {id: index for id, index in filled.items() if id not in self._left_out} or filled

    def queries(self) -> list[str]:
        """Return queries for the last document that is searched: a sample's own, or the headings of the visitor's."""
        with self._lock:
            last = next(reversed(self._searched()), None)
            own = self._indexes.get(last)
            sample = next((sample for sample in self._samples if sample.document_id == last), None)
        if own is not None:
            return suggested_queries(own.pages)
        return list(sample.queries) if sample is not None else []

    # ------------------------------------------------------------------ what is searched

    def choose(self, which: Choice, document_id: str) -> None:
        """Search all documents, only one, or one more or less; nothing changes where none would be left."""
        with self._lock:
            ids = self._ids()
            left_out = {
                "all": set(),
                "only": ids - {document_id},
                "with": self._left_out - {document_id},
                "without": self._left_out | {document_id},
            }[which]
            if ids - left_out:
                self._left_out = left_out

    def _ids(self) -> set[str]:
        return {*(sample.document_id for sample in self._samples), *self._own}

    def _choose_if_none_is_left(self) -> None:
        """Search all documents where the last of the chosen ones has gone."""
        if self._ids() <= self._left_out:
            self._left_out = set()

    def search_next_alone(self) -> None:
        """Leave out what is on the shelf once the next document of the visitor's own comes."""
        with self._lock:
            self._lone = True

    def pictures(self) -> dict[str, Pictures]:
        """Return the pictures of every page that is searched, by page key."""
        with self._lock:
            pictures = dict(self._pictures)
            for sample in self._samples:
                pictures |= sample.pictures
            return pictures

    def value(self, progress: Progress | None) -> LibraryValue:
        """Return the value of the library; `progress` is that of indexing."""
        with self._lock:
            counts = Counter(page.document_id for page in self._own_pages)
            documents = [*map(_sample_entry, self._samples)]
            documents += [_own_entry(document, counts[id]) for id, document in self._own.items()]
            for entry in documents:
                entry["searched"] = entry["document"] not in self._left_out
            failed = [
                PageError(sample.title, None, "sample_failed", sample.error) for sample in self._samples if sample.error
            ]
            errors = [*failed, *self._errors, *(self._reading.errors if self._reading is not None else ())]
            return library_value(documents, errors, progress or self._sample_progress())

    def _sample_progress(self) -> Progress | None:
        for sample in self._samples:
            if not sample.finished.is_set() and self._engine.state != "failed":
                return {"source": sample.title, "done": sample.indexed_pages, "total": sample.total, "cancel": False}
        return None

    # ------------------------------------------------------------------ samples and models

    def samples_ready(self) -> bool:
        """Return whether every sample on the shelf can be searched, or never will be."""
        return self._engine.state == "failed" or all(sample.finished.is_set() for sample in self.samples)

    def add_sample(self, file: str) -> Sample | None:
        """Put a sample on the shelf; None if there is none of that name."""
        with self._lock:
            sample = next((sample for sample in self._engine.samples if sample.source == file), None)
            if sample is self._stand_in:
                self._stand_in = None
            if sample is not None and sample not in self._samples:
                self._samples.append(sample)
                self._engine.embed_next(sample)
            return sample

    def start_with(self, engine: Engine) -> None:
        """Take another engine than the usual one, if nothing is on the shelf yet."""
        with self._lock:
            if not self._samples and not self._own:
                self._engine = engine

    def change_engine(self, engine: Engine) -> None:
        """Go over to another model: its samples, and the visitor's own pages once they are embedded with it."""
        with self._lock:
            self._waiting += self._own_pages
            self._engine, self._indexes, self._errors = engine, {}, []
            shelved = {sample.source for sample in self._samples if sample is not self._stand_in}
            self._take_samples(engine, shelved | self._absent_samples)

    def _take_samples(self, engine: Engine, files: set[str]) -> None:
        self._samples = [sample for sample in engine.samples if sample.source in files]
        self._absent_samples = files - {sample.source for sample in self._samples}
        self._stand_in = None
        # A set knows nothing of the visitor's own pages, so without a sample it would have nothing to show.
        has_own = engine.capabilities.embeds_pages and self._waiting
        if engine.samples and not self._samples and not has_own:
            self._stand_in = engine.samples[0]
            self._samples = [self._stand_in]
        self._choose_if_none_is_left()
        for sample in self._samples:
            engine.embed_next(sample)

    # ------------------------------------------------------------------ the visitor's own documents

    def begin_document(self, document: Document) -> bool:
        """Put a document on the shelf whose pages are about to come; False if it is there already."""
        with self._lock:
            if document.document_id in self._own:
                return False
            if self._lone:
                self._left_out = {*(sample.document_id for sample in self._samples), *self._own}
                self._lone = False
            self._own[document.document_id] = self._reading = document
            return True

    def end_document(self, document: Document) -> None:
        """Keep what could not be read of a document, and drop it if no page of it has come."""
        with self._lock:
            self._reading = None
            self._errors = [*self._errors, *document.errors][-MAX_ERRORS:]
            pages = [*self._waiting, *self._own_pages]
            if not any(page.document_id == document.document_id for page in pages):
                self._own.pop(document.document_id, None)
                self._choose_if_none_is_left()

    def has_document(self, document_id: str) -> bool:
        """Return whether a document of the visitor's own is there, and not removed meanwhile."""
        return document_id in self._own

    def draw(self, pages: Iterable[Page], engine: Engine) -> list[Pictures]:
        """Write the pictures of pages that are about to come, with what the model sees of them."""
        return [write_pictures(page, self._folder, engine.encoder.model_info["input"]) for page in pages]

    def put(
        self, pages: Sequence[Page], embeddings: Sequence[PageEmbedding], pictures: Sequence[Pictures], engine: Engine
    ) -> None:
        """Put pages on the shelf that the model of an engine has embedded.

        Pages of a document that was removed meanwhile are dropped; if the model has changed meanwhile, all others wait.
        """
        with self._lock:
            self.stop_waiting(pages)
            for page, embedding, drawn in zip(pages, embeddings, pictures, strict=True):
                if page.document_id not in self._own:
                    self._delete_files(drawn.key)
                    continue
                if engine is self._engine:
                    self._index_of(page.document_id).add_embedded(page, embedding)
                else:
                    self._waiting.append(page)
                self._pictures[drawn.key] = drawn
                self._sizes[drawn.key] = self._size(page, embedding)

    def _index_of(self, document_id: str) -> PageIndex:
        if document_id not in self._indexes:
            self._indexes[document_id] = PageIndex(self._engine.encoder)
        return self._indexes[document_id]

    @property
    def _own_pages(self) -> list[Page]:
        return [page for index in self._indexes.values() for page in index.pages]

    def _size(self, page: Page, embedding: PageEmbedding) -> int:
        files = sum(file.stat().st_size for file in self._folder.glob(f"{page_id(page)}.*"))
        return embedding.vectors.nbytes + len(page.jpeg) + files + WORD_BYTES * len(page.words)

    def waiting(self, count: int) -> list[Page]:
        """Return the next pages, `count` at most, that the present model has not embedded yet."""
        with self._lock:
            return self._waiting[:count]

    @property
    def waiting_pages(self) -> int:
        """How many pages the present model has not embedded yet."""
        return len(self._waiting)

    def stop_waiting(self, pages: Sequence[Page]) -> None:
        """Take pages out of those that wait for the present model."""
        with self._lock:
            keys = {page_id(page) for page in pages}
            self._waiting = [page for page in self._waiting if page_id(page) not in keys]

    def drop_pictures(self, pages: Iterable[Page]) -> None:
        """Delete the pictures of pages that could not be embedded."""
        with self._lock:
            for page in pages:
                self._delete_files(page_id(page))

    def _delete_files(self, key: str) -> None:
        self._sizes.pop(key, None)
        self._pictures.pop(key, None)
        for file in self._folder.glob(f"{key}.*"):  # files that were only begun match as well
            file.unlink(missing_ok=True)

    # ------------------------------------------------------------------ removing

    def remove(self, document_id: str) -> None:
        """Take a document off the shelf, with its pictures."""
        with self._lock:
            self._samples = [sample for sample in self._samples if sample.document_id != document_id]
            self._own.pop(document_id, None)
            self._waiting = [page for page in self._waiting if page.document_id != document_id]
            self._indexes.pop(document_id, None)
            self._left_out.discard(document_id)
            self._choose_if_none_is_left()
            for key in [key for key in self._pictures if key.startswith(f"{document_id}-")]:
                self._delete_files(key)

    def clear(self) -> None:
        """Take everything off the shelf."""
        with self._lock:
            for document_id in list(self._own):
                self.remove(document_id)
            self._samples, self._absent_samples, self._errors, self._left_out = [], set(), [], set()

    def note(self, source: str, page: int | None, code: str, text: str) -> None:
        """Say in the library what could not be done."""
        self.note_error(PageError(source, page, code, text))

    def note_error(self, error: PageError | DocumentError) -> None:
        """Say in the library what could not be read."""
        with self._lock:
            self._errors = [*self._errors[1 - MAX_ERRORS :], error]

    def dismiss_errors(self) -> None:
        """Forget what could not be read so far."""
        with self._lock:
            self._errors = []

    def delete_folder(self) -> None:
        """Delete all files of the visitor, at the end."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _sample_entry(sample: Sample) -> DocumentEntry:
    return {
        "document": sample.document_id,
        "source": sample.title,
        "pages": sample.indexed_pages,
        "of": sample.total,
        "sample": sample.source,
    }


def _own_entry(document: Document, pages: int) -> DocumentEntry:
    return {
        "document": document.document_id,
        "source": document.source,
        "pages": pages,
        "of": document.page_count,
        "sample": None,
    }
