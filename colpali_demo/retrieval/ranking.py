"""One search: its pages, scores and terms, computed once, and everything that is read from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

from colpali_demo.retrieval.stores.base import PageKey, StoredPage, page_key

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.explain import Explanation


@dataclass(frozen=True, eq=False)
class Hit:
    """A ranked page. `rank` counts from 1; `terms` holds what each query token adds to `score`, (tokens,)."""

    rank: int
    page: Page
    score: float
    terms: tuple[float, ...] | None = field(repr=False)
    ranking: Ranking = field(repr=False)

    @property
    def query(self) -> QueryEmbedding:
        """The query that was asked."""
        return self.ranking.query

    def explain(self) -> Explanation:
        """Explain the score with the numbers that ranked the page, even after it has left the index."""
        return self.ranking.explain(self.page)


@dataclass(frozen=True)
class CosineRange:
    """Where the cosines of all tokens with all patches of all the pages lie.

    lowest, highest: over every one of them
    median: of a sample of them, taken at even distances; `sample` is how many
    """

    lowest: float
    highest: float
    median: float
    sample: int


class NoLedger(ValueError):
    """A page was to be explained that a method ranked which gives no terms of tokens."""


class Ranking(Sequence[Hit]):
    """Every page searched, best first; a sequence of its hits. Of equal scores the page added earlier comes first.

    query: what was asked
    method: the name of the ranker
    cosines: where the cosines of the search lie; None for a method that compares none
    """

    def __init__(
        self,
        query: QueryEmbedding,
        method: str,
        pages: Sequence[StoredPage],
        scores: Sequence[float],
        terms: np.ndarray | None = None,
        cosines: CosineRange | None = None,
        explainer: Callable[[StoredPage], Explanation] | None = None,
    ) -> None:
        """Order `pages` by their `scores`; `terms` is float32 (pages, tokens), in the order of `pages`."""
        order = sorted(range(len(pages)), key=lambda place: -scores[place])
        self.query = query
        self.method = method
        self.cosines = cosines
        self._pages = [pages[place] for place in order]
        self._scores = [scores[place] for place in order]
        self._terms = None if terms is None else terms[order]
        self._explainer = explainer

    def __len__(self) -> int:
        return len(self._pages)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> list[Hit]: ...
    def __getitem__(self, place: int | slice) -> Hit | list[Hit]:
        return self._hits[place]

    @cached_property
    def _hits(self) -> list[Hit]:
        rows = [None] * len(self) if self._terms is None else map(tuple, self._terms.tolist())
        return [
            Hit(rank, stored.page, score, terms, self)
            for rank, (stored, score, terms) in enumerate(zip(self._pages, self._scores, rows, strict=True), start=1)
        ]

    @cached_property
    def _places(self) -> Mapping[PageKey, int]:
        return {stored.key: place for place, stored in enumerate(self._pages)}

    @property
    def terms(self) -> np.ndarray | None:
        """What each token adds to each score: float32 (pages, tokens), best page first. None without a ledger."""
        return self._terms

    @property
    def stored_pages(self) -> list[StoredPage]:
        """The pages with their vectors as they are kept, best first."""
        return list(self._pages)

    def stored(self, page: Page) -> StoredPage:
        """Return a page with its vectors. Raises KeyError if it was not searched."""
        return self._pages[self._place(page)]

    def hit(self, page: Page) -> Hit:
        """Return the hit of any page. Raises KeyError if it was not searched."""
        return self._hits[self._place(page)]

    def explain(self, page: Page) -> Explanation:
        """Explain the score of any page, hit or not.

        Raises KeyError if the page was not searched, NoLedger if the method gives no terms of tokens.
        """
        if self._explainer is None:
            raise NoLedger(f"the method {self.method!r} gives a score and no terms of tokens")
        return self._explainer(self.stored(page))

    def _place(self, page: Page) -> int:
        place = self._places.get(page_key(page))
        if place is None:
            raise KeyError(f"page {page.number} of {page.source} was not searched")
        return place
