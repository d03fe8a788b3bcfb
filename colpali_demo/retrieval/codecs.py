"""How the vectors of a page are kept, and how a query is compared with what was kept.

A codec is a function that keeps the multi-vector of a page, and one entry in `CODECS`. Whatever it does to the vectors,
the cosines that it answers with are those that rank the page, so an explanation of the page shows them and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
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


@dataclass(frozen=True, eq=False)
class Int8:
    """Each number as one of 255 levels between minus and plus the largest of its vector.

    The query stays exact: its numbers are multiplied with the levels in float32, and the products of a vector scaled
    once.

    levels: int8 (vectors, dim)
    steps: float32 (vectors,), what one level of each vector is worth
    """

    levels: Tensor
    steps: Tensor
    layout: PageLayout

    @property
    def nbytes(self) -> int:
        return self.levels.numel() + self.steps.numel() * self.steps.element_size()

    @property
    def vectors(self) -> Tensor:
        return self.levels.float() * self.steps[:, None]

    def similarities(self, query: Tensor) -> Tensor:
        return maxsim.similarities(query, self.levels) * self.steps


def keep_int8(embedding: PageEmbedding) -> Int8:
    """Keep each number as one of 255 levels."""
    vectors = embedding.vectors.float()
    steps = (vectors.abs().amax(dim=1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    return Int8((vectors / steps[:, None]).round().to(torch.int8), steps, embedding.layout)


@dataclass(frozen=True, eq=False)
class Binary:
    """Of each number its sign alone: vectors of plus and minus 1, scaled to length 1.

    The query stays exact, which is called asymmetric and loses less than comparing signs with signs.

    bits: uint8 (vectors, ceil(dim / 8)), the first number in the highest bit, 1 for a number that is not negative
    """

    bits: Tensor
    dim: int
    layout: PageLayout

    @property
    def nbytes(self) -> int:
        return self.bits.numel()

    @property
    def vectors(self) -> Tensor:
        signs = np.unpackbits(self.bits.numpy(), axis=1, count=self.dim).astype(np.float32) * 2 - 1
        return torch.from_numpy(signs) / self.dim**0.5

    def similarities(self, query: Tensor) -> Tensor:
        return maxsim.similarities(query, self.vectors)


def keep_signs(embedding: PageEmbedding) -> Binary:
    """Keep the sign of each number."""
    bits = np.packbits(embedding.vectors.numpy() >= 0, axis=1)
    return Binary(torch.from_numpy(bits), embedding.vectors.shape[1], embedding.layout)


CODECS: dict[str, Codec] = {
    "float32": partial(keep_floating_point, dtype=torch.float32),
    "float16": partial(keep_floating_point, dtype=torch.float16),
    "int8": keep_int8,
    "binary": keep_signs,
}
"""The codecs by the name that `PageIndex(precision=)` takes."""
