"""Why a page got its score: the ledger of its MaxSim terms, the similarity maps and the words under the winners.

An `Explanation` is not a second opinion about a page. It keeps the very numbers that rank it: `similarities`, their row
maxima, and the sum of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from colpali_demo import maxsim

if TYPE_CHECKING:
    from colpali_demo.documents import Page, PageError, Word
    from colpali_demo.encoder.layout import Cell, PageEmbedding, PageLayout, QueryEmbedding, QueryToken, TokenKind

WORD_OVERLAP = 0.25  # see `words_under`


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """One line of the ledger: what a query token found on the page, and where.

    index, text, kind, word: the token, as in `QueryToken`
    maxsim: its cosine with the winner, the most similar vector of the page; the lines sum to the score
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
    vector: int
    slot: Literal["patch", "text", "tile"]
    cells: tuple[Cell, ...]
    slot_text: str | None
    margin: float | None
    words: tuple[str, ...]

    @property
    def row(self) -> int | None:
        """Row of the winner's cell; None unless it covers exactly one."""
        return self.cells[0][0] if len(self.cells) == 1 else None

    @property
    def col(self) -> int | None:
        """Column of the winner's cell; None unless it covers exactly one."""
        return self.cells[0][1] if len(self.cells) == 1 else None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything behind the score of one page for one query.

    tokens: the ledger, one TokenMatch per query token, in the query's order
    similarities: float32 (tokens, vectors), the cosine of every token with every vector of the page
    score: the sum of the ledger's `maxsim`
    """

    query: QueryEmbedding
    page: Page
    layout: PageLayout
    tokens: list[TokenMatch]
    similarities: np.ndarray
    score: float

    @cached_property
    def maps(self) -> np.ndarray:
        """The similarity maps: float32 (tokens, rows, cols), cosines, not normalized."""
        return self.similarities[:, self.layout.patch_vectors]


def explain(query: QueryEmbedding, page: Page, embedding: PageEmbedding) -> Explanation:
    """Explain the score of a page from its multi-vector; the same few calls that rank it, with all they found kept."""
    similarities = maxsim.similarities(query.vectors, embedding.vectors)
    maxima, winners = maxsim.row_maxima(similarities)
    matrix = similarities.numpy()
    layout = embedding.layout
    tokens = []
    for token, value, vector in zip(query.tokens, maxima.tolist(), winners.tolist(), strict=True):
        slot = layout.slots[vector]
        tokens.append(
            TokenMatch(
                index=token.index,
                text=token.text,
                kind=token.kind,
                word=token.word,
                maxsim=value,
                vector=vector,
                slot=slot.kind,
                cells=slot.cells,
                slot_text=slot.text,
                margin=margin(matrix[token.index], vector, layout),
                words=words_under(page.words, layout, slot.cells),
            )
        )
    return Explanation(query, page, layout, tokens, matrix, maxsim.total(maxima))


def margin(row: np.ndarray, vector: int, layout: PageLayout) -> float | None:
    """How far the winner of one token is ahead of the best vector elsewhere.

    `row` holds the token's cosines, (vectors,). A winner that is a patch is compared with everything outside the 3x3
    cells around each of its own, another winner with everything but itself. None when nothing is left to compare with.
    """
    rivals = np.ones(len(row), dtype=bool)
    rivals[vector] = False
    if cells := layout.slots[vector].cells:
        rivals[layout.neighborhood(cells)] = False
    return float(row[vector]) - float(row[rivals].max()) if rivals.any() else None


def words_under(words: Iterable[Word], layout: PageLayout, cells: Sequence[Cell]) -> tuple[str, ...]:
    """The words that touch any of the cells, in reading order.

    A word counts when it shares, across and down, at least a quarter of the shorter of the two sides: the cell's or
    its own. So a long word is found under each cell that it crosses, and one that only grazes the cell is not.
    """
    rectangles = [layout.rectangle(*cell) for cell in cells]
    return tuple(word.text for word in words if any(_touches(word, rectangle) for rectangle in rectangles))


def _touches(word: Word, rectangle: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = rectangle
    return _overlaps(word.left, word.right, left, right) and _overlaps(word.top, word.bottom, top, bottom)


def _overlaps(start: float, end: float, cell_start: float, cell_end: float) -> bool:
    shared = min(end, cell_end) - max(start, cell_start)
    return shared >= WORD_OVERLAP * min(end - start, cell_end - cell_start)


def place_text(match: TokenMatch) -> str:
    """Say where a winner lies: "patch in row 3, column 4", or "12 patches pooled around row 3, column 4"."""
    if len(match.cells) == 1:
        return f"patch in row {match.row}, column {match.col}"
    row, col = (round(sum(cell[axis] for cell in match.cells) / len(match.cells)) for axis in (0, 1))
    return f"{len(match.cells)} patches pooled around row {row}, column {col}"


def differences(a: Explanation, b: Explanation) -> list[float]:
    """What each query token adds to the lead of page `a` over page `b`, one number per token.

    They sum to `a.score - b.score`. Raises ValueError if the two explanations are not of the same query.
    """
    if [token.id for token in a.query.tokens] != [token.id for token in b.query.tokens]:
        raise ValueError("the explanations are of two different queries")
    return [ours.maxsim - theirs.maxsim for ours, theirs in zip(a.tokens, b.tokens, strict=True)]


def token_dict(token: QueryToken) -> dict[str, Any]:
    """A token of a query as plain JSON values."""
    return {"index": token.index, "text": token.text, "kind": token.kind, "word": token.word}


def words_list(words: Iterable[Word]) -> list[list[Any]]:
    """Words of a page as plain JSON values: [text, left, top, right, bottom] each, in shares of the page."""
    return [[word.text, *(round(edge, 5) for edge in (word.left, word.top, word.right, word.bottom))] for word in words]


def explanation_dict(explanation: Explanation, rank: int | None = None) -> dict[str, Any]:
    """An explanation as plain JSON values: one entry of `results`, for the browser, the HTTP API and `--json` alike.

    Numbers are not rounded, so that the terms add up to the score.
    """
    page = explanation.page
    return {
        "rank": rank,
        "document": page.document,
        "source": page.source,
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "grid": {"rows": explanation.layout.rows, "cols": explanation.layout.cols},
        "vectors": len(explanation.layout.slots),
        "score": explanation.score,
        "tokens": [
            {
                "index": token.index,
                "maxsim": token.maxsim,
                "vector": token.vector,
                "slot": token.slot,
                "slot_text": token.slot_text,
                "cells": [list(cell) for cell in token.cells],
                "row": token.row,
                "col": token.col,
                "margin": token.margin,
                "words": list(token.words),
            }
            for token in explanation.tokens
        ],
    }


def search_dict(
    model_info: Mapping[str, Any],
    query: QueryEmbedding,
    explanations: Sequence[Explanation],
    errors: Iterable[PageError],
    timing_ms: Mapping[str, float],
) -> dict[str, Any]:
    """A whole search as plain JSON values: the object that `search --json` prints. Explanations come best first."""
    return {
        "schema": 2,
        "model": dict(model_info),
        "query": {
            "text": query.text,
            "tokens": [token_dict(token) for token in query.tokens],
        },
        "results": [explanation_dict(explanation, rank) for rank, explanation in enumerate(explanations, start=1)],
        "errors": [
            {"source": error.source, "page": error.page, "code": error.code, "message": error.message}
            for error in errors
        ],
        "timing_ms": dict(timing_ms),
    }
