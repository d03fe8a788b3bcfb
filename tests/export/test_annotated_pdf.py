"""Highlights are real annotations where the regions are, on pages of any rotation."""

import io

import pypdfium2 as pdfium
import pytest
from pypdf import PdfReader, PdfWriter

from colpali_demo.documents import open_document
from colpali_demo.export.annotated_pdf import annotate, page_pdf, shown_regions
from colpali_demo.retrieval import PageIndex
from tests.documents.pdf_files import pages_pdf, text


def highlights(data: bytes) -> list[list]:
    """Return the highlights of every page."""
    return [
        [mark.get_object() for mark in page.get("/Annots", []) if mark.get_object()["/Subtype"] == "/Highlight"]
        for page in PdfReader(io.BytesIO(data)).pages
    ]


@pytest.fixture(params=[0, 90, 180, 270])
def file(request, tmp_path):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pages_pdf([text("revenue by region"), text("the board")]))))
    for page in writer.pages:
        page.rotate(request.param)
    path = tmp_path / "turned.pdf"
    writer.write(path)
    return path


@pytest.fixture
def explanations(file, encoder):
    index = PageIndex(encoder)
    with open_document(file) as document:
        index.add(document)
    return [hit.explain() for hit in index.rank("see table 3 page 12 (a/b) = [c] {d} e*f")]


def test_a_file_gets_highlights_where_its_regions_are(file, explanations):
    data = annotate(file, explanations)
    marks = highlights(data)
    rendered = pdfium.PdfDocument(data)
    assert sum(map(len, marks)) > 0
    for why in explanations:
        number = why.page.number - 1
        regions = shown_regions(why)
        assert len(marks[number]) == len(regions)
        page = rendered[number]
        width, height = page.get_size()
        for mark, region in zip(marks[number], regions, strict=True):
            left, bottom, right, top = (float(value) for value in mark["/Rect"])
            # PDFium maps the corners to where a reader shows them.
            corners = [_shown(page, x, y) for x, y in ((left, bottom), (right, top))]
            xs, ys = (sorted(values) for values in zip(*corners, strict=True))
            assert (xs[0], ys[0], xs[1], ys[1]) == pytest.approx(region.box, abs=2e-3)
            assert f"{region.score:.2f}" in mark["/Contents"] and why.query.text in mark["/Contents"]


def _shown(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    import ctypes

    import pypdfium2.raw as raw

    device_x, device_y = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, 10_000, 10_000, 0, x, y, device_x, device_y)
    return device_x.value / 10_000, device_y.value / 10_000


def test_pages_of_images_become_a_file_with_highlights(explanations):
    data = page_pdf(explanations)
    assert [len(marks) for marks in highlights(data)] == [len(shown_regions(why)) for why in explanations]
    page = pdfium.PdfDocument(data)[0]
    image = page.render(scale=150 / 72).to_pil()
    assert image.size == pytest.approx((explanations[0].page.width, explanations[0].page.height), abs=1)


def test_what_is_no_pdf_is_refused(tmp_path, explanations):
    (tmp_path / "a.pdf").write_bytes(b"not a PDF")
    with pytest.raises(ValueError, match="a.pdf cannot be annotated"):
        annotate(tmp_path / "a.pdf", explanations)
