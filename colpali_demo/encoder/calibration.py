"""The calibration of a checkpoint: which matches are weak.

Every query makes some patch of every page hot, so a score alone says little.

The measure is the word mean: the mean MaxSim over the tokens of typed words, each weighted by the square of what the
reference pages leave it to find. Those are pages of function words, which answer nothing. "the" has the same MaxSim
there as anywhere, so it weighs nothing; "emissions" has a low one there, so it decides.

Which word mean is too low depends on the checkpoint. So each searches a few pages that are printed for this: every
query finds its words on one page, and does not find them on the others. The threshold lies between the 95th percentile
of the word means on pages without the words and the 5th percentile of those on pages with them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colpali_demo import maxsim
from colpali_demo.encoder.interface import AnyEncoder, Calibration

if TYPE_CHECKING:
    from torch import Tensor

    from colpali_demo.encoder.layout import QueryEmbedding

WEAK_MATCH = (
    "Weak match: the words typed find no more here than unrelated questions find on pages that do not answer them."
)
"""What a weak match is, in the one sentence that is shown for it."""

QUANTILE = 0.95
NEARER_TO_ANSWERED = 2 / 3
"""How far from the one percentile to the other the threshold lies. Most of the way, because a search goes over more
pages than a calibration, and chance finds more on many; chosen on the questions of benchmarks/questions."""
PAGE_SIZE = (1240, 1754)  # A4 at 150 dots per inch
MARGIN = 120  # pixels
REFERENCE_PRINT = (28, 44)  # sizes of letters in pixels, of body text and of large print: one reference page of each
CALIBRATION_PAGES = 4
CALIBRATION_PRINT = 24  # pixels

_FUNCTION_WORDS = """
the of and to in a is that for it on with as was are be by at or from this which have not has had but they
their its were been can all will would there what how when where who whom why whose do does did if than then
so such more most much many some any each both few other into over under about after before between through
during up down out off again only own same too very no nor you your we our he his him she her i my me them
these those am being having because while until against should could may might must shall per far long often
old one two
"""
FUNCTION_WORDS = _FUNCTION_WORDS.split()
"""The commonest words of English that say nothing of what a page is about, those that questions begin with included."""

# Of one word to nine, as people type them: the fewer words, the more their mean varies.
UNRELATED_QUERIES = (
    "harpsichord",
    "falconry",
    "lullabies",
    "sourdough",
    "juggling",
    "arctic terns",
    "queen's gambit",
    "puppet opera",
    "lemon marmalade",
    "sailing knots",
    "guide dog puppy",
    "underwater hockey rules",
    "vintage fountain pen",
    "samba drumming patterns",
    "moon and tides",
    "beekeeping on city rooftops",
    "symptoms of altitude sickness",
    "goalkeeper gloves size chart",
    "repairing a bicycle puncture",
    "best yarn for baby socks",
    "pruning apple trees in late winter",
    "glass blowing workshop for complete beginners",
    "ghost stories told in a lighthouse",
    "carving a canoe paddle from ash",
    "lost city beneath the desert sand",
    "penguin chicks leaving the nest at last",
    "dinosaur footprints found by schoolchildren on a beach",
    "who painted the ceiling of the old monastery",
    "how volcanoes form on the floor of oceans",
    "how often should a long-haired rabbit be brushed",
    "which orchids can grow in a dark bathroom",
    "why do cats purr when they are asleep",
)


def calibrate(encoder: AnyEncoder) -> Calibration:
    """Measure which word means queries reach on a page that holds their words, and on pages that do not."""
    pages = [page.vectors for page in encoder.embed_pages(calibration_images())]
    answered, unrelated = [], []
    for number, text in enumerate(UNRELATED_QUERIES):
        query = encoder.embed_query(text)
        reference = [_terms(query, page.vectors) for page in encoder.reference_pages]
        terms = [_terms(query, page) for page in pages]
        answered.append(word_mean(query, terms.pop(number % CALIBRATION_PAGES), reference))
        # As a search would show it: the best of the pages counts.
        unrelated.append(word_mean(query, max(terms, key=sum), reference))
    low, high = np.quantile(unrelated, QUANTILE), np.quantile(answered, 1 - QUANTILE)
    return Calibration(float(low + NEARER_TO_ANSWERED * (high - low)), QUANTILE, tuple(unrelated), tuple(answered))


def _terms(query: QueryEmbedding, page: Tensor) -> list[float]:
    return maxsim.row_maxima(maxsim.similarities(query.vectors, page))[0].tolist()


def word_mean(
    query: QueryEmbedding, terms: Sequence[float], reference: Sequence[Sequence[float]] | np.ndarray
) -> float | None:
    """Return the mean of the terms of typed words, weighted by what reference pages leave them to find.

    terms: the MaxSim of each token on a page, (tokens,)
    reference: the same on each reference page, (pages, tokens)

    A token weighs (1 - its best term on reference pages) squared. None when no word was typed.
    """
    typed = [token.index for token in query.tokens if token.kind == "word"]
    if not typed:
        return None
    # Rounding may carry a cosine above 1; a query of nothing but perfect finds has the plain mean.
    weights = np.clip(1 - np.max(np.asarray(reference, dtype=np.float64), axis=0)[typed], 1e-6, None) ** 2
    return float(weights @ np.asarray(terms, dtype=np.float64)[typed] / weights.sum())


def is_function_word(word: str) -> bool:
    """Return whether a typed word is one of `FUNCTION_WORDS`, or nothing but punctuation."""
    letters = "".join(char for char in word.casefold() if char.isalnum())
    return not letters or letters in FUNCTION_WORDS


def blank_page() -> Image.Image:
    """Return a white page."""
    return Image.new("RGB", PAGE_SIZE, "white")


def reference_images() -> list[Image.Image]:
    """Return pages of function words in no order, one in body text and one in large print, the same at every call."""
    chance, pages = random.Random(0), []
    for size in REFERENCE_PRINT:
        words: list[str] = []
        while len(words) * size * size < 2 * PAGE_SIZE[0] * PAGE_SIZE[1]:  # more than fit
            words += chance.sample(FUNCTION_WORDS, len(FUNCTION_WORDS))
        pages.append(_printed(words, size))
    return pages


def calibration_images() -> list[Image.Image]:
    """Return pages that hold the words of every fourth unrelated query, function words between them."""
    chance, pages = random.Random(0), []
    for page in range(CALIBRATION_PAGES):
        words: list[str] = []
        for text in UNRELATED_QUERIES[page::CALIBRATION_PAGES]:
            words += [*text.split(), *chance.sample(FUNCTION_WORDS, 6)]
        pages.append(_printed(words, CALIBRATION_PRINT))
    return pages


def made_up_page() -> Image.Image:
    """Return a page full of words that do not exist, the same at every call."""
    chance = random.Random(0)
    words = ["".join(chance.choices("bcdfghjklmnpqrstvwxz", k=chance.randint(2, 9))) for _ in range(400)]
    return _printed(words, 28)


def _printed(words: Sequence[str], size: int) -> Image.Image:
    """Return a page of words in print, line by line from the top, as many as fit."""
    page = blank_page()
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    left, top = MARGIN, MARGIN
    for word in words:
        length = draw.textlength(f"{word} ", font=font)
        if left + length > PAGE_SIZE[0] - MARGIN:
            left, top = MARGIN, top + round(1.5 * size)
        if top + size > PAGE_SIZE[1] - MARGIN:
            break
        draw.text((left, top), word, fill="black", font=font)
        left += length
    return page
