"""Queries to try on a visitor's own document: its own headings, and nothing invented."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colpali_demo.documents import Page, Word

SUGGESTIONS = 3
LARGER = 1.15  # times the type of the running text: that large is a heading
WORDS = range(2, 9)
MAX_CHARS = 60
GAP = 2.0  # times its height: words further apart are not in one line, but in two columns
_NUMBERING = re.compile(r"^(?:(?:[A-Z]|[IVX]+|\d+)[.)]|\d+(?:\.\d+)+\.?|\d+)\s+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class _Line:
    text: str
    height: float  # pixels of its type
    place: int  # number of the page, from 0


def suggested_queries(pages: Sequence[Page], most: int = SUGGESTIONS) -> list[str]:
    """Return up to `most` headings of a document as queries, the largest first, at most one of each page.

    Every word of a query stands on the page as it is, in this order. [] for pages without a text layer, and where no
    line is set in larger type than the others.
    """
    lines = [line for place, page in enumerate(pages) for line in _lines(page, place)]
    if not lines:
        return []
    running = median(line.height for line in lines for _ in line.text.split())
    often = Counter(line.text.casefold() for line in lines)  # what stands on every page names the document
    headings = [
        line for line in lines if line.height >= LARGER * running and often[line.text.casefold()] == 1 and _asks(line)
    ]
    queries: list[str] = []
    taken: set[int] = set()
    # The title of the whole document finds its first page, which nobody has to be shown.
    for line in sorted(headings, key=lambda line: (line.place == 0 and len(pages) > 1, -line.height)):
        if line.place not in taken and len(queries) < most:
            taken.add(line.place)
            queries.append(line.text)
    return queries


def _asks(line: _Line) -> bool:
    words = line.text.split()
    return len(words) in WORDS and len(line.text) <= MAX_CHARS and len(_LETTERS.findall(line.text)) >= 2


def _lines(page: Page, place: int) -> Iterable[_Line]:
    """Yield the lines of a page, without the number of a heading and the sign at its end."""
    row: list[Word] = []
    for word in (*page.words, None):
        if row and (word is None or not _continues(row[-1], word, page)):
            text = _NUMBERING.sub("", " ".join(each.text for each in row)).rstrip(" .:;,")
            yield _Line(text, max(each.bottom - each.top for each in row) * page.height, place)
            row = []
        if word is not None:
            row.append(word)


def _continues(last: Word, word: Word, page: Page) -> bool:
    """Return whether a word is in the line of the last one."""
    height = last.bottom - last.top
    overlap = min(last.bottom, word.bottom) - max(last.top, word.top)
    gap = (word.left - last.right) * page.width
    return overlap > height / 2 and -height * page.height < gap < GAP * height * page.height
