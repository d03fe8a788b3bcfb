"""The notebooks of docs: precompute.ipynb is run here, explain.ipynb in `tests/browser/test_notebook.py`."""

from __future__ import annotations

import re

import nbformat
import pytest
from notebooks import ROOT, run_notebook, shown
from packaging.requirements import Requirement

from colpali_demo.retrieval import open_set
from colpali_demo.web.models import PUBLISHED

NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))


@pytest.fixture
def settings() -> dict[str, str]:
    return {"COLPALI_DEVICE": "cpu", "COLPALI_DTYPE": "float32", "COLPALI_RENDER_PIXELS": "300"}


def test_a_set_is_made_and_shown(workspace, checkpoint, settings):
    given = {"SPACE": "", "MODEL": str(checkpoint), "DOWNLOAD": False, "OUT": "mine.colpali"}
    asked = {"FILES": ["report.pdf"], "QUERIES": ["revenue by region", "the board"]}
    done = run_notebook(ROOT / "docs" / "precompute.ipynb", workspace, settings, **given, **asked)
    opened = open_set(workspace / "mine.colpali")
    assert [(page.source, page.number) for page in opened.pages] == [("report.pdf", number) for number in (1, 2, 3)]
    assert opened.encoder.queries == asked["QUERIES"]
    assert opened.encoder.model_info["name"] == checkpoint.name
    (frame,) = shown(done, "text/html")
    assert "revenue by region" in frame


def test_what_it_installs_can_be_installed():
    """Options and pins as the notebook makes them: a constraint of pip may name no extras."""
    text = (ROOT / "docs" / "precompute.ipynb").read_text("utf-8")
    assert "grep -v gradio space/requirements.txt > pins.txt" in text
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "gradio" not in line]
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    assert {"torch", "transformers"} <= {pin.name for pin in pins}
    assert not any(pin.extras for pin in pins)


def test_the_checkpoint_it_names_is_one_that_is_published():
    text = (ROOT / "docs" / "precompute.ipynb").read_text("utf-8")
    (name,) = set(re.findall(r'MODEL = \\"([^"\\]+)\\"', text))
    assert name in {model.name for model in PUBLISHED}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_valid_and_hold_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_of_notebooks_lead_somewhere(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        assert "://" in target or (path.parent / target).exists(), target
