"""Token pooling: fewer vectors a page, each the mean of several that are alike.

Clavié et al., "Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance Impact via Token Pooling",
2024, section 3, https://arxiv.org/abs/2409.14683; for pages, Faysse et al. 2024, section 5.2 (a factor of 3 keeps
97.8 % of ColPali's quality), https://arxiv.org/abs/2407.01449.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from torch.nn import functional as F

from colpali_demo.encoder.layout import PageEmbedding, patch

if TYPE_CHECKING:
    from torch import Tensor

    from colpali_demo.retrieval.codecs import Codec


def pooled(codec: Codec, factor: int) -> Codec:
    """Return a codec that pools a page before `codec` keeps it. Raises ValueError for a factor below 1."""
    _check(factor)
    return codec if factor == 1 else lambda embedding: codec(PoolingTree(embedding).pool(factor))


def _check(factor: int) -> None:
    if factor < 1:
        raise ValueError(f"a pooling factor is at least 1, not {factor}")


class PoolingTree:
    """The patches of one page, joined step by step by Ward's method; one tree answers every pooling factor.

    Prompt tokens and tiles of a thumbnail have no place on the page and are never joined.
    """

    def __init__(self, embedding: PageEmbedding) -> None:
        self._embedding = embedding
        self._patches = [vector for vector, slot in enumerate(embedding.layout.slots) if slot.cells]
        vectors = F.normalize(embedding.vectors[self._patches].double(), dim=1)
        self._tree = linkage(_condensed_distances(vectors), "ward") if len(vectors) > 1 else None

    def pool(self, factor: int) -> PageEmbedding:
        """Return the page with one vector for about `factor` patches: the mean of theirs, scaled to length 1.

        A factor of 1 returns the page as it is. Raises ValueError for a factor below 1.
        """
        _check(factor)
        if factor == 1 or self._tree is None:
            return self._embedding
        wanted = -(-len(self._patches) // factor)
        clusters = fcluster(self._tree, wanted, "maxclust")
        slots, vectors = [], []
        seen: dict[int, list[int]] = {}
        for vector, cluster in zip(self._patches, clusters.tolist(), strict=True):
            seen.setdefault(cluster, []).append(vector)
        first_of = {members[0]: members for members in seen.values()}  # a joined vector stands where its first one did
        for vector, slot in enumerate(self._embedding.layout.slots):
            if not slot.cells:
                slots.append(slot)
                vectors.append(self._embedding.vectors[vector])
            elif members := first_of.get(vector):
                cells = (cell for member in members for cell in self._embedding.layout.slots[member].cells)
                slots.append(patch(*sorted(cells)))
                vectors.append(_mean(self._embedding.vectors[members]))
        layout = replace(self._embedding.layout, slots=tuple(slots))
        return PageEmbedding(torch.stack(vectors), layout)


def _mean(vectors: Tensor) -> Tensor:
    return vectors[0] if len(vectors) == 1 else F.normalize(vectors.mean(dim=0), dim=0)


def _condensed_distances(vectors: Tensor) -> np.ndarray:
    """Return Euclidean distances of all pairs of unit vectors as `linkage` takes them: (n, dim) -> (n (n - 1) / 2,).

    A square matrix would be taken for n points in n dimensions, and clustered by the distances of its rows.
    """
    first, second = np.triu_indices(len(vectors), k=1)
    cosines = (vectors @ vectors.T).numpy()[first, second]
    return np.sqrt(np.clip(2 - 2 * cosines, 0, None))
