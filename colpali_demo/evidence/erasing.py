"""Erase what an explanation points at, embed the page anew, and see what every token finds then.

A winner says which vector won. Whether the place it stands for was the cause shows when that place is erased: the term
falls by as much as the margin foretells, or it does not, and then something else carried it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.explain import explanation_dict

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.layout import Cell, PageLayout, TokenKind
    from colpali_demo.explain import Explanation
    from colpali_demo.occlusion import Box
    from colpali_demo.retrieval import Ranking


@dataclass(frozen=True)
class TokenChange:
    """What a query token found before and after, and the cells of its winners (() for one that is off the page)."""

    index: int
    text: str
    kind: TokenKind
    before: float
    after: float
    winner_before: tuple[Cell, ...]
    winner_after: tuple[Cell, ...]

    @property
    def difference(self) -> float:
        """`after` minus `before`: the differences of all tokens sum to that of the score."""
        return self.after - self.before


@dataclass(frozen=True)
class Erasure:
    """A page before and after parts of it were erased.

    before, after: the two explanations; the page of `after` is an `ErasedPage`, which knows its boxes
    rank_before, rank_after: among the pages of the ranking, from 1; nothing else is erased
    """

    before: Explanation
    after: Explanation
    rank_before: int
    rank_after: int

    @property
    def tokens(self) -> list[TokenChange]:
        """What became of each token, in the order of the query."""
        return [
            TokenChange(old.index, old.text, old.kind, old.maxsim, new.maxsim, old.cells, new.cells)
            for old, new in zip(self.before.tokens, self.after.tokens, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the erasure as plain JSON values.

        {"boxes": [[left, top, right, bottom], ...], "inverted": True where all but the boxes was erased,
        "before", "after": `explanation_dict` of each, with the rank that the page has,
        "tokens": [{"index", "text", "kind", "before", "after", "difference", "winner_before", "winner_after"}]}
        """
        page = self.after.page
        return {
            "boxes": [list(box) for box in page.erased],
            "inverted": page.inverted,
            "before": explanation_dict(self.before, self.rank_before),
            "after": explanation_dict(self.after, self.rank_after),
            "tokens": [
                {
                    "index": token.index,
                    "text": token.text,
                    "kind": token.kind,
                    "before": token.before,
                    "after": token.after,
                    "difference": token.difference,
                    "winner_before": [list(cell) for cell in token.winner_before],
                    "winner_after": [list(cell) for cell in token.winner_after],
                }
                for token in self.tokens
            ],
        }


def erase_again(ranking: Ranking, page: Page, boxes: Sequence[Box], *, only: bool = False) -> Erasure:
    """Erase boxes of a page of a ranking, or with `only` everything else, and compare what it scores with before.

    Raises as `Ranking.without`.
    """
    after = ranking.only(page, boxes) if only else ranking.without(page, boxes)
    hit = ranking.hit(page)
    return Erasure(ranking.explain(page), after, hit.rank, rank_of(ranking, page, after.score))


def rank_of(ranking: Ranking, page: Page, score: float) -> int:
    """Return the rank that a page would have with another score; where scores are equal, the order stays."""
    own = ranking.hit(page)
    return 1 + sum(
        hit.score > score or (hit.score == score and hit.rank < own.rank) for hit in ranking if hit.rank != own.rank
    )


def winner_boxes(explanation: Explanation, token: int, reach: int = 1) -> list[Box]:
    """Return the boxes of a token's winner and of the cells up to `reach` rows and columns away from it.

    With a reach of 1 that is what `margin` leaves out. Empty for a winner that is off the page.
    """
    return cell_boxes(neighbors(explanation.tokens[token].cells, explanation.layout, reach), explanation.layout)


def neighbors(cells: Sequence[Cell], layout: PageLayout, reach: int = 1) -> list[Cell]:
    """Return cells and those around them, row by row."""
    steps = range(-reach, reach + 1)
    found = {(row + y, col + x) for row, col in cells for y in steps for x in steps}
    return sorted((row, col) for row, col in found if 0 <= row < layout.rows and 0 <= col < layout.cols)


def hot_boxes(explanation: Explanation, token: int, count: int) -> list[Box]:
    """Return the boxes of the `count` patches whose cosine with a token is highest, the highest first."""
    return cell_boxes(highest_cells(explanation.maps[token], count), explanation.layout)


def highest_cells(values: np.ndarray, count: int) -> list[Cell]:
    """Return the `count` cells of (rows, cols) with the highest values, those that are not finite left out."""
    order = np.argsort(-values, axis=None, kind="stable")[:count]
    cells = zip(*np.unravel_index(order, values.shape), strict=True)
    return [(int(row), int(col)) for row, col in cells if np.isfinite(values[row, col])]


def cell_boxes(cells: Sequence[Cell], layout: PageLayout) -> list[Box]:
    """Return the box of each cell, in shares of the page."""
    return [layout.rectangle(*cell) for cell in cells]
