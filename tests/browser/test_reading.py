"""What a page, its card and the matrix show of a planted explanation, in a file without a server."""

from __future__ import annotations

import pytest
from planted import plant

from colpali_demo.encoder.layout import PageLayout, patch, prompt_token
from colpali_demo.export.standalone import standalone

ROWS, COLS = 7, 12
WINNERS = [0, 1 + COLS - 1, 1 + (ROWS - 1) * COLS, 1 + 3 * COLS + 4, 1 + 2 * COLS + 2]


@pytest.fixture
def open_file(tmp_path, new_visitor):
    """Opens the file, as a visitor with these options, with a chip for every token."""
    layout = PageLayout(
        ROWS, COLS, (prompt_token("<bos>"), *(patch((row, col)) for row in range(ROWS) for col in range(COLS)))
    )
    value, _ = plant(tmp_path, layout, WINNERS)
    file = tmp_path / "planted.html"
    file.write_bytes(standalone(value))

    def open_file(**options):
        visitor = new_visitor(**options)
        visitor.page.goto(file.as_uri())
        visitor.page.wait_for_selector("#lens[data-search]")
        return visitor.show_every_token().page

    return open_file


def choose(page, *tokens: int) -> None:
    page.click("#lens .chip[data-token=sum]")
    page.click(f'#lens .chip[data-token="{tokens[0]}"]')
    for token in tokens[1:]:
        page.click(f'#lens .chip[data-token="{token}"]', modifiers=["Shift"])
    page.mouse.move(0, 0)


@pytest.mark.parametrize("token", [1, 2])
def test_zooming_in_goes_to_the_match(open_file, token):
    page = open_file()
    choose(page, token)
    page.click("#lens [data-part=zoom-in]")
    frame, box = (page.locator(f"#lens .{kind}").bounding_box() for kind in ("page", "box"))
    assert frame["x"] - 1 <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    assert frame["y"] - 1 <= box["y"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


def test_a_card_lists_what_was_typed_first(open_file):
    page = open_file()
    frame = page.locator("#lens .page").bounding_box()
    page.mouse.move(frame["x"] + frame["width"] * 2.5 / COLS, frame["y"] + frame["height"] * 2.5 / ROWS)
    listed = page.locator("#lens .card-token").all_inner_texts()
    assert listed[-2:] == ["newline ↵", "<bos>"]  # the newline found this patch, but nobody typed it
    assert all(text.startswith("“") for text in listed[:-2])


def test_where_nothing_is_drawn_below_is_a_cosine_for_several_too(open_file):
    page = open_file()
    choose(page, 1, 2)
    assert "%" not in page.inner_text("#lens [data-part=threshold-value]")
    assert page.inner_text("#lens [data-part=threshold-value]").startswith("0.")


PIXELS = """(name) => {
  const canvas = document.querySelector(`#matrix canvas.${name}`);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const pixels = data.length / 4;
  let [light, veil] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] / 255;
    light += alpha * (data[i] + data[i + 1] + data[i + 2]) / 765;
    veil = Math.max(veil, i < 4 * canvas.width * 4 ? alpha : 0);
  }
  return { light: light / pixels, veil };
}"""


def test_the_matrix_is_dark_on_a_dark_screen(open_file):
    page = open_file(color_scheme="dark")
    page.locator("#matrix .cells").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#matrix canvas.base').width > 300")
    surface = page.evaluate("getComputedStyle(document.querySelector('#matrix .cells')).backgroundColor")
    assert max(map(int, surface[4:-1].split(","))) < 60
    assert page.evaluate(PIXELS, "base")["light"] < 0.45
    assert "Lighter is higher" in page.inner_text("#matrix [data-part=text]")


def test_the_matrix_can_be_read_while_a_token_is_held(open_file):
    page = open_file()
    choose(page, 3)
    page.locator("#matrix .cells").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#matrix canvas.marks').width > 300")
    page.wait_for_timeout(100)
    marks = """() => {
      const canvas = document.querySelector('#matrix canvas.marks');
      return canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height - 3, 1, 1).data[3] / 255;
    }"""
    assert 0 < page.evaluate(marks) < 0.5  # a veil over the other rows, through which they are seen


def test_print_on_the_hottest_patch_stays_legible(open_file):
    page = open_file()
    choose(page, 3)
    assert page.evaluate("getComputedStyle(document.querySelector('#lens .heat')).mixBlendMode") == "multiply"
    color, opacity = page.evaluate(
        """([row, col, rows, cols]) => {
          const canvas = document.querySelector('#lens canvas.heat');
          const at = [((col + 0.5) * canvas.width) / cols, ((row + 0.5) * canvas.height) / rows];
          return [[...canvas.getContext('2d').getImageData(...at, 1, 1).data], Number(canvas.style.opacity)];
        }""",
        [3, 4, ROWS, COLS],
    )
    ink = opacity * color[3] / 255
    paper = [1 - ink + ink * channel / 255 for channel in color[:3]]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in paper]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (luminance + 0.05) / 0.05 >= 4.5  # the contrast of black print, as WCAG counts it
