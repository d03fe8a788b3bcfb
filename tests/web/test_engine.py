from __future__ import annotations

import json
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.settings import Settings
from colpali_demo.web import engine as engine_module
from colpali_demo.web.engine import SAMPLES, Engine, read_samples
from colpali_demo.web.payload import checkpoint_value, samples_value


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
    monkeypatch.setattr(engine_module, "read_samples", lambda: read_samples(tmp_path))
    return tmp_path


def start(folder: Path, **settings) -> Engine:
    (folder / "pictures").mkdir()
    engine = Engine(Settings(render_pixels=200, **settings), folder / "pictures")
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
    value = checkpoint_value(engine)
    assert (value["state"], value["name"]) == ("ready", checkpoint.name)


def test_a_checkpoint_that_cannot_be_loaded_is_named_in_a_sentence(listing):
    engine = start(listing, model="nobody/no-such-checkpoint")
    assert engine.settled.wait(60)
    value = checkpoint_value(engine)
    assert value["state"] == "failed"
    assert "no-such-checkpoint" in value["sentence"]
    assert "Traceback" not in value["sentence"]


def test_a_sample_somebody_waits_for_comes_next(listing):
    engine = Engine(Settings(), listing)
    engine.want(engine.samples[1])
    assert [sample.source for sample in engine._queue] == ["two.pdf", "one.pdf"]


def test_other_checkpoints_are_offered_with_their_price(listing):
    (other,) = checkpoint_value(Engine(Settings(), listing))["others"]
    assert other["name"] == "vidore/colpali-v1.3-hf"
    for fact in ("6 GB", "Gemma", "GPU", "not on this machine"):
        assert fact in other["text"]
    assert "--download" in other["command"]
