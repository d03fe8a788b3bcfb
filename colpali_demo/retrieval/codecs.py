"""How the vectors of a page are kept, and how a query is compared with what was kept.

A codec is a function that keeps the multi-vector of a page, and one entry in `CODECS`. Whatever it does to the vectors,
the cosines that it answers with are those that rank the page, so an explanation of the page shows them and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from colpali_demo import maxsim
from colpali_demo.encoder.layout import PageLayout

if TYPE_CHECKING:
    from colpali_demo.encoder.layout import PageEmbedding


class KeptVectors(Protocol):
    """The vectors of one page as a codec keeps them. `layout` says what each of them stands for."""

    layout: PageLayout

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        ...

    @property
    def vectors(self) -> Tensor:
        """The vectors that a query is compared with: float32 (vectors, dim)."""
        ...

    def similarities(self, query: Tensor) -> Tensor:
        """Return the cosine of every token with every vector: (tokens, dim) -> float32 (tokens, vectors)."""
        ...


Codec = Callable[["PageEmbedding"], KeptVectors]


@dataclass(frozen=True, eq=False)
class FloatingPoint:
    """Vectors as floating-point numbers of any size, multiplied and added up in float32."""

    data: Tensor
    layout: PageLayout

    @property
    def nbytes(self) -> int:
        return self.data.numel() * self.data.element_size()

    @property
    def vectors(self) -> Tensor:
        return self.data.float()

    def similarities(self, query: Tensor) -> Tensor:
        return maxsim.similarities(query, self.data)


def keep_floating_point(embedding: PageEmbedding, dtype: torch.dtype) -> FloatingPoint:
    """Keep each number as a `dtype`."""
    return FloatingPoint(embedding.vectors.to(dtype), embedding.layout)


CODECS: dict[str, Codec] = {
    "float32": partial(keep_floating_point, dtype=torch.float32),
    "float16": partial(keep_floating_point, dtype=torch.float16),
}
"""The codecs by the name that `PageIndex(precision=)` takes."""
