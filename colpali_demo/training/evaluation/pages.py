"""Pages to measure with: of PDFs, drawn in the held-out fonts, printed and scanned, or photographed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from colpali_demo.documents.pdfium import PdfiumFile
from colpali_demo.training.corpus.fonts import FontSet
from colpali_demo.training.corpus.text import TextSource
from colpali_demo.training.pages.degrade import move_boxes, photograph, rescan
from colpali_demo.training.pages.drawn import make_page
from colpali_demo.training.pages.targets import bare_word

RENDER_PIXELS = 1600  # long side of a page


@dataclass
class EvaluationPage:
    """A page image, its words as searched for ("" where none), and their boxes (words, 4) in fractions."""

    name: str
    image: Image.Image
    words: list[str]
    boxes: np.ndarray


def pages_of_pdfs(files: list[Path], count: int, rng: np.random.Generator) -> list[EvaluationPage]:
    """Return about `count` pages of 30 words or more, as many from each file as its length and the others' allow."""
    pages = []
    share = math.ceil(count / len(files))
    for file in sorted(files):
        with pdfium.PdfDocument(file) as pdf:
            length = len(pdf)
        document = PdfiumFile(file.read_bytes(), RENDER_PIXELS, length)
        taken = 0
        for number in rng.permutation(length) + 1:
            page = page_of_pdf(document, file.name, int(number))
            if sum(map(bool, page.words)) >= 30:
                pages.append(page)
                taken += 1
            if taken == share:
                break
    return pages


def page_of_pdf(document: PdfiumFile, name: str, number: int) -> EvaluationPage:
    image, words = document.render(number)
    boxes = np.array([word[1:] for word in words], dtype=np.float32).reshape(-1, 4)
    return EvaluationPage(f"{name}:{number}", image, [bare_word(word[0]) for word in words], boxes)


def all_pages(files: list[Path], limit: int) -> list[EvaluationPage]:
    """Return every page with text of the files, the first `limit` of each."""
    pages = []
    for file in sorted(files):
        document = PdfiumFile(file.read_bytes(), RENDER_PIXELS, limit)
        numbers = range(1, min(document.page_count, limit) + 1)
        pages += [page for number in numbers if any((page := page_of_pdf(document, file.name, number)).words)]
    return pages


def generated_pages(
    text: list[Path], count: int, rng: np.random.Generator, font_paths: Sequence[Path]
) -> list[EvaluationPage]:
    """Draw pages like the training pages, but with the held-out font families, from the given text."""
    source, fonts = TextSource(text), FontSet.only(paths=font_paths)
    pages = []
    while len(pages) < count:
        page = make_page(rng, source, fonts)
        if len(page.words) >= 30:
            words = [bare_word(word) for word in page.words]
            pages.append(EvaluationPage(f"generated:{len(pages)}", page.image, words, np.asarray(page.word_boxes)))
    return pages


def rescanned(pages: list[EvaluationPage], rng: np.random.Generator) -> list[EvaluationPage]:
    """Return the same pages printed and scanned: skew, blur, gray paper, JPEG at quality 40."""
    result = []
    for page in pages:
        image, affine = rescan(page.image, rng)
        result.append(EvaluationPage(page.name, image, page.words, move_boxes(page.boxes, affine)))
    return result


def photographed(pages: list[EvaluationPage], rng: np.random.Generator) -> list[EvaluationPage]:
    """Return the same pages printed and photographed by phone: in perspective, in a shadow, a little out of focus."""
    result = []
    for page in pages:
        image, boxes = photograph(page.image, page.boxes, rng)
        result.append(EvaluationPage(page.name, image, page.words, boxes))
    return result
