"""Erase boxes of a page, so that it can be embedded anew without them.

A black or white box would be something to see. So each box is filled with the background around it, the color that is
commonest in the page's own surroundings of the box: erased print leaves paper, whatever the paper's color.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2: occlude a part of the
image and see what the model says then. https://arxiv.org/abs/1311.2901
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from colpali_demo.documents.page import Page, Word

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in shares of the page, 0 to 1 from its top left corner."""

SURROUNDINGS = 0.02  # share of the page's longer side: how far around a box its background is looked for
SHADES = 16  # steps of each color channel that count as one color: paper in a scan has no two equal pixels


@dataclass(frozen=True)
class ErasedPage(Page):
    """A page of which parts were erased.

    erased: the boxes that were erased, or, where `inverted`, the only ones that were not

    Its `jpeg` is that of the whole page, its `image` the page without the erased parts, pixel by pixel: it is never
    compressed again. Words whose center was erased are no longer among its `words`.
    """

    erased: tuple[Box, ...] = ()
    inverted: bool = False

    @property
    def label(self) -> str:
        """What was done, for whatever shows the page: "2 regions erased; embedded anew; the index is unchanged"."""
        count = count_regions(self.erased)
        regions = f"{count} region{'' if count == 1 else 's'}"
        erased = f"everything but {regions} erased" if self.inverted else f"{regions} erased"
        return f"{erased}; embedded anew; the index is unchanged"

    @property
    def image(self) -> Image.Image:
        """The page without the erased parts, RGB; a new image at each call."""
        whole = super().image
        return keep_boxes(whole, self.erased) if self.inverted else fill_boxes(whole, self.erased)


def parse_box(text: str) -> Box:
    """Return the box that four numbers with commas between them name. Raises ValueError for anything else."""
    left, top, right, bottom = map(float, text.split(","))
    return left, top, right, bottom


def erase(page: Page, boxes: Sequence[Box]) -> ErasedPage:
    """Erase boxes of a page, on top of what was erased of it before.

    Raises ValueError for a box that is empty or leaves the page, and for a page of which only some boxes were kept.
    """
    before = ()
    if isinstance(page, ErasedPage):
        if page.inverted:
            raise ValueError("everything but some boxes of this page is erased already; start from the whole page")
        before = page.erased
    boxes = (*before, *_checked(boxes))
    words = tuple(word for word in page.words if not _covers(boxes, word))
    return _edited(page, words, boxes, inverted=False)


def erase_all_but(page: Page, boxes: Sequence[Box]) -> ErasedPage:
    """Erase everything but some boxes of a page. Raises ValueError as `erase`, and for a page erased in part before."""
    if isinstance(page, ErasedPage) and (page.erased or page.inverted):
        raise ValueError("parts of this page are erased already; start from the whole page")
    boxes = _checked(boxes)
    words = tuple(word for word in page.words if _covers(boxes, word))
    return _edited(page, words, boxes, inverted=True)


def _edited(page: Page, words: tuple[Word, ...], boxes: tuple[Box, ...], inverted: bool) -> ErasedPage:
    values = {field.name: getattr(page, field.name) for field in fields(Page)}
    return ErasedPage(**{**values, "words": words}, erased=boxes, inverted=inverted)


def _checked(boxes: Sequence[Box]) -> tuple[Box, ...]:
    for box in boxes:
        left, top, right, bottom = box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"{tuple(box)} is no box: it takes 0 <= left < right <= 1 and 0 <= top < bottom <= 1")
    return tuple((float(left), float(top), float(right), float(bottom)) for left, top, right, bottom in boxes)


def _covers(boxes: Sequence[Box], word: Word) -> bool:
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


def fill_boxes(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Fill boxes of an image with the background around each of them; every pixel that a box touches is filled."""
    from PIL import Image  # a process that only names pages needs no Pillow

    pixels = np.array(image)
    erased = covered(boxes, *pixels.shape[:2])
    filled = pixels.copy()
    for box in boxes:
        top, bottom, left, right = _pixels(box, *pixels.shape[:2])
        filled[top:bottom, left:right] = background(pixels, erased, (top, bottom, left, right))
    return Image.fromarray(filled)


def keep_boxes(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Fill everything but some boxes of an image with the background of the whole image."""
    from PIL import Image

    pixels = np.array(image)
    kept = covered(boxes, *pixels.shape[:2])
    whole = 0, pixels.shape[0], 0, pixels.shape[1]
    filled = np.empty_like(pixels)
    filled[:] = background(pixels, np.zeros_like(kept), whole)
    filled[kept] = pixels[kept]
    return Image.fromarray(filled)


def covered(boxes: Sequence[Box], height: int, width: int) -> np.ndarray:
    """Return which pixels of an image some box touches: bool (height, width)."""
    mask = np.zeros((height, width), dtype=bool)
    for box in boxes:
        top, bottom, left, right = _pixels(box, height, width)
        mask[top:bottom, left:right] = True
    return mask


def background(pixels: np.ndarray, erased: np.ndarray, place: tuple[int, int, int, int]) -> np.ndarray:
    """Return the commonest color in and around a place of an image, as three uint8.

    pixels: uint8 (height, width, 3)
    erased: pixels that do not count, bool (height, width), unless too few others are left
    place: top, bottom, left, right in pixels
    """
    top, bottom, left, right = place
    reach = max(2, round(SURROUNDINGS * max(pixels.shape[:2])))
    around = (slice(max(top - reach, 0), bottom + reach), slice(max(left - reach, 0), right + reach))
    colors, counted = pixels[around].reshape(-1, 3), ~erased[around].ravel()
    if counted.mean() > 0.05:
        colors = colors[counted]
    shades = colors.astype(np.int32) // (256 // SHADES)
    codes = (shades[:, 0] * SHADES + shades[:, 1]) * SHADES + shades[:, 2]
    commonest = np.bincount(codes).argmax()
    return np.median(colors[codes == commonest], axis=0).astype(np.uint8)


def count_regions(boxes: Sequence[Box]) -> int:
    """Return how many regions boxes form, where those that touch each other, be it at a corner, are one."""
    regions: list[list[Box]] = []
    for box in boxes:
        touched = [region for region in regions if any(_touch(box, other) for other in region)]
        regions = [region for region in regions if region not in touched]
        regions.append([box, *(other for region in touched for other in region)])
    return len(regions)


def _touch(one: Box, other: Box) -> bool:
    slack = 1e-6  # edges that are equal may differ by the last bit of a float
    return all(one[start] <= other[start + 2] + slack and other[start] <= one[start + 2] + slack for start in (0, 1))


def _pixels(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of the smallest rectangle of whole pixels around a box."""
    left, top, right, bottom = box
    # Shares such as 7/64 may miss an edge between pixels by the last bit of a float.
    slack = 1e-6
    return (
        int(np.floor(top * height + slack)),
        int(np.ceil(bottom * height - slack)),
        int(np.floor(left * width + slack)),
        int(np.ceil(right * width - slack)),
    )
