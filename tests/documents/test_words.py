from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.documents import Page, open_document
from colpali_demo.settings import Settings
from tests.documents.pdf_files import Content, pages_pdf, stream, text

Save = Callable[..., Path]

CONTENT = (
    text("Revenue by region", 120, 500)
    + text("upward", 300, 300, matrix="0 1 -1 0")
    + text("aslant", 200, 200, matrix=".7 .7 -.7 .7")
    + text("overhead", 480, 430, matrix="-1 0 0 -1")
)
ROTATIONS = [b"", b"/Rotate 90", b"/Rotate 180", b"/Rotate 270"]
BOXES = [b"", b"/CropBox[100 150 560 560]", b"/CropBox[-100 150 560 5600]"]


def read_page(path: Path, settings: Settings) -> Page:
    with open_document(path, settings=settings) as document:
        return next(iter(document))


def words_of(path: Path, settings: Settings) -> list[str]:
    return [word.text for word in read_page(path, settings).words]


@pytest.mark.parametrize("crop", BOXES, ids=["no crop", "crop", "crop beyond the page"])
@pytest.mark.parametrize("rotation", ROTATIONS, ids=["0", "90", "180", "270"])
@pytest.mark.parametrize("box", [b"0 0 612 792", b"-50 100 600 900"], ids=["origin", "offset"])
def test_boxes_hold_all_the_ink(save: Save, settings: Settings, box: bytes, rotation: bytes, crop: bytes) -> None:
    page = read_page(save(pages_pdf([CONTENT], box=box, attributes=rotation + crop)), settings)
    assert [word.text for word in page.words] == ["Revenue", "by", "region", "upward", "aslant", "overhead"]
    dark = np.asarray(page.image.convert("L")) < 128
    for word in page.words:
        rows = slice(round(word.top * page.height), round(word.bottom * page.height))
        columns = slice(round(word.left * page.width), round(word.right * page.width))
        assert dark[rows, columns].mean() > 0.05, word
        # A pixel of margin, for boxes end between pixels.
        dark[max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1] = False
    assert not dark.any()


def test_words_are_clipped_to_the_page(save: Save, settings: Settings) -> None:
    content = text("outside", -500, 700) + text("halfway", 580, 500) + text("below", 100, -200)
    (word,) = read_page(save(pages_pdf([content])), settings).words
    assert word.text == "halfway"
    assert word.right == 1.0 and 0.9 < word.left < 1.0


def test_words_end_at_spaces_lines_and_hyphens(save: Save, settings: Settings) -> None:
    content = text("A line that ends in reve-", y=700) + text("nue,  and another", y=670) + text("far", x=500, y=670)
    assert words_of(save(pages_pdf([content])), settings) == [
        *("A", "line", "that", "ends", "in", "reve", "nue,", "and", "another", "far"),
    ]


def test_chinese_is_split_by_character(tmp_path: Path, settings: Settings) -> None:
    registerFont(UnicodeCIDFont("STSong-Light"))
    path = tmp_path / "chinese.pdf"
    canvas = Canvas(str(path))
    canvas.setFont("STSong-Light", 20)
    canvas.drawString(50, 500, "年度报告 PDF 2024年")
    canvas.save()
    words = read_page(path, settings).words
    assert [word.text for word in words] == ["年", "度", "报", "告", "PDF", "2024", "年"]
    lefts = [word.left for word in words]
    assert lefts == sorted(lefts)


def test_characters_beyond_sixteen_bits_are_whole_and_unmapped_glyphs_left_out(save: Save, settings: Settings) -> None:
    unicode_map = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap"
        b" 1 begincodespacerange <00> <ff> endcodespacerange 5 beginbfchar"
        b" <41> <D83DDE00> <42> <0000> <43> <D840DC0B> <44> <D800> <45> <00660069>"
        b" endbfchar endcmap end end"
    )
    font = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 1000 0 R>>>>"
    content = Content(text("xABCDE y"), objects={1000: stream(unicode_map)})
    assert words_of(save(pages_pdf([content], font=font)), settings) == ["x😀", "𠀋", "fi", "y"]


def test_a_page_without_a_text_layer_has_no_words(save: Save, settings: Settings) -> None:
    page = read_page(save(pages_pdf([b"100 100 200 200 re f"])), settings)
    assert page.words == () and not page.blank


def test_a_page_of_nothing_but_text_stays_within_bounds(save: Save, settings: Settings) -> None:
    lines = b"".join(text("x" * 1000, 10, y, 0.9) for y in range(100, 700, 10))
    words = read_page(save(pages_pdf([lines])), settings).words
    assert sum(len(word.text) for word in words) <= 50_000
    assert len(words) > 100 and max(len(word.text) for word in words) == 200
