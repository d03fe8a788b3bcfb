"""The words of a page's text layer that lie under cells of its grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colpali_demo.documents import Word
    from colpali_demo.encoder.layout import Cell, PageLayout

WORD_OVERLAP = 0.25  # share of the shorter side that a word and a cell have to have in common, see `words_under`


def words_under(words: Iterable[Word], layout: PageLayout, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return the texts of the words that touch any of the cells, see `words_touching`."""
    return tuple(word.text for word in words_touching(words, layout, cells))


def words_touching(words: Iterable[Word], layout: PageLayout, cells: Sequence[Cell]) -> list[Word]:
    """Return the words that touch any of the cells, in reading order.

    A word counts when it shares, across and down, at least a quarter of the shorter of the two sides: the cell's or
    its own. So a long word is found under each cell that it crosses, and one that only grazes the cell is not.
    """
    rectangles = [layout.rectangle(*cell) for cell in cells]
    return [word for word in words if any(_touches(word, rectangle) for rectangle in rectangles)]


def _touches(word: Word, rectangle: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = rectangle
    return _overlaps(word.left, word.right, left, right) and _overlaps(word.top, word.bottom, top, bottom)


def _overlaps(start: float, end: float, cell_start: float, cell_end: float) -> bool:
    shared = min(end, cell_end) - max(start, cell_start)
    return shared >= WORD_OVERLAP * min(end - start, cell_end - cell_start)
