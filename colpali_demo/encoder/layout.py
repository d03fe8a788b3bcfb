"""What every vector is: patches and prompt slots of a page, tokens of a query.

A page becomes `vectors` of shape (vectors, dim) and a query `vectors` of shape (tokens, dim). The classes here keep,
next to the numbers, what each row stands for. Places on a page are always (row, col), counted from the top left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

TokenKind = Literal["bos", "prefix", "word", "augmentation", "suffix"]
Cell = tuple[int, int]
"""A place in the grid of patches: (row, col)."""


class Slot(NamedTuple):
    """What one vector of a page stands for.

    kind: "patch"; "text", a token of the page's prompt; or "tile", a patch of a thumbnail of the whole page, which
        scores but has no place in the grid
    cells: of a patch, the cells of the grid that it covers: one, or several where vectors were pooled
    text: of a prompt token, its text
    """

    kind: Literal["patch", "text", "tile"]
    cells: tuple[Cell, ...] = ()
    text: str | None = None


TILE = Slot("tile")


def patch(*cells: Cell) -> Slot:
    """Return the slot of a vector that covers these cells."""
    return Slot("patch", cells)


def prompt_token(text: str) -> Slot:
    """Return the slot of a token of the page's prompt."""
    return Slot("text", text=text)


@dataclass(frozen=True)
class PageLayout:
    """Which vector of a page covers which cells of a (rows, cols) grid, or is which token of the prompt.

    `extent` is how many rows and columns of cells the page itself fills: fewer than there are, and perhaps a fraction,
    where it was padded on the right and below. None: the page fills the grid.
    Raises ValueError unless every cell of the grid has exactly one vector.
    """

    rows: int
    cols: int
    slots: tuple[Slot, ...]
    extent: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        cells = sorted(cell for slot in self.slots for cell in slot.cells)
        if cells != [(row, col) for row in range(self.rows) for col in range(self.cols)]:
            raise ValueError(f"the slots do not fill a grid of {self.rows} x {self.cols} patches")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PageLayout:
        """Read what `to_json` returned. Raises KeyError, TypeError or ValueError for anything else."""
        slots = (
            Slot(kind, tuple((int(row), int(col)) for row, col in cells), text) for kind, cells, text in value["slots"]
        )
        extent = value.get("extent")
        return cls(value["rows"], value["cols"], tuple(slots), extent and (float(extent[0]), float(extent[1])))

    def to_json(self) -> dict[str, Any]:
        """Return the layout as JSON values: {"rows", "cols", "slots": [[kind, [[row, col], ...], text], ...]}.

        Where the page was padded, "extent" as well.
        """
        slots = [[slot.kind, [list(cell) for cell in slot.cells], slot.text] for slot in self.slots]
        padded = {"extent": list(self.extent)} if self.extent else {}
        return {"rows": self.rows, "cols": self.cols, "slots": slots, **padded}

    @cached_property
    def patch_vectors(self) -> np.ndarray:
        """(rows, cols) int64: the index of the vector that covers the cell (row, col)."""
        vectors = np.empty((self.rows, self.cols), dtype=np.int64)
        for vector, slot in enumerate(self.slots):
            for cell in slot.cells:
                vectors[cell] = vector
        return vectors

    @cached_property
    def patch_selection(self) -> slice | np.ndarray:
        """What selects the vectors that are patches: a slice where they lie side by side, else their indices."""
        vectors = np.unique(self.patch_vectors)
        if len(vectors) and vectors[-1] - vectors[0] + 1 == len(vectors):
            return slice(int(vectors[0]), int(vectors[-1]) + 1)
        return vectors

    def neighborhood(self, cells: Iterable[Cell]) -> np.ndarray:
        """Return the vectors that cover the 3x3 cells around any of `cells`, cut off at the borders of the page."""
        grid = self.patch_vectors
        around = [grid[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].ravel() for row, col in cells]
        return np.unique(np.concatenate(around))

    def rectangle(self, row: int, col: int) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom) of a cell, in shares of the page.

        The page is squashed to the input's shape, so its cells are equal parts of the page, whatever the page's own
        shape. Of a cell that reaches into the padding, what lies on the page.
        """
        rows, cols = self.extent or (self.rows, self.cols)
        return col / cols, row / rows, min((col + 1) / cols, 1), min((row + 1) / rows, 1)


def grid_shape(patches: int, height: int, width: int, shape: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Return (rows, cols) of patches on an input of height x width pixels. Raises ValueError if they fill no grid.

    `shape` is how tall and how wide a patch is, in any unit; by default it is square.
    """
    rows = max(1, round(math.sqrt(patches * height * shape[1] / (width * shape[0]))))
    if patches == 0 or patches % rows:
        raise ValueError(f"{patches} patches fill no grid on an input of {height} x {width} pixels")
    return rows, patches // rows


class ImageSlots(NamedTuple):
    """What the image tokens of a page are, in the order of its ids, and the grid that its patches fill."""

    rows: int
    cols: int
    slots: list[Slot]


def grid_slots(rows: int, cols: int) -> ImageSlots:
    """Return the slots of patches alone, row by row from the top left."""
    return ImageSlots(rows, cols, [patch((row, col)) for row in range(rows) for col in range(cols)])


def page_layout(ids: Sequence[int], image_token_id: int, image: ImageSlots, decode: Callable[[int], str]) -> PageLayout:
    """Read the layout of a page off the token ids that its processor made.

    The ids equal to `image_token_id` are the slots of `image`, in that order; every other id is a token of the prompt,
    whose text is `decode(id)`. Raises ValueError if there are more or fewer image tokens than slots.
    """
    found = sum(id == image_token_id for id in ids)
    if found != len(image.slots):
        raise ValueError(f"{found} image tokens cannot be {len(image.slots)} slots")
    slots = iter(image.slots)
    return PageLayout(
        image.rows,
        image.cols,
        tuple(next(slots) if id == image_token_id else prompt_token(decode(id)) for id in ids),
    )


@dataclass(frozen=True, eq=False)
class PageEmbedding:
    """The multi-vector of a page: float32 on the CPU, shape (vectors, dim), and what each vector is."""

    vectors: torch.Tensor
    layout: PageLayout

    @property
    def nbytes(self) -> int:
        """Memory of the vectors in bytes."""
        return self.vectors.numel() * self.vectors.element_size()


@dataclass(frozen=True, slots=True)
class QueryToken:
    """One token of an assembled query.

    `text` is the piece of the query it stands for, `kind` the segment that piece belongs to, `word` the typed word it
    is part of (an index into `QueryEmbedding.words`; None outside the typed query), `id` what went into the model.
    """

    index: int
    text: str
    kind: TokenKind
    word: int | None
    id: int


@dataclass(frozen=True, eq=False)
class QueryEmbedding:
    """The multi-vector of a query: float32 on the CPU, shape (tokens, dim), and what each vector is.

    `words` are the typed words; `unknown` those of them of which the checkpoint's vocabulary has no piece at all.
    `divisor` is what the sum of MaxSim is divided by to give a score: 1 in families that score by the sum, the number
    of tokens in those that score by the mean.
    """

    text: str
    vectors: torch.Tensor
    tokens: tuple[QueryToken, ...]
    words: tuple[str, ...]
    unknown: tuple[str, ...]
    prefix: str
    augmentation: int
    divisor: float = 1.0
