"""Changing the model in the page, as a visitor does."""

from __future__ import annotations

import pytest
from checkpoints import MAKERS, make_checkpoint
from live import serve

from colpali_demo.documents import open_document
from colpali_demo.encoder import Calibration, load_encoder
from colpali_demo.encoder.precomputed import SetDocument, save_set

QUERIES = ("fog horn compressor", "brass valves")


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """A server with a checkpoint, and a set that another one made."""
    folder = tmp_path_factory.mktemp("models")
    second = load_encoder(str(MAKERS["ColQwen2"](folder / "random-colqwen2", max_patches=60)), device="cpu")
    with open_document("assets/samples/lighthouse-letter.pdf") as opened:
        document = SetDocument(opened.document_id, opened.source, "Letter <b>of 1968</b>", "", QUERIES)
        save_set(folder / "sets" / "colqwen2", second, [(document, opened)])
    checkpoint = make_checkpoint(folder / "random-colpali")
    Calibration(threshold=0.99, quantile=0.95, unrelated=(0.99,)).save(checkpoint / "calibration.json")
    with serve(folder, checkpoint, precomputed=folder / "sets") as address:
        yield address


def choose(visitor, name: str) -> dict:
    def act() -> None:
        visitor.page.click("#model-choice summary")
        visitor.page.click(f"#model-choice button[aria-label='Use {name}']")

    return visitor.after_search(act, "(value, name) => name.startsWith(value.model.name)", name)


def test_a_set_and_back(visitor, new_visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf(pages=2)))
    first = visitor.search("page 2")
    assert first["model"]["family"] == "ColPali"

    value = choose(visitor, "random-colqwen2, precomputed")
    assert value["model"]["family"] == "ColQwen2"
    assert value["query"]["text"] == QUERIES[0]
    grid = value["pages"][value["focus"]]["grid"]
    assert grid["rows"] > grid["cols"]  # a portrait page keeps its shape
    page = visitor.page
    assert page.inner_text("#model-choice summary").replace("\n", " ").endswith("precomputed · no model loaded")
    assert page.is_disabled("#lens [data-part=erase]")
    assert "computed beforehand" in page.get_attribute("#lens [data-part=erase]", "title")
    assert page.inner_text("#samples .sample b") == "Letter <b>of 1968</b>"
    assert page.input_value("#query input") == QUERIES[0]
    assert "Choose another model" in page.inner_text("#library")

    page.click("#lens [data-take=link]")
    friend = new_visitor().arrive(page.input_value("#lens .take-link").removeprefix(visitor.server))
    assert friend.value()["model"] == value["model"]
    assert friend.value()["ranking"] == value["ranking"]

    page.fill("#query input", "something else")
    page.press("#query input", "Enter")
    page.wait_for_selector("#lens >> text=No model for this query")

    back = choose(visitor, "random-colpali")
    assert back["model"]["family"] == "ColPali"
    assert visitor.documents()["report.pdf"].startswith("2 pages")
    assert visitor.search("page 2")["ranking"] == first["ranking"]
