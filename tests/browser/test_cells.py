"""Winners that stand for several cells: outlined as sets in the lens and in pictures, ringed in the matrix."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from planted import plant

from colpali_demo.encoder.layout import PageLayout, patch, prompt_token
from colpali_demo.export.standalone import standalone

ROWS, COLS = 6, 8
POOLED = {
    1: ((0, 1), (0, 2)),  # a rectangle
    2: ((2, 0), (3, 0), (3, 1)),  # an L
    3: ((1, 6), (4, 3), (4, 4)),  # in two pieces
}


@pytest.fixture
def page(tmp_path, new_visitor):
    """The lens with a page whose vectors 1, 2 and 3 are pooled, found by the tokens of the same number."""
    taken = {cell for cells in POOLED.values() for cell in cells}
    single = (patch((row, col)) for row in range(ROWS) for col in range(COLS) if (row, col) not in taken)
    layout = PageLayout(ROWS, COLS, (prompt_token("<bos>"), *(patch(*cells) for cells in POOLED.values()), *single))
    value, _ = plant(tmp_path, layout, [0, 1, 2, 3, 0])
    file = tmp_path / "pooled.html"
    file.write_bytes(standalone(value))
    visitor = new_visitor(accept_downloads=True)
    visitor.page.goto(file.as_uri())
    visitor.page.wait_for_selector("#lens[data-search]")
    return visitor.show_every_token().page


def choose(page, token: int) -> None:
    page.click("#lens .chip[data-token=sum]")
    page.click(f'#lens .chip[data-token="{token}"]')
    page.mouse.move(0, 0)


@pytest.mark.parametrize("token", POOLED)
def test_a_set_of_cells_is_hot_and_outlined_as_one(page, token):
    cells = POOLED[token]
    choose(page, token)
    box = page.locator("#lens .box")
    assert box.count() == 1
    sheet, found = page.locator("#lens .paper").bounding_box(), box.bounding_box()
    rows, cols = [row for row, _ in cells], [col for _, col in cells]
    wide, high = sheet["width"] / COLS, sheet["height"] / ROWS
    assert found["x"] == pytest.approx(sheet["x"] + min(cols) * wide, abs=1)
    assert found["y"] == pytest.approx(sheet["y"] + min(rows) * high, abs=1)
    assert found["width"] == pytest.approx((max(cols) - min(cols) + 1) * wide, abs=1)
    assert found["height"] == pytest.approx((max(rows) - min(rows) + 1) * high, abs=1)
    lines = {1: 0, 2: 1, 3: 2}[token]  # a rectangle has its box; other sets a line around each piece
    drawn = page.locator("#lens .box g path").first.get_attribute("d") if lines else ""
    assert drawn.count("M") == lines
    hot = page.evaluate(
        """([rows, cols]) => {
          const canvas = document.querySelector('#lens canvas.heat');
          const context = canvas.getContext('2d');
          const found = [];
          for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) {
            const at = [((col + 0.5) * canvas.width) / cols, ((row + 0.5) * canvas.height) / rows];
            if (context.getImageData(...at, 1, 1).data[3]) found.push([row, col]);
          }
          return found;
        }""",
        [ROWS, COLS],
    )
    assert sorted(map(tuple, hot)) == sorted(cells)


def test_words_and_cards_name_the_set(page):
    choose(page, 2)
    assert "stands for 3 patches (row 2, col 0; row 3, col 0; row 3, col 1)" in page.inner_text("#lens .headline")
    assert "3 patches, row 2, col 0; row 3, col 0; row 3, col 1" in page.get_attribute(
        '#lens .chip[data-token="2"]', "title"
    )
    sheet = page.locator("#lens .page").bounding_box()
    for row, col in POOLED[2]:
        page.mouse.move(
            sheet["x"] + (col + 0.5) * sheet["width"] / COLS, sheet["y"] + (row + 0.5) * sheet["height"] / ROWS
        )
        assert "★ wins" in page.inner_text("#lens .card")
    page.focus("#lens .page")
    page.keyboard.press("Enter")
    assert "Patch row 3, col 0" in page.inner_text("#lens .card")  # the cell of the set nearest to its middle


def test_lines_lead_to_the_middle_of_a_set(page):
    choose(page, 3)
    page.click("#lens [data-choice=winners]")
    page.mouse.move(0, 0)
    (path,) = page.locator("#lens .leaders path").all()
    end_x, end_y = (float(number) for number in re.findall(r"[\d.]+", path.get_attribute("d"))[-2:])
    body = page.locator("#lens [data-part=body]").bounding_box()
    sheet = page.locator("#lens .paper").bounding_box()
    rows, cols = [row + 0.5 for row, _ in POOLED[3]], [col + 0.5 for _, col in POOLED[3]]
    assert body["x"] + end_x == pytest.approx(sheet["x"] + sum(cols) / 3 * sheet["width"] / COLS, abs=1)
    assert body["y"] + end_y == pytest.approx(sheet["y"] + sum(rows) / 3 * sheet["height"] / ROWS, abs=1)
    assert page.inner_text("#lens .box .badge") == "4"


def test_the_matrix_rings_every_cell_of_a_set(page):
    page.locator("#matrix .cells").scroll_into_view_if_needed()
    page.focus("#matrix .cells")
    choose(page, 3)
    page.focus("#matrix .cells")
    vectors = 1 + len(POOLED) + ROWS * COLS - sum(map(len, POOLED.values()))
    assert f"{vectors} vectors" in page.inner_text("#matrix [data-part=text]")
    assert "patches that share a vector have the same column" in page.inner_text("#matrix [data-part=text]")
    page.keyboard.press("Home")
    seen = []
    for _ in range(ROWS * COLS):
        readout = page.inner_text("#matrix .readout")
        if "the row’s maximum" in readout and "below" not in readout:
            seen.append(tuple(int(number) for number in re.findall(r"row (\d+), col (\d+)", readout)[0]))
        page.keyboard.press("ArrowRight")
    assert seen == sorted(POOLED[3])


def test_a_picture_has_the_outline(page):
    def black() -> int:
        """Black pixels of the picture that is taken away."""
        with page.expect_download() as started:
            page.click("#lens [data-take=png]")
        with Image.open(started.value.path()) as picture:
            return int((np.asarray(picture.convert("RGB")) == 0).all(axis=-1).sum())

    choose(page, 2)
    page.locator("#lens [data-part=opacity]").fill("0")
    outlined = black()
    page.click("#lens .chip[data-token='4']")  # wins off the image: no outline
    assert outlined > black() + 2000
