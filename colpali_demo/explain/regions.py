"""Where on the page a score came from, as boxes with the words in them: what a citation needs.

Winners that are neighbors become one region. Where the page has a text layer, a region is snapped to it: its box is
that of whole words, and of everything between the first and the last of them on a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from colpali_demo.explain.words import words_touching

if TYPE_CHECKING:
    from colpali_demo.documents import Word
    from colpali_demo.encoder.layout import Cell, PageLayout

SAME_LINE = 0.5  # share of the lower word's height that two words on a line have in common


class Winner(NamedTuple):
    """The cells that a token chose, what it adds to the score there, and to the lead (None where that is not known)."""

    token: int
    cells: tuple[Cell, ...]
    score: float
    lead: float | None


@dataclass(frozen=True)
class Region:
    """A box of the page and what it holds of the score.

    left, top, right, bottom: in shares of the page, from its top left corner
    score, lead: the sums over the tokens whose winner lies in the region; `lead` is None where nothing is expected
    tokens: the indices of those tokens
    text: the words of the text layer in the region, line by line
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float
    lead: float | None
    tokens: tuple[int, ...]
    text: str

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in shares of the page."""
        return self.left, self.top, self.right, self.bottom

    def to_json(self) -> dict[str, Any]:
        """Return the region as plain JSON values."""
        return {
            **dict(zip(("left", "top", "right", "bottom"), self.box, strict=True)),
            "score": self.score,
            "lead": self.lead,
            "tokens": list(self.tokens),
            "text": self.text,
        }


def find_regions(winners: Iterable[Winner], layout: PageLayout, words: Sequence[Word]) -> list[Region]:
    """Turn winners into regions, largest lead first (highest score, where leads are not known).

    Winners off the page, which have no cells, are in no region. Those in one region touch, sides or corners.
    """
    regions = [_region(group, layout, words) for group in _groups([winner for winner in winners if winner.cells])]
    return sorted(regions, key=lambda region: -(region.score if region.lead is None else region.lead))


def _groups(winners: list[Winner]) -> list[list[Winner]]:
    """Sort winners into groups that touch each other."""
    groups: list[tuple[set[Cell], list[Winner]]] = []
    for winner in winners:
        around = {(row + y, col + x) for row, col in winner.cells for y in (-1, 0, 1) for x in (-1, 0, 1)}
        touched = [group for group in groups if group[0] & around]
        cells = set(winner.cells).union(*(group[0] for group in touched))
        members = [member for group in touched for member in group[1]]
        groups = [group for group in groups if group not in touched]
        groups.append((cells, [*members, winner]))
    return [members for _, members in groups]


def _region(group: list[Winner], layout: PageLayout, words: Sequence[Word]) -> Region:
    boxes, found = [], []
    for cell in sorted({cell for winner in group for cell in winner.cells}):
        if touched := words_touching(words, layout, [cell]):
            found += touched
        else:
            boxes.append(layout.rectangle(*cell))
    lines = _lines(found, words)
    boxes += [(word.left, word.top, word.right, word.bottom) for line in lines for word in line]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    leads = [winner.lead for winner in group]
    return Region(
        min(lefts),
        min(tops),
        max(rights),
        max(bottoms),
        score=sum(winner.score for winner in group),
        lead=None if None in leads else sum(leads),
        tokens=tuple(sorted(winner.token for winner in group)),
        text=" ".join(word.text for line in lines for word in line),
    )


def _lines(found: Sequence[Word], words: Sequence[Word]) -> list[list[Word]]:
    """Return the words found, line by line from the top, with all words between the first and the last of each line."""
    lines: list[list[Word]] = []
    for word in sorted(found, key=lambda word: (word.top + word.bottom) / 2):
        if lines and _on_one_line(lines[-1][0], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [_filled(line, words) for line in lines]


def _filled(line: Sequence[Word], words: Sequence[Word]) -> list[Word]:
    left, right = min(word.left for word in line), max(word.right for word in line)
    between = [
        word
        for word in words
        if word in line or (left <= word.left and word.right <= right and _on_one_line(line[0], word))
    ]
    return sorted(between, key=lambda word: word.left)


def _on_one_line(one: Word, other: Word) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= SAME_LINE * min(one.bottom - one.top, other.bottom - other.top)
