"""One search: its pages, scores and terms, computed once, and everything that is read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from colpali_demo.encoder.calibration import WEAK_MATCH, word_mean
from colpali_demo.explain import Comparison, compare_with_others, compare_with_reference
from colpali_demo.explain.lead import LEAST_OTHERS
from colpali_demo.occlusion import Box, ErasedPage, erase, erase_all_but
from colpali_demo.retrieval.stores.base import PageKey, StoredPage, page_key
from colpali_demo.shown import ShownInNotebooks

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval.codecs import KeptVectors
    from colpali_demo.retrieval.embedder import PageEmbedder


@dataclass(frozen=True, eq=False)
class Hit(ShownInNotebooks):
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

    def including(self, maps: np.ndarray) -> CosineRange:
        """Return the range with the maps of one page more, (tokens, rows, cols), which may lie beyond it."""
        lowest, highest = min(self.lowest, float(maps.min())), max(self.highest, float(maps.max()))
        return replace(self, lowest=lowest, highest=highest)


class Explainer(Protocol):
    """Scores any page for the query of a ranking as the method does, and says why."""

    def terms(self, kept: KeptVectors) -> np.ndarray:
        """Return what each token adds to the score of a page: float32 (tokens,)."""
        ...

    def explain(self, stored: StoredPage, comparison: Comparison | None) -> Explanation:
        """Explain the score of a page, compared with others or with nothing."""
        ...


class NoLedger(ValueError):
    """A page was to be explained that a method ranked which gives no terms of tokens."""


class Ranking(ShownInNotebooks, Sequence[Hit]):
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
        explainer: Explainer | None = None,
        embedder: PageEmbedder | None = None,
    ) -> None:
        """Order `pages` by their `scores`.

        terms: float32 (pages, tokens), in the order of `pages`
        explainer: explains any page as the method scores it, compared with others or with nothing
        embedder: embeds reference pages and edited pages; without it, those cannot be had
        """
        order = sorted(range(len(pages)), key=lambda place: -scores[place])
        self.query = query
        self.method = method
        self.cosines = cosines
        self._pages = [pages[place] for place in order]
        self._scores = [scores[place] for place in order]
        self._terms = None if terms is None else terms[order]
        self._explainer = explainer
        self._embedder = embedder

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
    def model(self) -> ModelInfo | None:
        """What made the vectors; None for a ranking that was made without an embedder."""
        return None if self._embedder is None else self._embedder.encoder.model_info

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

    def comparison(self, page: Page) -> Comparison | None:
        """Return what the terms of a page are compared with: the other pages searched.

        Where there are fewer than `LEAST_OTHERS` of them, those are the reference pages of the checkpoint. None without
        a ledger, and where reference pages are needed and cannot be had. Raises KeyError if the page was not searched.
        """
        place = self._place(page)
        if self._terms is None:
            return None
        if len(self) > LEAST_OTHERS:
            return compare_with_others(self._terms, place, self._total)
        return None if self.reference_terms is None else compare_with_reference(self.reference_terms)

    @cached_property
    def _total(self) -> np.ndarray:
        return self._terms.sum(axis=0, dtype=np.float64)

    @cached_property
    def reference_terms(self) -> np.ndarray | None:
        """What each token adds to the score of each reference page of the checkpoint: float32 (pages, tokens).

        None without a ledger, and for a ranking that was made without an embedder.
        """
        if self._explainer is None or self._embedder is None:
            return None
        return np.stack([self._explainer.terms(kept) for kept in self._embedder.reference_pages()])

    def explain(self, page: Page) -> Explanation:
        """Explain the score of any page, hit or not.

        Raises KeyError if the page was not searched, NoLedger if the method gives no terms of tokens.
        """
        return self._explained(self.stored(page))

    def without(self, page: Page, boxes: Sequence[Box]) -> Explanation:
        """Erase boxes of a page, embed it anew, and explain the score that it has then.

        Boxes are (left, top, right, bottom) in shares of the page. It is compared with the same pages as before, and
        neither the ranking nor the index is changed. Raises as `explain`, ValueError for a box that is none, and
        CheckpointError(not_precomputed) where there is no model.
        """
        self._place(page)
        return self._seen_anew(erase(page, boxes))

    def only(self, page: Page, boxes: Sequence[Box]) -> Explanation:
        """Erase everything but these boxes of a page, and explain the score that it has then, as `without` does."""
        self._place(page)
        return self._seen_anew(erase_all_but(page, boxes))

    def _seen_anew(self, page: ErasedPage) -> Explanation:
        if self._embedder is None:
            raise ValueError("this ranking was made without an embedder, so that no page can be embedded anew")
        (kept,) = self._embedder.embed([page.image])
        return self._explained(StoredPage(page, kept))

    def _explained(self, stored: StoredPage) -> Explanation:
        if self._explainer is None:
            raise NoLedger(f"the method {self.method!r} gives a score and no terms of tokens")
        return replace(self._explainer.explain(stored, self.comparison(stored.page)), model=self.model)

    def strength(self, match: Hit | Explanation) -> dict[str, Any] | None:
        """Say whether a match of this query is weak, see `encoder.calibration`; None without a ledger.

        {"weak", "word_mean", "threshold", "sentence"}: the sentence says what weak means, None where it is not. A query
        without typed words has no word mean (None), and its matches are weak.
        """
        if self.reference_terms is None:
            return None
        terms = match.terms if isinstance(match, Hit) else [token.maxsim for token in match.tokens]
        divisor = self.query.divisor  # a checkpoint is calibrated in cosines, whatever its terms are divided by
        cosines = [term * divisor for term in terms]
        found = word_mean(self.query, cosines, self.reference_terms * divisor)
        threshold = self._embedder.encoder.calibration.threshold
        weak = found is None or found < threshold
        return {
            "weak": weak,
            "word_mean": found,
            "threshold": threshold,
            "sentence": WEAK_MATCH if weak else None,
        }

    def _place(self, page: Page) -> int:
        place = self._places.get(page_key(page))
        if place is None:
            raise KeyError(f"page {page.number} of {page.source} was not searched")
        return place
