"""PNG, JPEG, WebP and TIFF files as pages, read with Pillow inside the renderer process."""

from __future__ import annotations

import contextlib
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from colpali_demo.documents.errors import RenderFailure
from colpali_demo.documents.page import fit_size
from colpali_demo.documents.words import WordBox

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


class ImageFile:
    """An image in memory. Every image of a TIFF is a page; of an animation, the first frame is the only one.

    `stated_pages` is None: a TIFF does not say how many images it has.
    """

    stated_pages = None

    def __init__(self, data: bytes, render_pixels: int, max_pages: int, max_pixels: int) -> None:
        Image.MAX_IMAGE_PIXELS = None  # `_check_pixels` asks instead, and names the error
        self._data = data
        self._render_pixels = render_pixels
        self._max_pixels = max_pixels
        try:
            with self._open() as image:
                self.page_count = self._count(image, max_pages + 1) if image.format == "TIFF" else 1
                if self.page_count == 1:
                    image.seek(0)
                    self._check_pixels(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise RenderFailure("damaged", str(error)) from None

    def render(self, number: int) -> tuple[Image.Image, list[WordBox]]:
        """Return the page upright, on white, RGB, its longer side at most `render_pixels`; there are never words."""
        with self._open() as image:
            if number > 1:
                image.seek(number - 1)
            self._check_pixels(image)
            size = fit_size(*image.size, min(self._render_pixels, max(image.size)))
            image.draft(None, size)  # a large JPEG is decoded at a fraction of its size
            image.load()
            shrunk = _to_8_bits(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
        flat = _on_white(shrunk)
        with contextlib.suppress(Exception):  # malformed EXIF: leave the image as it is stored
            flat = ImageOps.exif_transpose(flat)
        return flat, []

    def _open(self) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self._data), formats=_FORMATS)
        except UnidentifiedImageError as error:
            raise RenderFailure("damaged", str(error)) from None

    @staticmethod
    def _count(image: Image.Image, most: int) -> int:
        """Return how many images a TIFF holds, counting no further than `most`."""
        for index in range(1, most):
            try:
                image.seek(index)
            except EOFError:
                return index
        return most

    def _check_pixels(self, image: Image.Image) -> None:
        if image.width * image.height > self._max_pixels:
            raise RenderFailure("image_too_large", f"{image.width} x {image.height} pixels")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Bring wider samples to 8 bits, palettes and bits to colors that can be resized."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("I", "F"):  # 32 bits: no range is the usual one, so use the image's own
        low, high = image.getextrema()
        scale = 255 / (high - low) if high > low else 0
        return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")
    if image.has_transparency_data and image.mode not in ("RGBA", "LA"):
        return image.convert("RGBA")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.info = image.info  # EXIF says which way is up
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
