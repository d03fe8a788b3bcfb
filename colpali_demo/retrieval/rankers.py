"""How pages are ordered for a query. A ranker is a class like those below and one entry in `RANKERS`."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colpali_demo import maxsim
from colpali_demo.explain import explain
from colpali_demo.retrieval.ranking import CosineRange, Ranking

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.explain import Comparison, Explanation
    from colpali_demo.retrieval.codecs import KeptVectors
    from colpali_demo.retrieval.embedder import PageEmbedder
    from colpali_demo.retrieval.stores.base import StoredPage

SAMPLED = 1000  # cosines of a page that go into the median, at least, where it has so many


class Ranker(Protocol):
    """One way to order pages.

    name: what `PageIndex.rank(method=)` takes
    title: what people call it
    """

    name: str
    title: str

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


@dataclass(frozen=True)
class LateInteraction:
    """Every token is compared with every vector of a page; the score is the sum of one term a token.

    reduce: cosines (tokens, vectors) to the terms (tokens,) and their winners (tokens,), indices of vectors
    """

    name: str
    title: str
    reduce: Callable[[Tensor], tuple[Tensor, Tensor]]

    def rank(
        self,
        query: QueryEmbedding,
        pages: Sequence[StoredPage],
        explained: int = 0,
        embedder: PageEmbedder | None = None,
    ) -> Ranking:
        """Compare one page after the other, so that memory holds the cosines of one page and of those to explain."""
        scores, rows, extent = [], [], _Extent()
        best: list[tuple[float, int, Tensor]] = []  # a heap of (score, -place, cosines)
        for place, stored in enumerate(pages):
            similarities = stored.kept.similarities(query.vectors)
            terms, _ = self.reduce(similarities)
            scores.append(maxsim.total(terms))
            rows.append(terms)
            extent.see(similarities, stored)
            heapq.heappush(best, (scores[-1], -place, similarities))
            if len(best) > explained:
                heapq.heappop(best)
        known = {pages[-place]: similarities for _, place, similarities in best}
        return Ranking(
            query=query,
            method=self.name,
            pages=pages,
            scores=scores,
            terms=torch.stack(rows).numpy() if rows else None,
            cosines=extent.found(),
            explainer=_LateInteractionExplainer(query, self.reduce, known),
            embedder=embedder,
        )


@dataclass(frozen=True)
class _LateInteractionExplainer:
    """Scores and explains pages for one query; the cosines of some, `known`, need not be computed again."""

    query: QueryEmbedding
    reduce: Callable[[Tensor], tuple[Tensor, Tensor]]
    known: dict[StoredPage, Tensor]

    def terms(self, kept: KeptVectors) -> np.ndarray:
        return self.reduce(kept.similarities(self.query.vectors))[0].numpy()

    def explain(self, stored: StoredPage, comparison: Comparison | None) -> Explanation:
        similarities = self.known.get(stored)
        if similarities is None:
            # The same product of the same numbers, one page at a time as in the search: the same cosines, bit by bit.
            similarities = stored.kept.similarities(self.query.vectors)
        terms, winners = self.reduce(similarities)
        return explain(self.query, stored.page, stored.kept.layout, similarities, terms, winners, comparison)


class _Extent:
    """The lowest and highest cosine of tokens with patches, and a sample for their median."""

    def __init__(self) -> None:
        self._lowest, self._highest = float("inf"), -float("inf")
        self._sample: list[Tensor] = []

    def see(self, similarities: Tensor, stored: StoredPage) -> None:
        patches = similarities[:, stored.kept.layout.patch_selection]
        # Row by row: torch is ten times slower at reducing a part of a matrix at once.
        self._lowest = min(self._lowest, float(patches.amin(dim=1).min()))
        self._highest = max(self._highest, float(patches.amax(dim=1).max()))
        step = max(1, patches.numel() // SAMPLED)
        step -= step % 2 == 0  # odd, so that no column of the grid is left out
        self._sample.append(patches[:, ::step].flatten())

    def found(self) -> CosineRange | None:
        if not self._sample:
            return None
        sample = torch.cat(self._sample).numpy()
        return CosineRange(self._lowest, self._highest, float(np.median(sample)), len(sample))


@dataclass(frozen=True)
class MeanVector:
    """Query and page are each pooled into the mean of their vectors; the score is the cosine of the two means.

    A stand-in for a bi-encoder, and an unfair one: a model that is trained to make one vector makes a better one.
    """

    name: str
    title: str

    def rank(
        self,
        query: QueryEmbedding,
        pages: Sequence[StoredPage],
        explained: int = 0,
        embedder: PageEmbedder | None = None,
    ) -> Ranking:
        asked = mean_vector(query.vectors)
        scores = [float(asked @ mean_vector(stored.kept.vectors)) for stored in pages]
        return Ranking(query=query, method=self.name, pages=pages, scores=scores, embedder=embedder)


def mean_vector(vectors: Tensor) -> Tensor:
    """Pool all vectors of a page or a query into one: (vectors, dim) -> (dim,), the mean, scaled to length 1."""
    return F.normalize(vectors.float().mean(dim=0), dim=0)


def similarities_to_mean(vectors: Tensor, page: Tensor) -> Tensor:
    """Return the cosine of each vector with the mean of a page's: (n, dim), (vectors, dim) -> (n,)."""
    return maxsim.similarities(vectors, mean_vector(page)[None])[:, 0]


RANKERS: dict[str, Ranker] = {
    ranker.name: ranker
    for ranker in (
        LateInteraction("maxsim", "late interaction", maxsim.row_maxima),
        MeanVector("mean", "one mean vector"),
    )
}
"""The rankers by name."""
