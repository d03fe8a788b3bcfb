"""Pages kept in memory as multi-vectors, and searched one by one: exact late interaction, no shortcuts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from colpali_demo import maxsim
from colpali_demo.explain import Explanation, explain

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.encoder import Encoder
    from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding

Progress = Callable[[int, int | None, "Page"], None]


@dataclass(frozen=True, eq=False)
class Hit:
    """A ranked page. `rank` counts from 1; `maxima` holds the MaxSim of every query token, and `score` is their sum."""

    rank: int
    page: Page
    score: float
    maxima: tuple[float, ...] = field(repr=False)
    query: QueryEmbedding = field(repr=False)
    embedding: PageEmbedding = field(repr=False)

    def explain(self) -> Explanation:
        """Why the page has this score. Works on the vectors that ranked it, even after the page left the index."""
        return explain(self.query, self.page, self.embedding)


class PageIndex:
    """Pages of any number of documents, searched with one encoder.

    May be shared by threads: a search may run while pages are being added, and sees those that are in.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        # In the order in which pages came. Guarded by the lock, which is never held while the model runs.
        self._entries: dict[tuple[str, int], tuple[Page, PageEmbedding]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def pages(self) -> list[Page]:
        """The indexed pages, in the order in which they came."""
        return [page for page, _ in self._snapshot()]

    @property
    def nbytes(self) -> int:
        """Memory of all vectors in bytes."""
        return sum(embedding.nbytes for _, embedding in self._snapshot())

    def add(self, pages: Iterable[Page], progress: Progress | None = None) -> int:
        """Embed and add the pages of a document; each batch can be searched as soon as it is in.

        A page that the index has already (same document, same number) is not embedded again. After every page
        `progress(done, total, page)` is called; `total` is None where `pages` does not tell it. Returns the number of
        pages that are new. Raises CheckpointError if the model runs out of memory; pages already in stay.
        """
        total = getattr(pages, "page_count", None)
        if total is None and hasattr(pages, "__len__"):
            total = len(pages)
        added = done = 0
        batch: list[Page] = []

        def flush() -> None:
            nonlocal added, done
            added += self._add_batch(batch)
            for page in batch:
                done += 1
                if progress is not None:
                    progress(done, total, page)
            batch.clear()

        for page in pages:
            batch.append(page)
            if len(batch) == self.encoder.batch_size:
                flush()
        flush()
        return added

    def add_page(self, page: Page) -> bool:
        """Embed and add one page. False if the index has it already."""
        return self._add_batch([page]) == 1

    def add_embedded(self, page: Page, embedding: PageEmbedding) -> None:
        """Add a page whose vectors are known already; they have to be those of the index's own encoder."""
        with self._lock:
            self._entries.setdefault(_key(page), (page, embedding))

    def _add_batch(self, pages: list[Page]) -> int:
        with self._lock:
            new = [page for page in pages if _key(page) not in self._entries]
        embeddings = self.encoder.embed_pages([page.image for page in new])
        with self._lock:
            before = len(self._entries)
            for page, embedding in zip(new, embeddings, strict=True):
                self._entries.setdefault(_key(page), (page, embedding))
            return len(self._entries) - before

    def remove(self, document: str) -> int:
        """Remove all pages of a document, named by its content hash (`Page.document`). Returns how many there were."""
        with self._lock:
            keys = [key for key in self._entries if key[0] == document]
            for key in keys:
                del self._entries[key]
        return len(keys)

    def search(self, query: str | QueryEmbedding, top_k: int = 5) -> list[Hit]:
        """The `top_k` best pages, best first."""
        return self.rank(query)[:top_k]

    def rank(self, query: str | QueryEmbedding) -> list[Hit]:
        """Every page with its score, best first. Of pages with equal scores the one added earlier comes first."""
        query = self._embedded(query)
        scored = []
        for page, embedding in self._snapshot():
            maxima, _ = maxsim.row_maxima(maxsim.similarities(query.vectors, embedding.vectors))
            scored.append((maxsim.total(maxima), tuple(maxima.tolist()), page, embedding))
        scored.sort(key=lambda entry: entry[0], reverse=True)  # stable, also in reverse
        return [
            Hit(rank, page, score, maxima, query, embedding)
            for rank, (score, maxima, page, embedding) in enumerate(scored, start=1)
        ]

    def explain(self, query: str | QueryEmbedding, page: Page) -> Explanation:
        """Why a page of the index has its score, hit or not. Raises KeyError if the page is not in the index."""
        with self._lock:
            entry = self._entries.get(_key(page))
        if entry is None:
            raise KeyError(f"page {page.number} of {page.source} is not in the index")
        return explain(self._embedded(query), *entry)

    def strength(self, match: Hit | Explanation) -> dict[str, Any]:
        """Whether a match is weak: {"weak", "word_mean", "threshold"}, see `encoder.calibration`.

        A query without typed words has no word mean (None), and its matches are weak.
        """
        maxima = match.maxima if isinstance(match, Hit) else [token.maxsim for token in match.tokens]
        word_mean = match.query.word_mean(maxima)
        threshold = self.encoder.calibration.threshold
        return {
            "weak": word_mean is None or word_mean < threshold,
            "word_mean": word_mean,
            "threshold": threshold,
        }

    def _embedded(self, query: str | QueryEmbedding) -> QueryEmbedding:
        return self.encoder.embed_query(query) if isinstance(query, str) else query

    def _snapshot(self) -> list[tuple[Page, PageEmbedding]]:
        with self._lock:
            return list(self._entries.values())


def rank_together(indexes: Iterable[PageIndex], query: QueryEmbedding) -> list[Hit]:
    """Every page of several indexes of one encoder with its score, best first."""
    hits = sorted((hit for index in indexes for hit in index.rank(query)), key=lambda hit: -hit.score)
    return [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]


def _key(page: Page) -> tuple[str, int]:
    return page.document, page.number
