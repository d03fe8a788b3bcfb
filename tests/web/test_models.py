"""Choosing between models: what is offered, sets without a model, and pages embedded once more."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import MAKERS
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.encoder import Capabilities, load_encoder
from colpali_demo.encoder.precomputed import SetDocument, save_set
from colpali_demo.retrieval import PageIndex
from colpali_demo.settings import Settings
from colpali_demo.web import models as models_module
from colpali_demo.web import sources as sources_module
from colpali_demo.web.engine import Engine
from colpali_demo.web.faults import Refused
from colpali_demo.web.models import PUBLISHED, Models
from colpali_demo.web.payload import model_value, samples_value
from colpali_demo.web.sources import Sample, SetSource
from colpali_demo.web.visitors import Sessions, Visitor
from colpali_demo.web.visitors.search import Question

QUERIES = ("revenue by region", "price of copper")


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> Path:
    return MAKERS["ColQwen2"](tmp_path_factory.mktemp("second") / "random-colqwen2")


@pytest.fixture(scope="module")
def sets(second, make_page, tmp_path_factory) -> Path:
    """A folder with one set, made by the second checkpoint."""
    folder = tmp_path_factory.mktemp("sets")
    document = SetDocument("d0c", "report.pdf", "A report", "", QUERIES)
    save_set(folder / "second", load_encoder(str(second), device="cpu"), [(document, [make_page(1), make_page(2)])])
    return folder


@pytest.fixture
def settings(checkpoint, sets, monkeypatch) -> Settings:
    monkeypatch.setattr(sources_module, "read_samples", lambda: [])
    monkeypatch.setattr(models_module, "BUNDLED_FOLDER", checkpoint)
    return Settings(model=str(checkpoint), device="cpu", render_pixels=200, precomputed=str(sets))


@pytest.fixture
def models(settings, tmp_path) -> Models:
    models = Models(settings, tmp_path / "models")
    models.default.start()
    assert models.default.settled.wait(60)
    return models


@pytest.fixture
def sessions(models, tmp_path) -> Sessions:
    return Sessions(models.default, tmp_path / "visitors")


@pytest.fixture
def upload_into(sessions) -> Callable[[Visitor, str], None]:
    """Uploads a PDF of three pages for a visitor."""

    def upload(visitor: Visitor, name: str) -> None:
        with sessions.uploads.new_folder(0) as folder:
            canvas = Canvas(str(folder / name), pagesize=(200, 300), invariant=True)
            for number in range(1, 4):
                canvas.drawString(20, 150, f"copper {number} {name}")
                canvas.showPage()
            canvas.save()
        visitor.receive([str(folder / name)])

    return upload


@pytest.fixture
def visitor(sessions, upload_into) -> Visitor:
    visitor = sessions.get("visitor")
    upload_into(visitor, "own.pdf")
    for _ in visitor.indexing.run():
        pass
    return visitor


def choices(models: Models, present=None) -> dict[str, list[str]]:
    return {offer["choose"]: offer["facts"] for offer in models.offers(present) if offer["choose"]}


def test_what_is_offered(models, checkpoint):
    assert list(choices(models)) == [str(checkpoint), "set:second", "tiny"]
    assert list(choices(models, models.default)) == ["set:second", "tiny"]
    commands = {offer["name"]: offer["command"] for offer in models.offers(None) if offer["command"]}
    assert list(commands) == [checkpoint.name for checkpoint in PUBLISHED]
    assert all(command.endswith(" --download") for command in commands.values())
    value = model_value(models.default, models.offers(models.default))
    assert value["others"][0]["name"].endswith("random-colqwen2, precomputed")
    (offer,) = (offer for offer in value["others"] if offer["name"] == "vidore/colpali-v1.3-hf")
    assert offer["facts"] == ["about 6 GB", "Gemma license", "needs a GPU"]


def test_downloads_are_offered_where_they_are_allowed(settings, tmp_path):
    models = Models(settings, tmp_path, download=True)
    assert "downloaded first" in choices(models)["ModernVBERT/colmodernvbert-merged"]


def test_on_zero_gpu_the_model_stays(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert list(choices(Models(settings, tmp_path, download=True))) == [settings.model, "set:second"]


def test_a_download_says_how_far_it_is(settings, tmp_path):
    engine = Models(settings, tmp_path).default
    engine._note_download(1_230_000_000, 5_900_000_000)
    assert model_value(engine)["text"] == "is being downloaded: 1.2 of 5.9 GB"


@pytest.mark.parametrize("name", ["nobody/nothing", "/etc", "vidore/colpali-v1.3-hf", ""])
def test_nothing_else_can_be_chosen(models, name):
    with pytest.raises(Refused):
        models.get(name)


def test_a_set_is_an_engine_without_a_model(models, monkeypatch):
    engine = models.get("set:second")
    assert engine is models.get("set:second")
    assert isinstance(engine.source, SetSource)
    assert engine.settled.wait(60)
    assert all(sample.finished.wait(60) for sample in engine.samples)
    value = model_value(engine, models.offers(engine))
    assert (value["name"], value["text"]) == ("random-colqwen2", "precomputed · no model loaded")
    assert "set:second" not in {offer["choose"] for offer in value["others"]}
    (shown,) = samples_value(engine.samples)["samples"]
    assert shown["title"] == "A report"
    assert shown["thumb"]


def test_a_set_may_be_the_model_of_the_server(settings, sets, tmp_path):
    models = Models(replace(settings, model=str(sets / "second"), precomputed=""), tmp_path)
    assert isinstance(models.default.source, SetSource)
    assert models.default.samples[0].queries == QUERIES


def test_a_set_in_one_file_is_offered_and_a_damaged_one_is_not(settings, second, make_page, tmp_path, caplog):
    folder = tmp_path / "sets"
    document = SetDocument("d0c", "report.pdf", "A report", "", QUERIES)
    save_set(folder / "one.colpali", load_encoder(str(second), device="cpu"), [(document, [make_page(1)])])
    (folder / "two.colpali").write_bytes((folder / "one.colpali").read_bytes()[:1000])
    models = Models(replace(settings, precomputed=str(folder)), tmp_path / "models")
    choices = [offer["choose"] for offer in models.offers(None)]
    assert "set:one.colpali" in choices and "set:two.colpali" not in choices
    assert "two.colpali is not offered" in caplog.text
    engine = models.get("set:one.colpali")
    assert engine.settled.wait(60) and all(sample.finished.wait(60) for sample in engine.samples)
    assert engine.source.name == "one"
    assert samples_value(engine.samples)["samples"][0]["thumb"]
    assert isinstance(Models(replace(settings, model=str(folder / "one.colpali")), tmp_path).default.source, SetSource)


def test_pages_are_embedded_once_more_when_the_model_changes(models, visitor, second):
    (before,) = visitor.library()["documents"]
    assert before["pages"] == 3
    old = visitor.search.find(QUERIES[0], 3)
    models._sets.clear()  # the second checkpoint itself, as if it had been offered
    engine = models._engines["second"] = models._make(str(second))
    engine.start()
    visitor.change_model(engine)
    assert visitor.library()["documents"][0]["pages"] == 0
    seen = []
    for _ in visitor.indexing.embed_again():
        progress = visitor.library()["progress"]
        seen += [progress["done"]] if progress and "done" in progress else []
    assert seen == [0, 1, 2]
    assert visitor.library()["documents"] == [before]
    assert visitor.library()["progress"] is None
    new = visitor.search.find(QUERIES[0], 3)
    assert new["model"]["family"] == "ColQwen2"
    assert old["model"]["family"] == "ColPali"

    direct = PageIndex(load_encoder(str(second), device="cpu"))
    direct.add(visitor.shelf._own_pages)
    assert [hit.score for hit in direct.search(QUERIES[0], 3)] == [entry["score"] for entry in new["ranking"]]


def test_own_pages_wait_while_a_set_is_open(models, visitor, checkpoint):
    visitor.search.ask(Question("something of their own", 5))
    expected = visitor.search.find(QUERIES[0], 3)["ranking"]
    engine = models.get("set:second")
    visitor.change_model(engine)
    for _ in visitor.indexing.embed_again():
        pass
    assert all(sample.finished.wait(60) for sample in engine.samples)
    assert "Choose another model" in visitor.library()["errors"][0]["message"]
    assert visitor.search.question == Question(QUERIES[0], 5)
    value = visitor.search.find(QUERIES[0], 3)
    assert {entry["source"] for entry in value["ranking"]} == {"report.pdf"}
    with pytest.raises(Refused, match="computed beforehand by random-colqwen2"):
        visitor.search.find("something else", 3)

    visitor.change_model(models.get(str(checkpoint)))
    for _ in visitor.indexing.embed_again():
        pass
    assert visitor.search.find(QUERIES[0], 3)["ranking"] == expected


def test_samples_that_a_set_lacks_come_back(models, visitor, checkpoint):
    elsewhere = Sample(Path("elsewhere.pdf"), "Elsewhere", "", QUERIES, document_id="e15e", total=1)
    elsewhere.index = PageIndex(models.default.encoder)
    elsewhere.finished.set()
    models.default.samples.append(elsewhere)
    visitor.shelf.add_sample("elsewhere.pdf")
    visitor.change_model(models.get("set:second"))
    assert [sample.title for sample in visitor.shelf.samples] == ["A report"]
    visitor.change_model(models.get(str(checkpoint)))
    assert visitor.shelf.samples == [elsewhere]


def test_documents_can_be_removed_while_they_wait(models, visitor):
    engine = models.get("set:second")
    assert engine.settled.wait(60)
    visitor.change_model(engine)
    sample, own = visitor.library()["documents"]
    assert (sample["source"], own["source"]) == ("A report", "own.pdf")
    visitor.shelf.remove(own["document"])
    assert visitor.shelf.waiting_pages == 0
    assert torch.is_tensor(engine.blank.vectors)


def test_files_for_a_set_are_refused_in_words(models, visitor, upload_into):
    engine = models.get("set:second")
    assert engine.settled.wait(60)
    visitor.change_model(engine)
    assert all(sample.finished.wait(60) for sample in visitor.shelf.samples)  # whose progress is shown, too
    upload_into(visitor, "more.pdf")
    assert visitor.library()["progress"]
    for _ in visitor.indexing.run():
        pass
    (error,) = visitor.library()["errors"]
    assert error["code"] == "not_precomputed" and "Choose another model" in error["message"]
    assert visitor.library()["progress"] is None
    assert visitor.indexing.nbytes == 0


def test_an_engine_knows_what_it_can_do_before_it_has_loaded(settings, sets, tmp_path):
    models = Models(settings, tmp_path / "models")
    assert models.default.encoder is None
    assert models.default.capabilities == Capabilities(True, True, True)
    source = SetSource(sets / "second")
    engine = Engine(settings, source, tmp_path)
    assert engine.capabilities == Capabilities(False, False, False)
    engine.start()
    assert engine.settled.wait(60)
    assert engine.capabilities == engine.encoder.capabilities == source.capabilities


def test_documents_read_at_once_are_counted_over_all_models(models):
    assert models.get("set:second") is not models.default
    assert models.get("set:second").places is models.default.places


def test_pages_that_are_embedded_while_the_model_changes_wait_for_the_new_one(models, visitor):
    shelf, old = visitor.shelf, visitor.engine
    batch = shelf._own_pages[:1]
    shelf.change_engine(models.get("set:second"))
    shelf.stop_waiting(batch)
    assert shelf.waiting_pages == 2
    pictures = shelf.draw(batch, old)
    shelf.put(batch, old.encoder.embed_pages([page.image for page in batch]), pictures, old)
    assert shelf.waiting_pages == 3
    assert all(document["sample"] for document in visitor.library()["documents"] if document["pages"])
