"""Queries that are suggested for documents: their own headings."""

from __future__ import annotations

import pytest
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.documents import open_document
from colpali_demo.web.suggestions import suggested_queries


@pytest.fixture
def read(tmp_path):
    """Makes a PDF of lines, (size, text) each, a list a page; its pages."""

    def make(*pages):
        path = tmp_path / "made.pdf"
        canvas = Canvas(str(path), pagesize=(400, 500))
        for lines in pages:
            top = 460
            for size, text in lines:
                canvas.setFont("Helvetica", size)
                canvas.drawString(30, top, text)
                top -= 2 * size
            canvas.showPage()
        canvas.save()
        with open_document(path) as document:
            return list(document)

    return make


BODY = [(10, "The towns along the river paid for the works themselves,"), (10, "and kept paying for the repairs.")] * 3


def test_headings_are_suggested_the_largest_first_and_the_title_last(read):
    pages = read(
        [(30, "Floods and fairness"), *BODY],
        [(16, "3.2 Cost of the barriers:"), *BODY],
        [(20, "Who pays for repairs?"), *BODY],
        [*BODY],
    )
    assert suggested_queries(pages) == ["Who pays for repairs?", "Cost of the barriers", "Floods and fairness"]
    assert suggested_queries(pages, most=1) == ["Who pays for repairs?"]


def test_one_of_a_page_and_nothing_that_stands_on_every_page(read):
    pages = read(
        [(14, "River works report"), *BODY],
        [(14, "River works report"), (20, "Cost of barriers"), (16, "Other large costs"), *BODY],
        [(14, "River works report"), *BODY],
    )
    assert suggested_queries(pages) == ["Cost of barriers"]


def test_nothing_is_invented_where_there_are_no_headings(read):
    assert suggested_queries(read(BODY, BODY)) == []
    assert suggested_queries(read([])) == []
    assert suggested_queries(read([(30, "17"), (24, "Contents"), *BODY])) == []


def test_every_suggestion_for_the_samples_is_in_their_text():
    for name in ("annual-report", "cooler-streets", "river-ice-paper"):
        with open_document(f"assets/samples/{name}.pdf") as document:
            pages = list(document)
        text = {" ".join(word.text for word in page.words) for page in pages}
        queries = suggested_queries(pages)
        assert len(queries) == 3, name
        for query in queries:
            assert any(query in each for each in text), (name, query)
