"""Other ways to rank the same pages, for comparison with MaxSim."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def mean_vector(vectors: Tensor) -> Tensor:
    """All vectors of a page or a query pooled into one: (vectors, dim) -> (dim,), the mean, scaled to length 1.

    A stand-in for a bi-encoder, and an unfair one: a model that is trained to make one vector makes a better one.
    """
    return F.normalize(vectors.float().mean(dim=0), dim=0)


def mean_similarity(query: Tensor, page: Tensor) -> float:
    """Cosine of the mean vectors of a query (tokens, dim) and a page (vectors, dim)."""
    return float(mean_vector(query) @ mean_vector(page))
