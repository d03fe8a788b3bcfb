"""What a ranker can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.retrieval.embedder import PageEmbedder
    from colpali_demo.retrieval.ranking import Ranking
    from colpali_demo.retrieval.stores import StoredPage


class Ranker(Protocol):
    """One way to order pages.

    name: what `PageIndex.rank(method=)` takes
    title: what people call it
    has_terms: whether its scores are sums of one term a token, so that pages can be explained
    """

    name: str
    title: str
    has_terms: bool

    def rank(
        self,
        query: QueryEmbedding,
        pages: Sequence[StoredPage],
        explained: int = 0,
        embedder: PageEmbedder | None = None,
    ) -> Ranking:
        """Rank pages.

        explained: how many of the best pages will be explained: their cosines are worth keeping
        embedder: for the ranking, which embeds reference pages and edited pages with it
        """
        ...
