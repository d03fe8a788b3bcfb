"""Why a page got its score: the ledger of its terms, and the similarity maps.

An `Explanation` is not a second opinion about a page. It keeps the very numbers that ranked it: the similarities, their
row maxima, and the sum of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from colpali_demo import maxsim
from colpali_demo.encoder.calibration import is_function_word
from colpali_demo.explain.regions import Region, Winner, find_regions
from colpali_demo.explain.words import words_under
from colpali_demo.shown import ShownInNotebooks

if TYPE_CHECKING:
    from torch import Tensor

    from colpali_demo.documents import Page
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.encoder.layout import Cell, PageLayout, QueryEmbedding, TokenKind
    from colpali_demo.explain.lead import Comparison


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """One line of the ledger: what a query token found on the page, and where.

    index, text, kind, word: the token, as in `QueryToken`
    maxsim: its cosine with the winner, the most similar vector of the page; the lines sum to the score
    expected: its mean MaxSim on the pages of the explanation's `comparison`; None where there is none
    vector: the winner, an index into the page's vectors
    slot: what the winner is
    cells: the cells that a winning "patch" covers, one or several; row, col are those of its only cell
    slot_text: of a winning "text" (a token of the page's prompt) its text
    margin: `maxsim` minus the best of the other vectors, leaving out the 3x3 cells around each cell of a winner that is
        a patch (neighbors see the same ink); None when no vector is left
    words: the words of the page's text layer under the winning patch
    """

    index: int
    text: str
    kind: TokenKind
    word: int | None
    maxsim: float
    expected: float | None
    vector: int
    slot: Literal["patch", "text", "tile"]
    cells: tuple[Cell, ...]
    slot_text: str | None
    margin: float | None
    words: tuple[str, ...]

    @property
    def lead(self) -> float | None:
        """What the token adds to the lead of the page: `maxsim` minus `expected`. None where nothing is expected."""
        return None if self.expected is None else self.maxsim - self.expected

    @property
    def row(self) -> int | None:
        """Row of the winner's cell; None unless it covers exactly one."""
        return self.cells[0][0] if len(self.cells) == 1 else None

    @property
    def col(self) -> int | None:
        """Column of the winner's cell; None unless it covers exactly one."""
        return self.cells[0][1] if len(self.cells) == 1 else None


@dataclass(frozen=True, eq=False)
class Explanation(ShownInNotebooks):
    """Everything behind the score of one page for one query.

    tokens: the ledger, one TokenMatch per query token, in the query's order
    similarities: float32 (tokens, vectors), the cosine of every token with every vector of the page
    score: the sum of the ledger's `maxsim`
    comparison: the pages that `expected` and `lead` of the tokens compare with; None where there are none
    model: what made the vectors; None where that is not known
    """

    query: QueryEmbedding
    page: Page
    layout: PageLayout
    tokens: list[TokenMatch]
    similarities: np.ndarray
    score: float
    comparison: Comparison | None = None
    model: ModelInfo | None = None

    @property
    def expected_score(self) -> float | None:
        """The mean score of the compared pages; None where there are none."""
        return None if self.comparison is None else self.comparison.score

    @property
    def leading(self) -> int | None:
        """Index of the typed token to look at first: the one with the largest lead that is part of no function word.

        Of a query of nothing but function words it is the one with the largest lead, and where nothing is expected the
        one with the highest MaxSim. None when no word was typed.
        """
        typed = [token for token in self.tokens if token.kind == "word"]
        telling = [token for token in typed if not is_function_word(self.query.words[token.word])]
        best = max(telling or typed, key=lambda token: token.maxsim if token.lead is None else token.lead, default=None)
        return None if best is None else best.index

    def regions(self) -> list[Region]:
        """Return the boxes that the tokens' winners lie in, the largest lead first, see `explain.regions`."""
        winners = [Winner(token.index, token.cells, token.maxsim, token.lead) for token in self.tokens]
        return find_regions(winners, self.layout, self.page.words)

    @cached_property
    def maps(self) -> np.ndarray:
        """The similarity maps: float32 (tokens, rows, cols), cosines, not normalized."""
        return self.similarities[:, self.layout.patch_vectors]


def explain(
    query: QueryEmbedding,
    page: Page,
    layout: PageLayout,
    similarities: Tensor,
    terms: Tensor,
    winners: Tensor,
    comparison: Comparison | None = None,
) -> Explanation:
    """Explain the score of a page with what its ranking computed.

    layout: what the vectors of the page stand for
    similarities: the cosine of every token with every vector of the page, float32 (tokens, vectors)
    terms, winners: what each token adds to the score, and the vector where it found that, (tokens,) each
    comparison: the pages to compare the terms with, if any
    """
    matrix = similarities.numpy()
    expected = [None] * len(query.tokens) if comparison is None else comparison.expected
    tokens = []
    for token, term, mean, vector in zip(query.tokens, terms.tolist(), expected, winners.tolist(), strict=True):
        slot = layout.slots[vector]
        tokens.append(
            TokenMatch(
                index=token.index,
                text=token.text,
                kind=token.kind,
                word=token.word,
                maxsim=term,
                expected=mean,
                vector=vector,
                slot=slot.kind,
                cells=slot.cells,
                slot_text=slot.text,
                margin=margin(matrix[token.index], vector, layout),
                words=words_under(page.words, layout, slot.cells),
            )
        )
    return Explanation(query, page, layout, tokens, matrix, maxsim.total(terms), comparison)


def margin(row: np.ndarray, vector: int, layout: PageLayout) -> float | None:
    """Return how far the winner of one token is ahead of the best vector elsewhere.

    `row` holds the token's cosines, (vectors,). A winner that is a patch is compared with everything outside the 3x3
    cells around each of its own, another winner with everything but itself. None when nothing is left to compare with.
    """
    rivals = np.ones(len(row), dtype=bool)
    rivals[vector] = False
    if cells := layout.slots[vector].cells:
        rivals[layout.neighborhood(cells)] = False
    return float(row[vector]) - float(row[rivals].max()) if rivals.any() else None


def place_text(match: TokenMatch) -> str:
    """Say where a winner lies: "patch in row 3, column 4", or "12 patches pooled around row 3, column 4"."""
    if len(match.cells) == 1:
        return f"patch in row {match.row}, column {match.col}"
    row, col = (round(sum(cell[axis] for cell in match.cells) / len(match.cells)) for axis in (0, 1))
    return f"{len(match.cells)} patches pooled around row {row}, column {col}"


def differences(a: Explanation, b: Explanation) -> list[float]:
    """Return what each query token adds to the lead of page `a` over page `b`, one number per token.

    They sum to `a.score - b.score`. Raises ValueError if the two explanations are not of the same query.
    """
    if [(token.id, token.text) for token in a.query.tokens] != [(token.id, token.text) for token in b.query.tokens]:
        raise ValueError("the explanations are of two different queries")
    return [ours.maxsim - theirs.maxsim for ours, theirs in zip(a.tokens, b.tokens, strict=True)]
