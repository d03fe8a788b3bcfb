"""Training pages from real PDFs with a text layer, drawn by PDFium. For files you trust: nothing is sandboxed here."""

import ctypes
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from colpali_demo.training.pages.drawn import CHAR, TrainingPage

_UNIT = 1 << 16  # pages are mapped onto a square of this many units, which makes fractions
_MIDDLE = 0.43  # share of a loose character box, from the bottom: the middle of a lower-case letter


class PdfPages:
    """Random pages of a list of PDFs; long documents are drawn from more often, as the square root of their length.

    Raises:
        ValueError: `make_page` was called and no file has a usable page.
    """

    def __init__(self, files: list[Path]):
        self.files = []
        weights = []
        for file in files:
            try:
                with pdfium.PdfDocument(file) as pdf:
                    weights.append(len(pdf) ** 0.5)
                    self.files.append(file)
            except pdfium.PdfiumError:
                continue
        self.weights = np.array(weights) / sum(weights) if weights else np.array([])

    def make_page(self, rng: np.random.Generator) -> TrainingPage:
        return self.make_pages(rng, 1)[0]

    def make_pages(self, rng: np.random.Generator, count: int) -> list[TrainingPage]:
        """Make at most `count` different pages of one document, at least one."""
        for _ in range(50):
            if not self.files:
                break
            file = self.files[rng.choice(len(self.files), p=self.weights)]
            pages = []
            with pdfium.PdfDocument(file) as pdf:
                for number in rng.permutation(len(pdf))[: 2 * count]:
                    if page := _draw(pdf[int(number)], rng):
                        pages.append(page)
                    if len(pages) == count:
                        break
            if pages:
                return pages
        raise ValueError("no PDF with a usable text layer among the files given")


def _draw(page: pdfium.PdfPage, rng: np.random.Generator) -> TrainingPage | None:
    """Return the page at a random size, None where it has fewer than 15 words."""
    long_side = 1600 if rng.random() < 0.5 else int(rng.integers(1200, 1601))
    chars, words, word_chars = read_characters(page)
    if len(words) < 15:
        return None
    image = page.render(scale=long_side / max(page.get_size())).to_pil().convert("RGB")
    boxes = np.array([char[1:] for char in chars], dtype=np.float32)
    return TrainingPage(
        image=image,
        chars=np.array(chars, dtype=CHAR),
        words=words,
        word_boxes=np.array(
            [(*boxes[a:b, :2].min(axis=0), *boxes[a:b, 2:].max(axis=0)) for a, b in word_chars], np.float32
        ),
        word_chars=np.array(word_chars),
    )


def read_characters(page: pdfium.PdfPage):
    """Read visible characters (codepoint, left, top, right, bottom in fractions), words, and each word's characters."""
    textpage = page.get_textpage()
    chars, words, word_chars = [], [], []
    word, start = "", 0
    box, x, y = pdfium_c.FS_RECTF(), ctypes.c_int(), ctypes.c_int()

    def place(left: float, top: float) -> tuple[float, float]:
        pdfium_c.FPDF_PageToDevice(page, 0, 0, _UNIT, _UNIT, 0, left, top, x, y)
        return x.value / _UNIT, y.value / _UNIT

    def flush() -> None:
        nonlocal word, start
        if word:
            words.append(word)
            word_chars.append((start, len(chars)))
        word, start = "", len(chars)

    for index in range(min(textpage.count_chars(), 20_000)):
        code = pdfium_c.FPDFText_GetUnicode(textpage, index)
        if code <= 32 or code == 0xFFFE or code > 0xFFFF or 0xD800 <= code < 0xE000 or chr(code).isspace():
            flush()
            continue
        if not pdfium_c.FPDFText_GetLooseCharBox(textpage, index, box):
            continue
        x0, y0 = place(box.left, box.top)
        x1, y1 = place(box.right, box.bottom)
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            continue  # rotated or outside: not a place where the model should learn to read
        half = min(_MIDDLE, 1 - _MIDDLE) * (y1 - y0)
        middle = y1 - _MIDDLE * (y1 - y0)
        chars.append((code, x0, middle - half, x1, middle + half))
        word += chr(code)
    flush()
    return chars, words, word_chars
