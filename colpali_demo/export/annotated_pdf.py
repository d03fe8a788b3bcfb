"""A PDF with highlights where a score came from: real annotations, which any reader shows, lists and can remove.

Two ways: the file itself with annotations added to it (`annotate`), and a new file made from page images (`page_pdf`),
which works for scans and pictures too and opens nothing that a stranger made.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Highlight
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    PdfObject,
    TextStringObject,
)

if TYPE_CHECKING:
    from PIL import Image
    from pypdf import PageObject

    from colpali_demo.explain import Explanation, Region

DPI = 150  # dots per inch of the pages of a new file
COLOR = "f5c542"
SHOWN = 8  # regions of a page, those with the largest leads: a page that is yellow all over says nothing

Corners = tuple[float, float, float, float]
"""Left, bottom, right and top in the units of a PDF, which count from the lower left corner."""


def annotate(file: Path, explanations: Iterable[Explanation]) -> bytes:
    """Add highlights to pages of a PDF; returns the new file, in which nothing else was changed.

    Raises ValueError for a file that pypdf cannot read, or without those pages.
    """
    try:
        writer = PdfWriter(clone_from=PdfReader(file))
        for explanation in explanations:
            number = explanation.page.number - 1
            _highlight(writer, number, writer.pages[number], explanation)
        return _written(writer)
    except (PyPdfError, IndexError, KeyError, OSError) as error:
        raise ValueError(f"{file.name} cannot be annotated: {error}") from error


def page_pdf(explanations: Iterable[Explanation]) -> bytes:
    """Make a PDF of the images of pages, one page each, with their highlights."""
    writer = PdfWriter()
    for number, explanation in enumerate(explanations):
        page = explanation.page
        width, height = (72 * side / DPI for side in (page.width, page.height))
        sheet = writer.add_blank_page(width, height)
        _draw(writer, sheet, page.image, (width, height))
        _highlight(writer, number, sheet, explanation)
    return _written(writer)


def _draw(writer: PdfWriter, sheet: PageObject, image: Image.Image, size: tuple[float, float]) -> None:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=92)
    picture = DecodedStreamObject()
    picture.set_data(data.getvalue())
    entries = {
        "/Type": NameObject("/XObject"),
        "/Subtype": NameObject("/Image"),
        "/Width": NumberObject(image.width),
        "/Height": NumberObject(image.height),
        "/ColorSpace": NameObject("/DeviceRGB"),
        "/BitsPerComponent": NumberObject(8),
        "/Filter": NameObject("/DCTDecode"),
    }
    picture.update({NameObject(name): value for name, value in entries.items()})
    content = DecodedStreamObject()
    content.set_data(f"q {size[0]:.3f} 0 0 {size[1]:.3f} 0 0 cm /Page Do Q".encode())
    resources = _dictionary({"/XObject": _dictionary({"/Page": writer._add_object(picture)})})
    sheet[NameObject("/Resources")] = resources
    sheet[NameObject("/Contents")] = writer._add_object(content)


def _dictionary(entries: Mapping[str, PdfObject]) -> DictionaryObject:
    return DictionaryObject({NameObject(name): value for name, value in entries.items()})


def _highlight(writer: PdfWriter, number: int, sheet: PageObject, explanation: Explanation) -> None:
    texts = [token.text for token in explanation.tokens]
    for region in shown_regions(explanation):
        left, bottom, right, top = _corners(region.box, sheet)
        quads = [left, top, right, top, left, bottom, right, bottom]
        mark = Highlight(
            rect=(left, bottom, right, top),
            quad_points=ArrayObject(FloatObject(value) for value in quads),
            highlight_color=COLOR,
            printing=True,
        )
        mark[NameObject("/Contents")] = TextStringObject(_note(region, texts, explanation))
        mark[NameObject("/T")] = TextStringObject("ColPali demo")
        writer.add_annotation(page_number=number, annotation=mark)


def shown_regions(explanation: Explanation) -> Sequence[Region]:
    """Return the regions worth a highlight: with a lead, and won by a typed word at least, the largest leads first."""
    typed = {token.index for token in explanation.tokens if token.kind == "word"}
    regions = [region for region in explanation.regions() if typed & set(region.tokens)]
    return [region for region in regions if region.lead is None or region.lead > 0][:SHOWN]


def _note(region: Region, texts: Sequence[str], explanation: Explanation) -> str:
    words = ", ".join(texts[index] for index in region.tokens if explanation.tokens[index].kind == "word")
    note = f"“{explanation.query.text}”: {words}\nadds {region.score:.2f} to the score of {explanation.score:.2f}"
    if region.lead is not None:
        note += f"; lead over {explanation.comparison.text}: {region.lead:+.2f}"
    return note


def _corners(box: tuple[float, float, float, float], sheet: PageObject) -> Corners:
    """Return where a box, in shares of the page as it is shown, lies in the page's own units, before it is turned."""
    left, top, right, bottom = box
    turns = sheet.rotation // 90 % 4
    # The page is shown turned clockwise; turn the box back.
    for _ in range(turns):
        left, top, right, bottom = top, 1 - right, bottom, 1 - left
    area = sheet.cropbox
    x, y, width, height = (float(value) for value in (area.left, area.bottom, area.width, area.height))
    return x + left * width, y + (1 - bottom) * height, x + right * width, y + (1 - top) * height


def _written(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()
