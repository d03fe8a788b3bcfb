import json
import shutil
import socket
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file

from colpali_demo.encoder import CheckpointError, checkpoints, load_encoder
from colpali_demo.encoder.checkpoints import find_checkpoint

HUB_ID = "somebody/colpali-on-the-hub"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of Hub repositories, and no way to the Hub."""

    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("COLPALI_MODEL", raising=False)
    return tmp_path / "hub"


@pytest.fixture
def damaged(checkpoint, tmp_path) -> Path:
    """A copy of the checkpoint for the test to damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "damaged"))


def error_of(name: str | Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_encoder(str(name))
    assert caught.value.message == str(caught.value)
    return caught.value


def test_a_folder(checkpoint):
    found = find_checkpoint(str(checkpoint))
    assert (found.folder, found.name, found.source) == (checkpoint, "random-colpali", str(checkpoint))


@pytest.mark.parametrize("name", ["auto", "tiny"])
def test_the_bundled_checkpoint_is_the_default(name, checkpoint, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED_FOLDER", checkpoint)
    found = find_checkpoint(name)
    assert (found.folder, found.name, found.source) == (checkpoint, "random-colpali", "tiny")


def test_the_bundled_checkpoint_lies_in_the_assets():
    assert checkpoints.BUNDLED_FOLDER.relative_to(Path(__file__).parents[2]) == Path("assets/colpali-tiny")


def test_a_missing_bundled_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED_FOLDER", tmp_path / "colpali-tiny")
    assert error_of("tiny").code == "checkpoint_missing"


def test_auto_follows_the_environment(checkpoint, monkeypatch):
    monkeypatch.setenv("COLPALI_MODEL", str(checkpoint))
    assert find_checkpoint("auto").folder == checkpoint


@pytest.mark.parametrize("name", ["no/such/folder", "./nothing-here", "/nowhere/at/all"])
def test_no_such_folder(name):
    assert error_of(name).code == "checkpoint_missing"


def test_an_empty_folder(tmp_path):
    assert error_of(tmp_path).code == "checkpoint_missing"


def test_a_hub_checkpoint_is_not_downloaded_unasked():
    error = error_of("vidore/colpali-v1.3-hf")
    assert error.code == "not_downloaded"
    assert "`vidore/colpali-v1.3-hf` is not on this machine: about 6 GB" in error.message


def test_a_hub_checkpoint_from_the_cache(checkpoint, hub_cache):
    repository = hub_cache / "models--somebody--colpali-on-the-hub"
    shutil.copytree(checkpoint, repository / "snapshots" / "1234567")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1234567")
    info = load_encoder(HUB_ID).model_info
    assert (info["name"], info["revision"]) == (HUB_ID, "1234567")


def test_a_revision_of_a_hub_checkpoint(checkpoint, hub_cache):
    repository = hub_cache / "models--somebody--colpali-on-the-hub"
    newest, older = "a" * 40, "b" * 40
    for commit in (newest, older):
        shutil.copytree(checkpoint, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(newest)
    assert find_checkpoint(HUB_ID).revision == newest
    assert find_checkpoint(checkpoints.at_revision(HUB_ID, older)).revision == older
    assert find_checkpoint(str(checkpoint)).revision is None
    assert error_of(f"{HUB_ID}@{'c' * 40}").code == "not_downloaded"


@pytest.mark.parametrize("name", ["auto", "tiny", ".", f"{HUB_ID}@main"])
def test_what_has_no_revisions(name):
    with pytest.raises(ValueError, match="is none"):
        checkpoints.at_revision(name, "main")


def test_another_kind_of_model(damaged):
    (damaged / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert error_of(damaged).code == "unknown_family"


def test_an_adapter_without_its_base(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "somebody/base"}))
    error = error_of(tmp_path)
    assert error.code == "not_downloaded"
    assert "is an adapter and needs its base model. `somebody/base` is not on this machine" in error.message


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors", "processor_config.json"])
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", None])
def test_damaged_files(damaged, file, content):
    whole = (damaged / file).read_bytes()
    (damaged / file).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert error_of(damaged).code == "checkpoint_corrupt"


@pytest.mark.parametrize("file", ["tokenizer.json", "model.safetensors"])
def test_lacking_files(damaged, file):
    (damaged / file).unlink()
    assert error_of(damaged).code == "checkpoint_corrupt"


def test_lacking_weights(damaged):
    weights = load_file(damaged / "model.safetensors")
    del weights["embedding_proj_layer.weight"]
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
    error = error_of(damaged)
    assert error.code == "checkpoint_corrupt"
    assert "embedding_proj_layer.weight" in error.message


def test_weights_as_pickles_are_not_opened(damaged, monkeypatch):
    def opened(*arguments, **named):
        raise AssertionError("a pickle was opened")

    monkeypatch.setattr(torch, "load", opened)
    torch.save(load_file(damaged / "model.safetensors"), damaged / "pytorch_model.bin")
    (damaged / "model.safetensors").unlink()
    error = error_of(damaged)
    assert error.code == "checkpoint_corrupt"
    assert "a pickle was opened" not in str(error.message)


def test_a_tokenizer_larger_than_the_model(damaged):
    tokenizer = json.loads((damaged / "tokenizer.json").read_text())
    last = max(token["id"] for token in tokenizer["added_tokens"])
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][-1], "id": last + 1, "content": "<one-more>"})
    (damaged / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "tokenizer" in error_of(damaged).message


def test_how_well_it_reads_comes_from_the_checkpoint(damaged):
    reading = {"schema": 1, "pointing_real": 0.81, "level": "reads", "sentence": "It reads."}
    (damaged / "reading.json").write_text(json.dumps(reading))
    assert load_encoder(str(damaged)).model_info["reads"] == reading


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_reading(damaged, text):
    (damaged / "reading.json").write_text(text)
    assert error_of(damaged).code == "checkpoint_corrupt"
