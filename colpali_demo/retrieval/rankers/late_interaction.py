"""Late interaction: every token of a query is compared with every vector of a page."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from colpali_demo import maxsim
from colpali_demo.explain import explain
from colpali_demo.retrieval.ranking import CosineRange, Ranking

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.explain import Comparison, Explanation
    from colpali_demo.retrieval.codecs import KeptVectors
    from colpali_demo.retrieval.embedder import PageEmbedder
    from colpali_demo.retrieval.stores import StoredPage

SAMPLED = 1000  # cosines of a page that go into the median, at least, where it has so many


@dataclass(frozen=True)
class LateInteraction:
    """Every token is compared with every vector of a page; the score is the sum of one term a token.

    reduce: cosines (tokens, vectors) to what each token found (tokens,) and where (tokens,), indices of vectors.
        Divided by the query's `divisor`, which is 1 unless a family scores by the mean, these are the terms.
    """

    name: str
    title: str
    reduce: Callable[[Tensor], tuple[Tensor, Tensor]]
    has_terms: ClassVar[bool] = True

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
            terms = self.reduce(similarities)[0] / query.divisor
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
        return (self.reduce(kept.similarities(self.query.vectors))[0] / self.query.divisor).numpy()

    def explain(self, stored: StoredPage, comparison: Comparison | None) -> Explanation:
        similarities = self.known.get(stored)
        if similarities is None:
            # The same product of the same numbers, one page at a time as in the search: the same cosines, bit by bit.
            similarities = stored.kept.similarities(self.query.vectors)
        found, winners = self.reduce(similarities)
        terms = found / self.query.divisor
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
