"""The value of the cards, the bundled example, and who sees which lesson."""

from __future__ import annotations

import json
import math
import re
import shutil
import threading
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from colpali_demo.encoder.files import BUNDLED_FOLDER
from colpali_demo.export.lens_value import file_data
from colpali_demo.samples import read_questions
from colpali_demo.web.example import EXAMPLE, LENS, LESSON, fingerprint, load_example, save_example
from colpali_demo.web.faults import Refused
from colpali_demo.web.lessons import FOLLOW_LINKS, Lessons
from colpali_demo.web.lessons.desk import Desk
from colpali_demo.web.sources import SetSource

ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Engine:
    """An engine with these samples."""

    samples: list


@pytest.fixture(scope="module")
def made(checkpoint, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "lesson"
    save_example(folder, checkpoint)
    return folder


def test_an_example_is_whole_and_its_numbers_belong_together(made, checkpoint, tmp_path):
    value = load_example(LESSON, tmp_path, made)
    page = value["page"]
    vectors = np.fromfile(page["vectors_file"]["path"], dtype="<f4").reshape(page["vectors"], page["dim"])
    tokens = len(value["query"]["tokens"])
    query = np.frombuffer(b64decode(value["query"]["vectors"]), dtype="<f4").reshape(tokens, page["dim"])
    cosines = query @ vectors.T
    assert cosines.max(axis=1) == pytest.approx([token["maxsim"] for token in page["tokens"]], abs=1e-6)
    assert cosines.max(axis=1).sum() == pytest.approx(page["score"], abs=1e-4)
    assert value["fingerprint"] == fingerprint(checkpoint)
    assert page["key"] in {entry["key"] for entry in value["ranking"]}
    thumbs = [entry["thumb"] for entry in (*value["ranking"], *value["batch"]["pages"])]
    files = [page["image"], page["input"]["image"], *thumbs]
    assert all(Path(file["path"]).parent == tmp_path and Path(file["path"]).is_file() for file in files)
    lens = load_example(LENS, tmp_path, made)
    assert [entry["key"] for entry in lens["ranking"]][0] == page["key"]
    assert lens["pages"][page["key"]]["tokens"] == page["tokens"]
    assert set(lens["pages"]) == {entry["key"] for entry in lens["ranking"]}  # none has to be asked for
    copied = {file.name.split("-", 1)[1] for file in tmp_path.iterdir()}
    assert {file.name for file in made.iterdir()} == {LENS, LESSON, *copied}
    assert not any(str(made) in (made / name).read_text("utf-8") for name in (LENS, LESSON))


def test_the_fingerprint_changes_with_the_weights(checkpoint, tmp_path):
    copy = shutil.copytree(checkpoint, tmp_path / "copy")
    assert fingerprint(copy) == fingerprint(checkpoint)
    (weights, *_) = copy.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert fingerprint(copy) != fingerprint(checkpoint)


def test_the_bundled_example_was_made_by_the_bundled_checkpoint():
    made_by = json.loads((EXAMPLE / LESSON).read_text("utf-8"))["fingerprint"]
    assert made_by == fingerprint(BUNDLED_FOLDER), "stale: run `python -m colpali_demo.web.example`"


class VisitorOfASet:
    """One who has searched a set."""

    engine = SimpleNamespace(capabilities=SetSource.capabilities)
    search = SimpleNamespace(result=object())
    has_acted = True


def test_the_bundled_batch_is_that_of_the_samples_and_one_query_of_it_goes_wrong():
    batch = json.loads((EXAMPLE / LESSON).read_text("utf-8"))["batch"]
    file, questions = read_questions()
    assert [(row["text"], batch["pages"][row["own"]]["page"]) for row in batch["rows"]] == questions
    assert {page["source"] for page in batch["pages"]} == {file}
    wrong = [max(scores) > scores[row["own"]] for row, scores in zip(batch["rows"], batch["scores"], strict=True)]
    assert wrong.count(True) == 1
    assert batch["loss"]["losses"][wrong.index(True)] > math.log(2)


def test_a_batch_waits_for_its_sample(tmp_path):
    file, _ = read_questions()
    sample = SimpleNamespace(source=file, finished=threading.Event(), error="", index=None)
    assert Desk(tmp_path)._batch(Engine([sample])) is None
    assert Desk(tmp_path)._batch(Engine([])) is None


def test_the_sentences_to_keep_are_those_of_the_documentation():
    text = (ROOT / "docs" / "lessons.md").read_text("utf-8")
    for card in (ROOT / "colpali_demo" / "web" / "lessons" / "cards").glob("*.js"):
        for sentence in re.findall(r'^  keep:\s+"(.+)",$', card.read_text("utf-8"), re.MULTILINE):
            assert f"“{sentence}”" in text


def test_a_precomputed_set_has_the_example_alone(tmp_path):
    visitor = VisitorOfASet()
    desk = Desk(tmp_path)
    for value in (desk.arrive(visitor), desk.own(visitor, "any-1")):
        assert value["example"]
        assert value["own"] is None
        assert "precomputed" in value["hint"]
    with pytest.raises(Refused):
        desk.measure(visitor)


def test_the_component_has_every_card():
    lessons = Lessons()
    for field in ("about", "short", "keep"):
        assert len(re.findall(rf"^  {field}:", lessons.js_on_load, re.MULTILINE)) == 11
    assert "how-it-works-button" in FOLLOW_LINKS
    assert file_data(EXAMPLE)["path"] == str(EXAMPLE)
