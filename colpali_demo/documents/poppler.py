"""PDFs drawn with pdf2image, which runs poppler's `pdfinfo` and `pdftoppm`: the second opinion.

Poppler opens some files that PDFium does not. It is five times slower and gives no words, because boxes of its
`pdftotext` do not line up with rotated or cropped pages. Its programs inherit the limits of the renderer process, and
are in its process group, so whoever kills that group stops them too: pdf2image's own `timeout` covers not all of them.
"""

from __future__ import annotations

import re

import pdf2image
from pdf2image.exceptions import PDFInfoNotInstalledError, PDFPageCountError
from PIL import Image

from colpali_demo.documents.errors import RenderFailure
from colpali_demo.documents.page import fit_size
from colpali_demo.documents.words import WordBox


class PopplerFile:
    """A PDF at `path`, which must be absolute: names are read as options where they begin with a dash."""

    def __init__(self, path: str, render_pixels: int, max_pages: int) -> None:
        self._path = path
        self._render_pixels = render_pixels
        try:
            info = pdf2image.pdfinfo_from_path(path, first_page=1, last_page=max_pages + 1)
        except PDFInfoNotInstalledError as error:
            raise RenderFailure("renderer_missing", str(error)) from None
        except PDFPageCountError as error:
            locked = "Incorrect password" in str(error)
            raise RenderFailure("password_protected" if locked else "damaged", str(error)) from None
        # The number of pages that the file states may be a lie; those with a size are there.
        self.stated_pages = info.get("Pages")
        there = [
            int(match[1])
            for key, size in info.items()
            if (match := re.fullmatch(r"Page +(\d{1,9}) size", key)) and not size.startswith("0 x 0 ")
        ]
        self.page_count = min(max(there, default=0), max_pages + 1)
        if self.page_count < 1:
            raise RenderFailure("no_pages")

    def render(self, number: int) -> tuple[Image.Image, list[WordBox]]:
        """Return the page as an RGB image whose longer side is `render_pixels`; there are never words."""
        images = pdf2image.convert_from_path(
            self._path, first_page=number, last_page=number, size=self._render_pixels, use_cropbox=True
        )
        # pdf2image ignores exit codes: a page that failed is missing, or comes as a single pixel.
        if len(images) != 1 or abs(max(images[0].size) - self._render_pixels) > 1:
            raise RenderFailure("page_failed", f"poppler made {[image.size for image in images]}")
        image = images[0].convert("RGB")
        size = fit_size(*image.size, self._render_pixels)
        return (image if image.size == size else image.resize(size)), []
