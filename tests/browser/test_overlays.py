"""A new overlay is one file and one line in the list; the toolbar, links, pages, captions and legends show it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from planted import plant

from colpali_demo.encoder.layout import PageLayout, patch
from colpali_demo.export import standalone
from colpali_demo.export.browser import WEB

ROWS, COLS = 4, 6
CHECKS = """// Every second patch, in one color.

import { similarityLayers } from "./layers.js";

export const checks = {
  id: "checks",
  title: "Checks",
  hint: "Every second patch",
  numbered: true,
  layers: similarityLayers,
  paint(surface) {
    surface.context.fillStyle = "rgb(1, 2, 3)";
    surface.eachCell((cell, row, col) => {
      const { left, top, width, height } = surface.box(row, col);
      if ((row + col) % 2 === 0) surface.context.fillRect(left, top, width, height);
    });
  },
  caption: (view, { tokens }) => ["Checks", ` under ${tokens}`],
  legend: () => ["Checks mean nothing."],
};
"""
PIXELS = """([rows, cols]) => {
  const canvas = document.querySelector('#lens canvas.heat');
  const context = canvas.getContext('2d');
  const at = (row, col) => [...context.getImageData(
    ((col + 0.5) * canvas.width) / cols, ((row + 0.5) * canvas.height) / rows, 1, 1).data];
  return Array.from({ length: rows }, (_, row) => Array.from({ length: cols }, (_, col) => at(row, col)));
}"""


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """The lens in a file, with the overlay added to a copy of the browser code."""
    web = shutil.copytree(WEB, tmp_path / "web", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (web / "overlays" / "checks.js").write_text(CHECKS)
    index = web / "overlays" / "index.js"
    text = index.read_text("utf-8")
    index.write_text('import { checks } from "./checks.js";\n' + text.replace("];", ", checks];"), "utf-8")
    monkeypatch.setattr(standalone, "WEB", web)
    layout = PageLayout(ROWS, COLS, tuple(patch((row, col)) for row in range(ROWS) for col in range(COLS)))
    value, _ = plant(tmp_path, layout, [0, 3, 9, 14, 20])
    file = tmp_path / "lens.html"
    file.write_bytes(standalone.standalone(value, start="token=1&overlay=checks"))
    return file


def test_an_overlay_is_one_file_and_one_line_in_the_list(file, new_visitor):
    page = new_visitor().page
    page.goto(file.as_uri())
    page.wait_for_selector("#lens[data-search]")

    choices = page.locator("#lens [data-part=overlay] button")
    assert choices.all_inner_texts() == ["Similarity", "Contribution", "Winners", "Spotlight", "Regions", "Checks"]
    assert choices.last.get_attribute("aria-checked") == "true"  # what the file said to show first
    assert choices.last.get_attribute("title") == "Every second patch"

    painted = page.evaluate(PIXELS, [ROWS, COLS])
    for row in range(ROWS):
        for col in range(COLS):
            assert painted[row][col] == ([1, 2, 3, 255] if (row + col) % 2 == 0 else [0, 0, 0, 0])

    assert page.inner_text("#lens .caption b") == "Checks"
    assert "under" in page.inner_text("#lens .caption span")
    assert page.inner_text("#lens [data-part=scale-text]").startswith("Checks mean nothing.")
    assert page.locator("#lens .box .badge").count() == 1
    assert page.locator("#lens .leaders path").count() == 1

    page.click("#lens [data-choice=similarity]")
    assert page.evaluate(PIXELS, [ROWS, COLS]) != painted
    choices.first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(PIXELS, [ROWS, COLS]) == painted


def test_regions_are_marked_around_words(visitor):
    """Of the tokens on show, where the text layer has its words."""
    page = visitor.page
    value = visitor.value()
    entry = value["pages"][value["focus"]]
    page.click("#lens [data-choice=score]")
    page.click("#lens .chip[data-token=sum]")
    page.click("#lens [data-choice=regions]")
    shade = """([across, down]) => {
      const canvas = document.querySelector('#lens canvas.heat');
      return canvas.getContext('2d').getImageData(across * canvas.width, down * canvas.height, 1, 1).data[3];
    }"""
    middles = [((r["left"] + r["right"]) / 2, (r["top"] + r["bottom"]) / 2) for r in entry["regions"]]
    assert len(middles) > 1
    strengths = [page.evaluate(shade, [*middle]) for middle in middles]
    scores = [region["score"] for region in entry["regions"]]
    assert strengths[scores.index(max(scores))] == 255
    assert all(strength > 0 for strength, score in zip(strengths, scores, strict=True) if score > 0.1 * max(scores))
    covered = [[r["left"], r["top"], r["right"], r["bottom"]] for r in entry["regions"]]
    outside = next(
        (x / 40, y / 40)
        for y in range(1, 40)
        for x in range(1, 40)
        if not any(left <= x / 40 <= right and top <= y / 40 <= bottom for left, top, right, bottom in covered)
    )
    assert page.evaluate(shade, [*outside]) == 0
    assert page.inner_text("#lens .caption b") == "Regions"

    word = next(token["index"] for token in value["query"]["tokens"] if token["kind"] == "word")
    page.click("#lens [data-part=unit] [data-choice=token]")
    page.click(f'#lens .chip[data-token="{word}"]')
    marked = [page.evaluate(shade, [*middle]) > 0 for middle in middles]
    assert marked == [word in region["tokens"] for region in entry["regions"]]
