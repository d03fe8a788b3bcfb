"""PDFs drawn with PDFium, for the renderer process: PDFium must not run inside a server (see `child`)."""

from __future__ import annotations

import contextlib

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from colpali_demo.documents.errors import RenderFailure
from colpali_demo.documents.page import fit_size
from colpali_demo.documents.words import WordBox, page_words

_OPEN_ERRORS = {
    pdfium_c.FPDF_ERR_PASSWORD: "password_protected",
    pdfium_c.FPDF_ERR_SECURITY: "password_protected",  # an unknown kind of lock
    pdfium_c.FPDF_ERR_SUCCESS: "no_pages",  # the file is sound, but PDFium finds no page tree in it
}


class PdfiumFile:
    """A PDF in memory. `page_count` stops at `max_pages` + 1, which says that there are more.

    `stated_pages` is what the file says: looking for pages that are not read could take forever.
    """

    def __init__(self, data: bytes, render_pixels: int, max_pages: int) -> None:
        try:
            self._pdf = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            raise RenderFailure(_OPEN_ERRORS.get(error.err_code, "damaged"), str(error)) from None
        with contextlib.suppress(pdfium.PdfiumError):  # a form that cannot be filled can still be seen
            self._pdf.init_forms()
        self._render_pixels = render_pixels
        # PDFium believes the count that the file states; count down to a page that is there.
        self.stated_pages = len(self._pdf)
        self.page_count = min(self.stated_pages, max_pages + 1)
        size = pdfium_c.FS_SIZEF()
        while self.page_count and not pdfium_c.FPDF_GetPageSizeByIndexF(self._pdf, self.page_count - 1, size):
            self.page_count -= 1
        if self.page_count < 1:
            raise RenderFailure("no_pages")

    def render(self, number: int) -> tuple[Image.Image, list[WordBox]]:
        """Return the page as an RGB image whose longer side is `render_pixels`, and its words."""
        try:
            page = self._pdf[number - 1]
        except pdfium.PdfiumError as error:
            raise RenderFailure("page_failed", str(error)) from None
        try:
            image = self._draw(page)
            try:
                words = page_words(page)
            except pdfium.PdfiumError:  # a page without readable text is still a page
                words = []
            return image, words
        finally:
            page.close()

    def _draw(self, page: pdfium.PdfPage) -> Image.Image:
        width, height = fit_size(*page.get_size(), self._render_pixels)
        bitmap = pdfium.PdfBitmap.new_native(width, height, pdfium_c.FPDFBitmap_BGR)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        place = (0, 0, width, height, 0, pdfium_c.FPDF_ANNOT)
        pdfium_c.FPDF_RenderPageBitmap(bitmap, page, *place)
        if page.formenv:
            pdfium_c.FPDF_FFLDraw(page.formenv, bitmap, page, *place)
        return bitmap.to_pil()
