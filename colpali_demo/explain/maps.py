"""The similarity maps of a page that is not ranked, such as a blank one to compare others with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from colpali_demo import maxsim

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding


def similarity_maps(query: QueryEmbedding, page: PageEmbedding) -> np.ndarray:
    """Return the cosine of every token with every patch: float32 (tokens, rows, cols), not normalized."""
    return maxsim.similarities(query.vectors, page.vectors).numpy()[:, page.layout.patch_vectors]
