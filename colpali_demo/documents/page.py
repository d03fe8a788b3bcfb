"""Pages and their words, as everything after this package sees them."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from colpali_demo.documents.errors import RenderFailure

if TYPE_CHECKING:
    from PIL import Image

MIN_SIDE = 8  # pixels; nothing can be shown, or embedded, in less


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text layer. Its box is in fractions of the page image: 0..1, from the top left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Page:
    """One rendered page. It keeps the JPEG and not the pixels, so that many pages fit in memory."""

    document_id: str  # first 16 hexadecimal digits of the SHA-256 of the file
    source: str  # display name: no folders, nothing invisible; may be anything a stranger typed
    number: int  # counts from 1
    width: int  # pixels of the image
    height: int
    jpeg: bytes = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)  # words in the order of the file; () without a text layer
    blank: bool  # nothing but one color

    @property
    def image(self) -> Image.Image:
        """The decoded page, RGB, of `width` x `height` pixels; a new image at each call."""
        from PIL import Image  # a process that only names pages needs no Pillow

        image = Image.open(io.BytesIO(self.jpeg), formats=("JPEG",))
        image.load()
        return image


def fit_size(width: float, height: float, long_side: int) -> tuple[int, int]:
    """Scale the size of a page, in any unit, to pixels, so that its longer side is `long_side`: (width, height).

    Raises RenderFailure: page_failed for sides that are not positive numbers, page_too_small where the shorter side
    comes out under `MIN_SIDE` pixels.
    """
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise RenderFailure("page_failed", f"page of {width} x {height}")
    scale = long_side / max(width, height)
    size = round(width * scale), round(height * scale)
    if min(size) < MIN_SIDE:
        raise RenderFailure("page_too_small", f"page of {width} x {height}")
    return size
