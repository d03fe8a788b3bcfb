"""Explanations and searches as plain JSON values, the same for browser, HTTP API, command line and tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colpali_demo.documents import PageError, Word
    from colpali_demo.encoder.layout import QueryEmbedding, QueryToken
    from colpali_demo.explain.ledger import Explanation


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
