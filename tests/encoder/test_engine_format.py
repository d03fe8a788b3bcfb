"""Checkpoints as colpali_engine stores them. Its own vectors are compared by `make test-references`."""

import json
import shutil

import pytest
import torch
from checkpoints import MAKERS, maker
from engine_checkpoints import BUILDERS, DIM, LM_HEAD, make_engine_checkpoint
from PIL import Image
from safetensors.torch import load_file, save_file

from colpali_demo.encoder import CheckpointError, load_encoder

IMAGE = Image.effect_noise((80, 120), 90).convert("RGB")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A published checkpoint of each family."""
    return {name: make_engine_checkpoint(tmp_path_factory.mktemp(name), name) for name in BUILDERS}


@pytest.fixture
def own(folders, tmp_path):
    """A copy of a checkpoint for the test to damage."""
    return lambda name: shutil.copytree(folders[name], tmp_path / "own")


def load(folder, **options):
    return load_encoder(str(folder), device="cpu", dtype="float32", **options)


def error_of(folder) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    return caught.value


@pytest.mark.parametrize("family", BUILDERS)
def test_old_and_new_names_give_the_same_vectors(folders, tmp_path, family):
    published = load(folders[family])
    current = load(make_engine_checkpoint(tmp_path, family, published=False))
    assert published.model_info["family"] == family
    assert published.model_info["format"] == "colpali_engine"
    assert published.model_info["dim"] == DIM
    for encoder in (published, current):
        assert "Describe the image." in encoder.model_info["page_prompt"]
    torch.testing.assert_close(
        published.embed_pages([IMAGE])[0].vectors, current.embed_pages([IMAGE])[0].vectors, atol=0, rtol=0
    )


@pytest.mark.parametrize("family", sorted(MAKERS.keys() & BUILDERS))
def test_vectors_are_those_of_the_same_weights_in_the_format_of_transformers(folders, tmp_path, family):
    engine, native = load(folders[family]), load(maker(BUILDERS[family])(tmp_path, dim=DIM))
    assert native.model_info["format"] == "transformers"
    (page,), (other,) = engine.embed_pages([IMAGE]), native.embed_pages([IMAGE])
    assert page.layout == other.layout
    torch.testing.assert_close(page.vectors, other.vectors, atol=1e-6, rtol=0)
    query, other = engine.embed_query("revenue <pad>"), native.embed_query("revenue <pad>")
    assert query.tokens == other.tokens
    torch.testing.assert_close(query.vectors, other.vectors, atol=1e-6, rtol=0)


@pytest.mark.parametrize("family", ["ColQwen2", "ColQwen2.5", "ColModernVBERT", "ColIdefics3"])
def test_pages_are_padded_on_the_left(folders, family):
    encoder = load(folders[family])
    images = [IMAGE, IMAGE.resize((130, 50)), IMAGE.resize((40, 40))]
    inputs = encoder.family.process_pages(images)
    padding = ~inputs["attention_mask"].bool()
    assert padding.any()
    assert not padding[:, -1].any()
    for image, together in zip(images, encoder.embed_pages(images, batch_size=3), strict=True):
        (alone,) = encoder.embed_pages([image])
        torch.testing.assert_close(together.vectors, alone.vectors, atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", BUILDERS)
def test_weights_without_a_place_are_refused_by_name(own, family):
    folder = own(family)
    weights = load_file(folder / "model.safetensors")
    weights["visual_something.weight"] = torch.zeros(2, 2)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    error = error_of(folder)
    assert error.code == "checkpoint_corrupt"
    assert "no place for" in error.message and "visual_something.weight" in error.message


@pytest.mark.parametrize("family", BUILDERS)
def test_lacking_weights_are_refused_by_name(own, family):
    folder = own(family)
    weights = load_file(folder / "model.safetensors")
    lacking = next(name for name in weights if name.endswith("q_proj.weight") or "Wqkv" in name)
    del weights[lacking]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    error = error_of(folder)
    assert error.code == "checkpoint_corrupt"
    assert "lacks weights" in error.message and lacking.rpartition("layers")[2] in error.message


def test_a_base_without_a_head_is_refused(own):
    folder = own("ColQwen2")
    weights = load_file(folder / "model.safetensors")
    weights = {name: value for name, value in weights.items() if not name.startswith("custom_text_proj")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "embedding_proj_layer" in error_of(folder).message


@pytest.mark.parametrize("family", LM_HEAD)
def test_what_generates_text_is_left_out(folders, family):
    assert LM_HEAD[family] in load_file(folders[family] / "model.safetensors")
    assert not any("lm_head" in name for name in load(folders[family]).model.state_dict())


def test_pickled_weights_are_not_opened(own):
    folder = own("ColQwen2")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    error = error_of(folder)
    assert error.code == "checkpoint_corrupt"
    assert "safetensors" in error.message


def test_two_models_share_no_configuration(folders):
    first, second = load(folders["ColIdefics3"]), load(folders["ColIdefics3"])
    assert first.model.config is not second.model.config


# What a checkpoint says of its prefix


def test_a_prefix_that_the_checkpoint_does_not_name_is_doubted(own):
    folder = own("ColPali")
    info = load(folder).model_info
    assert (info["prefix"], info["prefix_doubted"]) == ("Question: ", True)
    assert "does not say" in info["prefix_source"]
    (folder / "git_hash.txt").write_text("0123456789abcdef0123456789abcdef01234567\n")
    assert "commit 0123456789ab" in load(folder).model_info["prefix_source"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config_sentence_transformers.json", {"prompts": {"query": "Query: ", "document": ""}}),
        ("processor_config.json", {"query_prefix": "Query: "}),
    ],
)
def test_a_prefix_that_the_checkpoint_names_is_used(own, file, content):
    folder = own("ColPali")
    (folder / file).write_text(json.dumps(content))
    encoder = load(folder)
    info = encoder.model_info
    assert (info["prefix"], info["prefix_doubted"]) == ("Query: ", False)
    assert info["prefix_source"].startswith(file)
    assert encoder.embed_query("x").prefix == "Query: "


def test_a_prefix_can_be_chosen(folders):
    info = load(folders["ColQwen2"], prefix="").model_info
    assert (info["prefix"], info["prefix_doubted"]) == ("", False)


def test_of_a_checkpoint_for_transformers_the_processor_decides(tmp_path):
    folder = MAKERS["ColPali"](tmp_path)
    info = load(folder).model_info
    assert info["prefix_source"].startswith("processor_config.json")
    config = json.loads((folder / "processor_config.json").read_text())
    del config["query_prefix"]
    (folder / "processor_config.json").write_text(json.dumps(config))
    info = load(folder).model_info
    assert (info["prefix"], info["prefix_doubted"]) == ("Question: ", False)
    assert info["prefix_source"].startswith("transformers")
