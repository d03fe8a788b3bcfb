"""One vector for a page and one for a query: the mean of their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor
from torch.nn import functional as F

from colpali_demo import maxsim
from colpali_demo.retrieval.ranking import Ranking

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.retrieval.embedder import PageEmbedder
    from colpali_demo.retrieval.stores import StoredPage


@dataclass(frozen=True)
class MeanVector:
    """Query and page are each pooled into the mean of their vectors; the score is the cosine of the two means.

    A stand-in for a bi-encoder, and an unfair one: a model that is trained to make one vector makes a better one.
    """

    name: str
    title: str
    has_terms: ClassVar[bool] = False

    def rank(
        self,
        query: QueryEmbedding,
        pages: Sequence[StoredPage],
        explained: int = 0,
        embedder: PageEmbedder | None = None,
    ) -> Ranking:
        asked = mean_vector(query.vectors)
        scores = [float(asked @ mean_vector(stored.kept.vectors)) for stored in pages]
        return Ranking(query=query, method=self.name, pages=pages, scores=scores, embedder=embedder)


def mean_vector(vectors: Tensor) -> Tensor:
    """Pool all vectors of a page or a query into one: (vectors, dim) -> (dim,), the mean, scaled to length 1."""
    return F.normalize(vectors.float().mean(dim=0), dim=0)


def similarities_to_mean(vectors: Tensor, page: Tensor) -> Tensor:
    """Return the cosine of each vector with the mean of a page's: (n, dim), (vectors, dim) -> (n,)."""
    return maxsim.similarities(vectors, mean_vector(page)[None])[:, 0]
