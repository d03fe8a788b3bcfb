"""Before the model is up: the bundled example, which gives way to the search itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checkpoints import make_checkpoint

from colpali_demo.samples import read_samples
from colpali_demo.settings import Settings
from colpali_demo.web import sources as sources_module
from colpali_demo.web.engine import Engine
from colpali_demo.web.models import Models
from colpali_demo.web.page import build_page
from colpali_demo.web.serve import launch_options
from colpali_demo.web.visitors import Sessions

NOTE = "#lens .notes .note >> text=Computed beforehand"
TAKEN = "#lens [data-take]"


@pytest.fixture
def serve_unstarted(tmp_path, monkeypatch) -> Iterator[Callable[[str], tuple[str, Engine]]]:
    """Serves the demo with a model that does not load until its engine is started."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    few = [sample for sample in read_samples() if sample.source in ("annual-report.pdf", "lighthouse-letter.pdf")]
    monkeypatch.setattr(sources_module, "read_samples", lambda: few)
    running = []

    def serve(model: str) -> tuple[str, Engine]:
        settings = Settings(model=model, device="cpu")
        models = Models(settings, tmp_path / "models")
        sessions = Sessions(models.default, tmp_path / "visitors")
        demo = build_page(models, sessions, settings)
        running.append((demo, sessions))
        _, address, _ = demo.launch(
            prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options(sessions, settings)
        )
        return address.rstrip("/"), models.default

    yield serve
    for demo, sessions in running:
        demo.close()
        sessions.close()
    for thread in threading.enumerate():
        if thread.name == "engine":  # it would be cut off in the middle of a page
            thread.join(120)


def test_the_example_gives_way_to_the_same_search(serve_unstarted, new_visitor):
    address, engine = serve_unstarted("tiny")
    visitor = new_visitor()
    visitor.server = address
    page = visitor.page
    page.goto(address)
    page.wait_for_selector('#lens [data-search="example"]')
    assert page.is_visible(NOTE)
    assert page.locator(TAKEN).count() == 1  # the picture, which needs no server
    assert page.is_hidden("#lens [data-part=again]")
    assert "leads by" in page.inner_text("#lens .headline")  # the whole query, and what set the page apart
    visitor.show_every_token()
    beforehand = visitor.value()
    assert beforehand["query"]["text"] == page.input_value("#query input")

    # The visitor looks at the second page and pins another token, which needs no model.
    second = beforehand["ranking"][1]["key"]
    page.click(f'#lens [data-key="{second}"]')
    chips = (f'#lens .chip[data-token="{index}"]' for index in (5, 6))
    chip = next(chip for chip in chips if page.get_attribute(chip, "aria-pressed") == "false")
    page.click(chip)
    heat = visitor.heat()
    page.click(f'#lens [data-key="{beforehand["ranking"][2]["key"]}"]')
    assert visitor.heat() != heat
    page.click(f'#lens [data-key="{second}"]')
    engine.start()
    visitor.wait_for_search()
    assert page.locator("#lens .moved").count() == 0  # nobody has moved a page
    assert page.locator(NOTE).count() == 0
    assert page.locator(TAKEN).count() > 1
    assert page.is_visible("#lens [data-part=again]")
    assert page.get_attribute(chip, "aria-pressed") == "true"
    assert page.get_attribute(f'#lens [data-key="{second}"]', "aria-current") == "true"
    live = visitor.value()
    # Pages whose scores are nearly equal may change places: two machines round differently.
    found = [{entry["key"]: entry["score"] for entry in value["ranking"]} for value in (live, beforehand)]
    assert found[0].keys() == found[1].keys()
    scores = [[scores[key] for key in sorted(scores)] for scores in found]
    # Two machines round differently, the more so in two precisions.
    same_precision = live["model"]["dtype"] == beforehand["model"]["dtype"]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2 if same_precision else 5e-2)
    assert live["strength"]["weak"] == beforehand["strength"]["weak"]


def test_whoever_asks_before_the_model_is_up_gets_their_answer_when_it_is(serve_unstarted, new_visitor):
    address, engine = serve_unstarted("tiny")
    visitor = new_visitor()
    page = visitor.page
    page.goto(address)
    page.wait_for_selector('#lens [data-search="example"]')
    page.fill("#query input", "who chairs the audit committee")
    page.press("#query input", "Enter")
    page.wait_for_selector("#lens .empty", state="visible")
    assert "loading" in page.inner_text("#lens .empty")
    engine.start()
    visitor.wait_for_search()
    assert visitor.value()["query"]["text"] == "who chairs the audit committee"


def test_the_example_says_whose_it_is(serve_unstarted, new_visitor, tmp_path):
    address, engine = serve_unstarted(str(make_checkpoint(tmp_path / "another-model", image_size=224)))
    visitor = new_visitor()
    visitor.page.goto(address)
    visitor.page.wait_for_selector('#lens [data-search="example"]')
    note = visitor.page.inner_text("#lens .notes .note")
    assert "colpali-tiny" in note
    assert "another-model is loading" in note
    engine.start()
    visitor.wait_for_search()
    assert visitor.value()["model"]["name"] == "another-model"
    assert visitor.page.locator("#lens .moved").count() == 0  # another model’s ranking is no change of rank


def test_a_link_to_something_else_waits_for_the_model(serve_unstarted, new_visitor):
    address, engine = serve_unstarted("tiny")
    visitor = new_visitor()
    visitor.page.goto(f"{address}/?sample=lighthouse-letter.pdf&q=fog+horn+compressor")
    visitor.page.wait_for_selector("#lens .empty >> text=on its way")
    engine.start()
    visitor.wait_for_search()
    assert visitor.value()["query"]["text"] == "fog horn compressor"
    assert {Path(entry["source"]).name for entry in visitor.value()["ranking"]} == {"lighthouse-letter.pdf"}
