"""What set a page apart: the terms of its score against those that the same tokens reach elsewhere.

"the" has a high MaxSim on every page, so a score is mostly made of what all pages share. Subtract from each term what
the token reaches on average elsewhere, and what is left is the lead. Both sides are sums over the same tokens, so the
leads sum to the score minus the mean score of the pages that it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

LEAST_OTHERS = 3
"""Other pages, at least, that a page is compared with: the mean of one or two is the whim of a page."""


@dataclass(frozen=True)
class Comparison:
    """What the terms of a page are compared with.

    expected: the mean term of each token on the compared pages, (tokens,)
    kind: "others", the other pages searched, or "reference", the reference pages of the checkpoint
    pages: how many pages those are
    """

    expected: tuple[float, ...]
    kind: Literal["others", "reference"]
    pages: int

    @property
    def score(self) -> float:
        """The mean score of the compared pages."""
        return sum(self.expected)

    @property
    def text(self) -> str:
        """What the compared pages are, in words: "the 12 other pages"."""
        return f"the {self.pages} other pages" if self.kind == "others" else "reference pages of plain words"


def compare_with_others(terms: np.ndarray, place: int, total: np.ndarray) -> Comparison:
    """Compare one of several pages with all the others, in time that does not depend on how many there are.

    terms: of every page, float32 (pages, tokens)
    place: the row of the page that is compared
    total: the sum of `terms` over the pages, float64 (tokens,)
    """
    others = len(terms) - 1
    return Comparison(tuple(((total - terms[place]) / others).tolist()), "others", others)


def compare_with_reference(terms: np.ndarray) -> Comparison:
    """Compare a page with reference pages, whose terms are float32 (pages, tokens)."""
    return Comparison(tuple(terms.mean(axis=0, dtype=np.float64).tolist()), "reference", len(terms))
