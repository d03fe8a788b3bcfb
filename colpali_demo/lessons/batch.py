"""A batch as in training: queries and pages, all scored against all, and the loss where the right pages are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.retrieval.rankers import RANKERS

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder import Encoder
    from colpali_demo.retrieval import Ranking

BATCH = 4  # queries, and pages, of a batch; more would not fit on the card


@dataclass(frozen=True)
class Batch:
    """Queries and pages, all scored against all.

    own: the column of the page that answers each query; None where nobody has said which it is
    scores: (queries, pages)
    """

    queries: tuple[str, ...]
    pages: tuple[Page, ...]
    own: tuple[int | None, ...]
    scores: tuple[tuple[float, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values: {"rows", "pages", "scores", "loss"}; no `loss` unless all right pages are known."""
        known = None not in self.own
        return {
            "rows": [{"text": text, "own": own} for text, own in zip(self.queries, self.own, strict=True)],
            "pages": [{"source": page.source, "page": page.number} for page in self.pages],
            "scores": self.scores,
            "loss": contrast(self.scores, self.own) if known else None,
        }


def labelled_batch(rank: Callable[[str], Ranking], questions: Sequence[tuple[str, int]]) -> Batch:
    """Return a batch of queries with the numbers of the pages that answer them, of one document.

    rank: ranks the pages of the document for a query

    Raises KeyError for a page that the document does not have.
    """
    rankings = [rank(query) for query, _ in questions]
    numbered = {hit.page.number: hit.page for hit in rankings[0]}
    pages = [numbered[number] for number in dict.fromkeys(number for _, number in questions)]
    own = [pages.index(numbered[number]) for _, number in questions]
    return _batch(rankings, pages, own)


def asked_batch(encoder: Encoder, ranking: Ranking, asked: Sequence[str]) -> Batch | None:
    """Return a batch of queries somebody asked and the pages that rank first for them; None for a single page.

    ranking: of the pages, for the last query
    asked: queries, that one among them or not

    Which page is right only they can say: it need not be the one that the model puts first.
    """
    if len(ranking) < 2:
        return None
    others = [text for text in dict.fromkeys(asked) if text != ranking.query.text]
    ranker, pages = RANKERS[ranking.method], ranking.stored_pages
    rankings = [ranking, *(ranker.rank(encoder.embed_query(text), pages) for text in others[: BATCH - 1])]
    candidates = [each[0].page for each in rankings] + [hit.page for hit in ranking[:BATCH]]
    distinct = list({(page.document_id, page.number): page for page in candidates}.values())
    return _batch(rankings, distinct[:BATCH], [None] * len(rankings))


def _batch(rankings: Sequence[Ranking], pages: Sequence[Page], own: Sequence[int | None]) -> Batch:
    return Batch(
        queries=tuple(ranking.query.text for ranking in rankings),
        pages=tuple(pages),
        own=tuple(own),
        scores=tuple(tuple(ranking.hit(page).score for page in pages) for ranking in rankings),
    )


def contrast(scores: Sequence[Sequence[float]], own: Sequence[int]) -> dict[str, Any]:
    """Compute ColPali's in-batch contrastive loss; `own` has the column of each query's own page.

    probabilities: softmax of each row, (queries, pages)
    hardest: the column of the other page that scores highest, for each query
    losses: softplus(hardest - own), for each query; `loss` is their mean
    cross_entropy: the mean of -log(probability of the own page), the loss over all pages of the batch

    Faysse et al. 2024, section 4.1; the same as in `training.losses`, query by query. Raises ValueError for fewer than
    two pages, which leave nothing to compare with.
    """
    table = np.array(scores, dtype=np.float64)
    if table.shape[1] < 2:
        raise ValueError("a batch has at least two pages")
    queries = np.arange(len(table))
    logs = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    others = table.copy()
    others[queries, own] = -np.inf
    hardest = others.argmax(axis=1)
    losses = np.logaddexp(0.0, others[queries, hardest] - table[queries, own])
    return {
        "probabilities": np.exp(logs).tolist(),
        "hardest": hardest.tolist(),
        "losses": losses.tolist(),
        "loss": float(losses.mean()),
        "cross_entropy": float(-logs[queries, own].mean()),
    }
