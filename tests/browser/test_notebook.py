"""docs/explain.ipynb, run, and what it shows opened in a browser as a notebook puts it into its page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkpoints import make_checkpoint
from notebooks import ROOT, run_notebook, shown

HEAT = "canvas => canvas.toDataURL()"
# As Jupyter does: outputs are set as the inner HTML of elements of one page, whose globals and ids are the notebook's.
PAGE = """<!doctype html>
<title>A notebook</title>
<script>window.lens = "the notebook's"; window.value = 7;</script>
<div id="lens">an element of the notebook</div>
<script>
for (const output of %s) {
  const cell = document.createElement("div");
  cell.innerHTML = output;
  document.body.append(cell);
}
</script>
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("notebook")
    checkpoint = make_checkpoint(folder / "random-colpali", image_size=224)
    settings = {"COLPALI_MODEL": str(checkpoint), "COLPALI_DEVICE": "cpu", "COLPALI_RENDER_PIXELS": "600"}
    return shown(run_notebook(ROOT / "docs" / "explain.ipynb", folder, settings), "text/html")


@pytest.fixture
def notebook(outputs, tmp_path) -> Path:
    file = tmp_path / "notebook.html"
    file.write_text(PAGE % json.dumps(outputs).replace("</", "<\\/"), encoding="utf-8")
    return file


def test_every_lens_of_a_notebook_is_alive_and_alone(notebook, outputs, new_visitor):
    assert len(outputs) == 4
    visitor = new_visitor(offline=True)
    requests = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    visitor.page.goto(notebook.as_uri())
    heats = []
    for number in range(len(outputs)):
        lens = visitor.page.frame_locator("iframe >> nth=" + str(number)).locator("#lens[data-search]")
        lens.wait_for()
        chip = lens.locator(".chip[data-token=w1]")
        before = lens.locator("canvas.heat").evaluate(HEAT)
        chip.hover()
        hovered = lens.locator("canvas.heat").evaluate(HEAT)
        chip.click()
        assert chip.get_attribute("aria-pressed") == "true"
        assert hovered != before
        heats.append(hovered)
    assert len(set(heats)) > 1, "each shows its own page"
    assert visitor.page.evaluate("[window.lens, window.value, document.querySelectorAll('#lens').length]") == [
        "the notebook's",
        7,
        1,
    ]
    assert [url for url in requests if not url.startswith(("data:", "file:", "blob:", "about:"))] == []


def test_a_frame_cannot_reach_the_notebook(notebook, new_visitor):
    page = new_visitor(offline=True).page
    page.goto(notebook.as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("#lens[data-search]")
    reached = "() => { try { return parent.document.title } catch (error) { return error.name } }"
    assert frame.evaluate(reached) == "SecurityError"
