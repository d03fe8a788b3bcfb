"""Words with boxes from a PDF's text layer, lined up with the rendered page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from colpali_demo.documents.cjk import is_cjk

MAX_CHARS = 50_000  # characters of a page; a dense newspaper page has about 25,000
MAX_WORD_CHARS = 200

# PDFium puts these where a word is hyphenated at the end of a line.
_HYPHEN_MARKS = ("\ufffe", "\x02", "\u00ad")
_UNIT = 1 << 16  # pages are mapped onto a square of this many device units, which makes fractions

Box = tuple[float, float, float, float]  # left, bottom, right, top in PDF units, y up
WordBox = tuple[str, float, float, float, float]  # text, then left, top, right, bottom in fractions of the page


def page_words(page: pdfium.PdfPage) -> list[WordBox]:
    """Return the words of a page in the order of the file, clipped to the page; those that lie outside are left out.

    Boxes are unions of PDFium's loose character boxes (font height, not ink), carried to the image by the same mapping
    that places the ink, so page rotation and crop boxes need no case of their own. Chinese and Japanese, which put no
    spaces between words, give one word a character.
    """
    textpage = page.get_textpage()
    try:
        words = _Words(page)
        box = pdfium_c.FS_RECTF()
        for index, char in _characters(textpage):
            if char <= " " or char.isspace() or char in _HYPHEN_MARKS:
                words.flush()
            elif pdfium_c.FPDFText_GetLooseCharBox(textpage, index, box):
                words.add(char, box)
        words.flush()
        return words.found
    finally:
        textpage.close()


def _characters(textpage: pdfium.PdfTextPage) -> Iterator[tuple[int, str]]:
    """Characters with PDFium's index for their box, surrogates joined; glyphs that stand for no character left out."""
    high = 0
    for index in range(min(textpage.count_chars(), MAX_CHARS)):
        code = pdfium_c.FPDFText_GetUnicode(textpage, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0
        high = 0
        if 0 < code <= 0x10FFFF:
            yield index, chr(code)


class _Words:
    """Collects characters into words."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.found: list[WordBox] = []
        self._page = page
        self._text = ""
        self._boxes: list[Box] = []

    def add(self, char: str, rectangle: pdfium_c.FS_RECTF) -> None:
        left, right = sorted((rectangle.left, rectangle.right))
        bottom, top = sorted((rectangle.bottom, rectangle.top))
        box = (left, bottom, right, top)
        alone = is_cjk(char)
        if alone or len(self._text) >= MAX_WORD_CHARS or (self._boxes and _far(self._boxes[-1], box)):
            self.flush()
        self._text += char
        self._boxes.append(box)
        if alone:
            self.flush()

    def flush(self) -> None:
        if self._text:
            lefts, bottoms, rights, tops = zip(*self._boxes, strict=True)
            left, bottom, right, top = min(lefts), min(bottoms), max(rights), max(tops)
            corners = self._to_fractions(left, top), self._to_fractions(right, bottom)
            (x0, x1), (y0, y1) = (sorted(values) for values in zip(*corners, strict=True))
            if x0 < x1 and y0 < y1:
                self.found.append((self._text, x0, y0, x1, y1))
        self._text, self._boxes = "", []

    def _to_fractions(self, x: float, y: float) -> tuple[float, float]:
        """Convert PDF units to fractions of the page image, clipped to it."""
        device_x, device_y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(self._page, 0, 0, _UNIT, _UNIT, 0, x, y, device_x, device_y)
        return tuple(round(min(max(value.value / _UNIT, 0.0), 1.0), 5) for value in (device_x, device_y))


def _far(one: Box, other: Box) -> bool:
    """Return whether two characters are further apart than the larger is long: not every jump comes with a space."""
    gaps = [max(one[side] - other[side + 2], other[side] - one[side + 2]) for side in (0, 1)]
    sides = [box[side + 2] - box[side] for box in (one, other) for side in (0, 1)]
    return max(gaps) > max(sides)
