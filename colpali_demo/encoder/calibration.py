"""When is a match weak? Every query lights up something on every page, so a score alone says little.

The measure is the word mean: the mean MaxSim over the tokens of typed words (the other tokens find much the same on any
page). It is compared with the word means of queries that have nothing to find: unrelated queries on a blank page and on
a page of made-up words. Each query counts with the better of its pages, as a search would show it. A match is weak when
its word mean is below the 95th percentile of theirs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colpali_demo import maxsim
from colpali_demo.encoder.interface import AnyEncoder, Calibration

QUANTILE = 0.95
PAGE_SIZE = (1240, 1754)  # A4 at 150 dots per inch

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


def calibrate(encoder: AnyEncoder, pages: Sequence[Image.Image] = ()) -> Calibration:
    """Measure what unrelated queries find on a blank page, a page of made-up words, and `pages`, if any are given."""
    vectors = [page.vectors for page in encoder.embed_pages([blank_page(), made_up_page(), *pages])]
    unrelated = []
    for text in UNRELATED_QUERIES:
        query = encoder.embed_query(text)
        maxima = [maxsim.row_maxima(maxsim.similarities(query.vectors, page))[0] for page in vectors]
        unrelated.append(max(query.word_mean(terms.tolist()) for terms in maxima))
    return Calibration(float(np.quantile(unrelated, QUANTILE)), QUANTILE, tuple(unrelated))


def blank_page() -> Image.Image:
    """A white page."""
    return Image.new("RGB", PAGE_SIZE, "white")


def made_up_page() -> Image.Image:
    """A page full of words that do not exist, the same at every call."""
    chance = random.Random(0)
    page = blank_page()
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(28)
    for top in range(120, PAGE_SIZE[1] - 120, 42):
        words = ("".join(chance.choices("bcdfghjklmnpqrstvwxz", k=chance.randint(2, 9))) for _ in range(9))
        draw.text((120, top), " ".join(words), fill="black", font=font)
    return page
