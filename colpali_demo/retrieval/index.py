"""Pages of any number of documents, searched with one encoder: an encoder, a store, a codec and a ranker, joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from colpali_demo.retrieval.codecs import CODECS
from colpali_demo.retrieval.embedder import PageEmbedder
from colpali_demo.retrieval.pooling import pooled
from colpali_demo.retrieval.rankers import RANKERS
from colpali_demo.retrieval.stores import STORES, StoredPage, page_key

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import Page
    from colpali_demo.encoder import Encoder, PageEmbedding, QueryEmbedding
    from colpali_demo.retrieval.ranking import Hit, Ranking

Progress = Callable[[int, int | None, "Page"], None]
DEFAULT_METHOD = "maxsim"


class PageIndex:
    """Pages that can be searched.

    encoder: embeds pages and queries
    store: where pages are kept, a name in `stores.STORES`
    precision: how their vectors are kept, a name in `codecs.CODECS`
    pool_factor: how many patches share a vector, about; 1 keeps all, see `pooling`

    May be shared by threads: a search may run while pages are being added, and covers those that are in.
    Raises KeyError for a store or a precision that does not exist, ValueError for a pooling factor below 1.
    """

    def __init__(
        self, encoder: Encoder, *, store: str = "memory", precision: str = "float32", pool_factor: int = 1
    ) -> None:
        self.encoder = encoder
        self._embedder = PageEmbedder(encoder, pooled(CODECS[precision], pool_factor))
        self._store = STORES[store]()

    def __len__(self) -> int:
        return len(self._store.pages())

    @property
    def pages(self) -> list[Page]:
        """The indexed pages, in the order in which they came."""
        return [stored.page for stored in self._store.pages()]

    @property
    def nbytes(self) -> int:
        """Memory of all vectors in bytes."""
        return sum(stored.kept.nbytes for stored in self._store.pages())

    def add(self, pages: Iterable[Page], progress: Progress | None = None) -> int:
        """Embed and add the pages of a document; each batch can be searched as soon as it is in.

        A page that the index has already (same document, same number) is not embedded again. After every page
        `progress(done, total, page)` is called; `total` is None where `pages` has no length. Returns the number of
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

    def add_embedded(self, page: Page, embedding: PageEmbedding) -> bool:
        """Add a page whose vectors are known, made by the index's own encoder. False if the index has it already."""
        return self._store.add(StoredPage(page, self._embedder.keep(embedding)))

    def _add_batch(self, pages: list[Page]) -> int:
        new = [page for page in pages if page_key(page) not in self._store]
        embeddings = self.encoder.embed_pages([page.image for page in new])
        return sum(self.add_embedded(page, embedding) for page, embedding in zip(new, embeddings, strict=True))

    def remove(self, document_id: str) -> int:
        """Remove all pages of a document (`Page.document_id`). Returns how many there were."""
        return self._store.remove(document_id)

    def search(self, query: str | QueryEmbedding, top_k: int = 5, method: str = DEFAULT_METHOD) -> list[Hit]:
        """Return the `top_k` best pages, best first."""
        return self.rank(query, method, explained=top_k)[:top_k]

    def rank(self, query: str | QueryEmbedding, method: str = DEFAULT_METHOD, explained: int = 0) -> Ranking:
        """Rank every page by a method, a name in `rankers.RANKERS`.

        Any page of the ranking can be explained; of the `explained` best the cosines are kept for that. Raises KeyError
        for a method that does not exist.
        """
        return rank_together([self], query, method, explained)

    def strength(self, hit: Hit) -> dict[str, Any] | None:
        """Say whether a match is weak, see `Ranking.strength`."""
        return hit.ranking.strength(hit)


def open_set(place: Path) -> PageIndex:
    """Open a set that was computed beforehand, a folder or a file, all its pages ready to be searched.

    Only the queries of the set can be asked. Raises CheckpointError, see `PrecomputedSet`.
    """
    from colpali_demo.encoder.precomputed import PrecomputedSet  # imports transformers, which takes seconds

    precomputed = PrecomputedSet(place)
    index = PageIndex(precomputed.encoder)
    for document in precomputed.documents:
        for page, embedding in precomputed.pages(document):
            index.add_embedded(page, embedding)
    return index


def rank_together(
    indexes: Iterable[PageIndex], query: str | QueryEmbedding, method: str = DEFAULT_METHOD, explained: int = 0
) -> Ranking:
    """Rank the pages of several indexes of one encoder as if they were in one index."""
    indexes = list(indexes)
    if isinstance(query, str):
        query = indexes[0].encoder.embed_query(query)
    pages = [stored for index in indexes for stored in index._store.pages()]
    return RANKERS[method].rank(query, pages, explained, indexes[0]._embedder)
