from __future__ import annotations

import json
import re
import shutil
from contextvars import ContextVar
from pathlib import Path

import pytest
from engine_checkpoints import make_engine_adapter, make_engine_checkpoint
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.encoder import checkpoints, zerogpu
from colpali_demo.samples import SAMPLES, read_samples
from colpali_demo.settings import Settings
from colpali_demo.web import sources as sources_module
from colpali_demo.web.engine import Engine
from colpali_demo.web.payload import model_value, samples_value
from colpali_demo.web.sources import CheckpointSource


@pytest.fixture
def listing(tmp_path, monkeypatch) -> Path:
    """Two samples of one page each, instead of those that come with the demo."""
    entries = []
    for name in ("one.pdf", "two.pdf"):
        canvas = Canvas(str(tmp_path / name), pagesize=(200, 300), invariant=True)
        canvas.drawString(20, 150, name)
        canvas.save()
        entries.append({"file": name, "title": name, "description": "", "queries": ["what"]})
    (tmp_path / "samples.json").write_text(json.dumps(entries))
    monkeypatch.setattr(sources_module, "read_samples", lambda: read_samples(tmp_path))
    return tmp_path


def start(folder: Path, **settings) -> Engine:
    (folder / "pictures").mkdir()
    settings = Settings(render_pixels=200, **settings)
    engine = Engine(settings, CheckpointSource(settings), folder / "pictures")
    engine.start()
    return engine


def test_the_samples_that_come_with_the_demo_are_there():
    samples = read_samples(SAMPLES)
    assert len(samples) >= 2
    for sample in samples:
        assert sample.path.is_file()
        assert sample.queries


def test_the_model_and_the_samples_are_loaded_in_the_background(listing, checkpoint):
    engine = start(listing, model=str(checkpoint), device="cpu")
    assert engine.settled.wait(60)
    assert engine.state == "ready"
    for sample in engine.samples:
        assert sample.finished.wait(60)
        assert not sample.error
        assert len(sample.index) == sample.total == 1
    assert all(sample["thumb"] for sample in samples_value(engine.samples)["samples"])
    value = model_value(engine)
    assert (value["state"], value["name"]) == ("ready", checkpoint.name)


@pytest.mark.parametrize(
    ("name", "family"),
    [("colpali-v1.3", "ColPali"), ("colqwen2.5-v0.2", "ColQwen2.5"), ("colSmol-256M", "ColIdefics3")],
)
def test_a_folder_laid_out_like_a_published_adapter_shows_its_page_and_tells_the_truth(listing, name, family):
    base = make_engine_checkpoint(listing / "base", family)
    engine = start(listing, model=str(make_engine_adapter(listing / name, base, family)), device="cpu")
    assert engine.settled.wait(60)
    assert engine.samples[0].finished.wait(60)
    assert not engine.error and not engine.samples[0].error
    assert len(engine.samples[0].index) == 1
    value = model_value(engine)
    assert (value["state"], value["name"]) == ("ready", name)
    facts = dict(value["facts"])
    assert facts["family"] == family
    assert facts["vectors"] == "128 numbers each"
    assert "does not say what it was trained with" in facts["prefix in doubt"]


def test_on_zero_gpu_the_samples_wait_for_a_request(listing, checkpoint, monkeypatch):
    request = ContextVar("request", default=None)
    callers = []
    embed = zerogpu.embed
    monkeypatch.setattr(zerogpu, "embed", lambda *given: callers.append(request.get()) or embed(*given))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    engine = start(listing, model=str(checkpoint), device="cpu")
    assert engine.state == "ready"  # at once, before the server starts
    assert callers == []
    request.set("the first visitor's")
    engine.note_visitor()
    request.set("another")
    engine.note_visitor()
    assert all(sample.finished.wait(60) and not sample.error for sample in engine.samples)
    assert set(callers) == {"the first visitor's"}


@pytest.fixture
def bundled(checkpoint, monkeypatch) -> Path:
    """The random checkpoint in the place of the bundled one."""
    monkeypatch.setattr(checkpoints, "BUNDLED_FOLDER", checkpoint)
    return checkpoint


def corrupt(checkpoint: Path, folder: Path) -> str:
    """Copy a checkpoint and cut its weights off in the middle."""
    shutil.copytree(checkpoint, folder / "secret" / "corrupt")
    (weights,) = (folder / "secret" / "corrupt").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:5000])
    return str(folder / "secret" / "corrupt")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("nobody/no-such-checkpoint", "nobody/no-such-checkpoint could not be loaded: it is not on this server"),
        ("corrupt", "corrupt could not be loaded: its files are damaged"),
        ("/secret/nowhere", "nowhere could not be loaded: there is no such checkpoint"),
    ],
)
def test_the_bundled_checkpoint_stands_in_for_one_that_cannot_be_loaded_and_says_so(listing, bundled, model, reason):
    engine = start(listing, model=corrupt(bundled, listing) if model == "corrupt" else model, device="cpu")
    assert engine.settled.wait(60)
    assert engine.samples[0].finished.wait(60)
    assert len(engine.samples[0].index) == 1
    value = model_value(engine)
    assert (value["state"], value["name"]) == ("ready", bundled.name)
    assert "stands in for" in value["text"]
    assert value["sentence"].startswith(reason)
    assert "secret" not in json.dumps(value) and str(listing) not in json.dumps(value)


def test_the_bundled_checkpoint_stands_in_where_the_hub_cannot_be_reached(listing, bundled, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    (listing / "pictures").mkdir()
    settings = Settings(render_pixels=200, model="somebody/some-colpali", device="cpu")
    engine = Engine(settings, CheckpointSource(settings, download=True), listing / "pictures")
    engine.start()
    assert engine.settled.wait(120)
    assert engine.state == "ready"
    assert "could not be downloaded from the Hub" in model_value(engine)["sentence"]


@pytest.mark.parametrize("missing", [True, False])
def test_a_bundled_checkpoint_that_cannot_be_loaded_is_named_in_a_sentence(listing, checkpoint, monkeypatch, missing):
    folder = listing / "nowhere" if missing else Path(corrupt(checkpoint, listing))
    monkeypatch.setattr(checkpoints, "BUNDLED_FOLDER", folder)
    engine = start(listing, model="auto", device="cpu")
    assert engine.settled.wait(60)
    value = model_value(engine)
    assert (value["state"], value["name"]) == ("failed", "The model")
    assert value["sentence"].startswith("The model could not be loaded: ")
    assert str(folder) not in value["sentence"] and "Traceback" not in value["sentence"]


def test_a_loader_that_breaks_is_logged_under_an_id(listing, checkpoint, monkeypatch, caplog):
    monkeypatch.setattr("colpali_demo.encoder.load_encoder", lambda *_, **__: 1 / 0)
    engine = start(listing, model=str(checkpoint))
    assert engine.settled.wait(60)
    fault = re.search(r"under (\w{8})\.", model_value(engine)["sentence"])[1]
    assert fault in caplog.text and "ZeroDivisionError" in caplog.text


def test_a_sample_somebody_waits_for_comes_next(listing):
    engine = Engine(Settings(), CheckpointSource(Settings()), listing)
    engine.embed_next(engine.samples[1])
    assert [sample.source for sample in engine._queue] == ["two.pdf", "one.pdf"]
