"""Explanations and searches as plain JSON values, the same for browser, HTTP API, command line and tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from colpali_demo.occlusion import ErasedPage

if TYPE_CHECKING:
    from colpali_demo.documents import Page, PageError, Word
    from colpali_demo.encoder.layout import PageLayout, QueryEmbedding, QueryToken
    from colpali_demo.explain.lead import Comparison
    from colpali_demo.explain.ledger import Explanation


def token_dict(token: QueryToken) -> dict[str, Any]:
    """Return a token of a query as plain JSON values."""
    return {"index": token.index, "text": token.text, "kind": token.kind, "word": token.word}


def words_list(words: Iterable[Word]) -> list[list[Any]]:
    """Return words of a page as plain JSON values: [text, left, top, right, bottom] each, in shares of the page."""
    return [[word.text, *(round(edge, 5) for edge in (word.left, word.top, word.right, word.bottom))] for word in words]


def comparison_dict(comparison: Comparison | None) -> dict[str, Any] | None:
    """Return what a page is compared with as plain JSON values; None where it is compared with nothing."""
    if comparison is None:
        return None
    return {"kind": comparison.kind, "pages": comparison.pages, "text": comparison.text}


def grid_dict(layout: PageLayout) -> dict[str, float]:
    """Return the grid of a page as plain JSON values: {"rows", "cols"}.

    Where the page was padded, also {"down", "across"}: how many cells the page itself is high and wide.
    """
    padded = dict(zip(("down", "across"), layout.extent, strict=True)) if layout.extent else {}
    return {"rows": layout.rows, "cols": layout.cols, **padded}


def explanation_dict(
    explanation: Explanation, rank: int | None = None, strength: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Turn an explanation into plain JSON values: one entry of `results`, for browser, HTTP API and `--json` alike.

    strength: what `Ranking.strength` says of the match, None where it was not measured

    Numbers are not rounded, so that the terms add up to the score, and the leads to the score minus the expected one.
    """
    page = explanation.page
    return {
        "rank": rank,
        "document": page.document_id,
        "source": page.source,
        "page": page.number,
        "erased": _erased_dict(page),
        "width": page.width,
        "height": page.height,
        "grid": grid_dict(explanation.layout),
        "vectors": len(explanation.layout.slots),
        "score": explanation.score,
        "expected_score": explanation.expected_score,
        "compared_with": comparison_dict(explanation.comparison),
        "strength": None if strength is None else dict(strength),
        "leading": explanation.leading,
        "tokens": [
            {
                "index": token.index,
                "maxsim": token.maxsim,
                "expected": token.expected,
                "lead": token.lead,
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
        "regions": [region.to_json() for region in explanation.regions()],
    }


def _erased_dict(page: Page) -> dict[str, Any] | None:
    """Return what was erased of a page as plain JSON values; None of a whole one."""
    if not isinstance(page, ErasedPage):
        return None
    return {"boxes": [list(box) for box in page.erased], "inverted": page.inverted, "text": page.label}


def search_dict(
    model_info: Mapping[str, Any],
    query: QueryEmbedding,
    explanations: Sequence[Explanation],
    errors: Iterable[PageError],
    timing_ms: Mapping[str, float],
    strengths: Sequence[Mapping[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """Return a whole search as plain JSON values: the object that `search --json` prints.

    Explanations come best first; `strengths` says how strong a match each of them is, where that was measured.
    """
    if strengths is None:
        strengths = [None] * len(explanations)
    return {
        "schema": 2,
        "model": dict(model_info),
        "query": {
            "text": query.text,
            "tokens": [token_dict(token) for token in query.tokens],
        },
        "results": [
            explanation_dict(explanation, rank, strength)
            for rank, (explanation, strength) in enumerate(zip(explanations, strengths, strict=True), start=1)
        ],
        "errors": [
            {"source": error.source, "page": error.page, "code": error.code, "message": error.message}
            for error in errors
        ],
        "timing_ms": dict(timing_ms),
    }
