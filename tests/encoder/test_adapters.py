"""LoRA adapters: beside their base, on the Hub's layout, on other bases, and those that are refused."""

import json
import math
import shutil

import huggingface_hub.constants
import pytest
import torch
from checkpoints import MAKERS, maker
from engine_checkpoints import ALPHA, BUILDERS, DIM, RANK, make_engine_adapter, make_engine_checkpoint
from PIL import Image
from safetensors.torch import load_file, save_file

from colpali_demo.encoder import CheckpointError, load_encoder

IMAGE = Image.effect_noise((80, 120), 90).convert("RGB")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return {name: make_engine_checkpoint(tmp_path_factory.mktemp(name), name) for name in BUILDERS}


def load(folder, **options):
    return load_encoder(str(folder), device="cpu", dtype="float32", **options)


def merged_by_hand(base, adapter, folder, scale):
    """Add s B A to the weights of the base by hand, and save it as a whole checkpoint."""
    shutil.copytree(base, folder)
    weights, added = load_file(base / "model.safetensors"), load_file(adapter / "adapter_model.safetensors")
    for name, down in added.items():
        if ".lora_A" in name:
            weight = name.removeprefix("base_model.model.").replace(".lora_A", "")
            weights[weight] += scale * added[name.replace("lora_A", "lora_B")] @ down
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("rank_stabilized", [False, True])
@pytest.mark.parametrize("family", BUILDERS)
def test_an_adapter_is_added_to_its_base(bases, tmp_path, family, rank_stabilized):
    adapter = make_engine_adapter(tmp_path / "adapter", bases[family], family, use_rslora=rank_stabilized)
    scale = ALPHA / (math.sqrt(RANK) if rank_stabilized else RANK)
    expected = load(merged_by_hand(bases[family], adapter, tmp_path / "merged", scale))
    encoder = load(adapter)
    assert encoder.model_info["name"] == "adapter"
    assert encoder.model_info["family"] == family
    for ours, theirs in (
        (encoder.embed_pages([IMAGE])[0], expected.embed_pages([IMAGE])[0]),
        (encoder.embed_query("revenue"), expected.embed_query("revenue")),
    ):
        torch.testing.assert_close(ours.vectors, theirs.vectors, atol=2e-5, rtol=0)
    plain = load(bases[family]).embed_pages([IMAGE])[0].vectors
    assert (plain - encoder.embed_pages([IMAGE])[0].vectors).abs().max() > 0.1


def test_an_adapter_can_be_chosen_for_a_base(bases, tmp_path):
    adapter = make_engine_adapter(tmp_path / "mine", bases["ColQwen2"], "ColQwen2", base_name="nobody/knows")
    encoder = load(bases["ColQwen2"], adapter=str(adapter))
    assert encoder.model_info["name"] == f"{bases['ColQwen2'].name} + mine"
    make_engine_adapter(tmp_path / "same", bases["ColQwen2"], "ColQwen2")
    torch.testing.assert_close(
        encoder.embed_query("costs").vectors, load(tmp_path / "same").embed_query("costs").vectors
    )
    with pytest.raises(CheckpointError, match="holds no adapter"):
        load(bases["ColQwen2"], adapter=str(bases["ColPali"]))


@pytest.mark.parametrize("family", sorted(MAKERS.keys() & BUILDERS))
def test_an_adapter_on_a_checkpoint_for_transformers(bases, tmp_path, family):
    """Its names begin with `vlm.`, and its head is called otherwise."""
    adapter = make_engine_adapter(tmp_path / "engine", bases[family], family)
    native = maker(BUILDERS[family])(tmp_path / "native", dim=DIM)
    renamed = shutil.copytree(adapter, tmp_path / "renamed")
    weights = {}
    for name, value in load_file(adapter / "adapter_model.safetensors").items():
        name = name.replace("base_model.model.", "base_model.model.vlm.").replace(".vlm.model.", ".vlm.")
        name = name.replace("vlm.layers", "vlm.language_model.layers").replace(
            "language_model.model.", "language_model."
        )
        weights[name.replace("vlm.custom_text_proj", "embedding_proj_layer")] = value
    assert not {name for name in weights if ".vlm." not in name and ".embedding_proj_layer." not in name}
    save_file(weights, renamed / "adapter_model.safetensors", metadata={"format": "pt"})
    ours, engine = load(native, adapter=str(renamed)), load(adapter)
    torch.testing.assert_close(
        ours.embed_pages([IMAGE])[0].vectors, engine.embed_pages([IMAGE])[0].vectors, atol=2e-5, rtol=0
    )


def test_a_head_that_was_trained_whole_replaces_that_of_the_base(bases, tmp_path):
    adapter = make_engine_adapter(tmp_path / "adapter", bases["ColQwen2"], "ColQwen2")
    weights = load_file(adapter / "adapter_model.safetensors")
    weights = {name: value for name, value in weights.items() if "custom_text_proj" not in name}
    weights["base_model.model.custom_text_proj.weight"] = torch.randn(DIM, 32)
    weights["base_model.model.custom_text_proj.bias"] = torch.randn(DIM)
    save_file(weights, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    base = shutil.copytree(bases["ColQwen2"], tmp_path / "base")
    without = {k: v for k, v in load_file(base / "model.safetensors").items() if not k.startswith("custom_text_proj")}
    save_file(without, base / "model.safetensors", metadata={"format": "pt"})
    for folder in (bases["ColQwen2"], base):  # with and without a head of its own
        head = load(folder, adapter=str(adapter)).model.embedding_proj_layer
        torch.testing.assert_close(head.weight.data, weights["base_model.model.custom_text_proj.weight"])
        torch.testing.assert_close(head.bias.data, weights["base_model.model.custom_text_proj.bias"])


# Folders as they lie on the Hub


PUBLISHED = {
    "vidore/colpali-v1.3": ("ColPali", "vidore/colpaligemma-3b-pt-448-base"),
    "vidore/colqwen2.5-v0.2": ("ColQwen2.5", "vidore/colqwen2.5-base"),
    "vidore/colSmol-256M": ("ColIdefics3", "vidore/ColSmolVLM-Instruct-256M-base"),
}


@pytest.fixture
def hub(tmp_path, monkeypatch, bases):
    """A cache of the Hub with these adapters and their bases, under their own names."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def folder(name):
        repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("1234567")
        return repository / "snapshots" / "1234567"

    for name, (family, base) in PUBLISHED.items():
        shutil.copytree(bases[family], folder(base))
        make_engine_adapter(folder(name), bases[family], family, base_name=base)
    return tmp_path / "hub"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_adapter_finds_its_base(hub, name):
    encoder = load(name)
    family, _ = PUBLISHED[name]
    assert (encoder.model_info["name"], encoder.model_info["family"]) == (name, family)
    (page,) = encoder.embed_pages([IMAGE])
    assert len(page.layout.slots) == len(page.vectors)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_base_that_is_not_there_is_named(hub, name):
    _, base = PUBLISHED[name]
    shutil.rmtree(hub / f"models--{base.replace('/', '--')}")
    with pytest.raises(CheckpointError, match=f"needs its base model. `{base}` is not on this machine") as caught:
        load(name)
    assert caught.value.code == "not_downloaded"


def test_an_adapter_that_names_no_base(bases, tmp_path):
    adapter = make_engine_adapter(tmp_path, bases["ColQwen2"], "ColQwen2")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": None}))
    with pytest.raises(CheckpointError, match="does not say what its base model is"):
        load(adapter)


# Refusals


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("use_dora", True, "DoRA"),
        ("fan_in_fan_out", True, "fan_in_fan_out"),
        ("rank_pattern", {"q_proj": 8}, "rank_pattern"),
        ("alpha_pattern", {"q_proj": 8}, "alpha_pattern"),
        ("bias", "all", "bias"),
        ("lora_bias", True, "lora_bias"),
        ("peft_type", "IA3", "IA3"),
        ("layers_to_transform", [0], "layers_to_transform"),
        ("target_parameters", ["experts"], "target_parameters"),
    ],
)
def test_adapters_of_another_kind_are_refused(bases, tmp_path, setting, value, named):
    adapter = make_engine_adapter(tmp_path, bases["ColQwen2"], "ColQwen2", **{setting: value})
    with pytest.raises(CheckpointError, match=named) as caught:
        load(adapter)
    assert caught.value.code == "unknown_family"
    assert "merge_and_unload" in caught.value.message


def changed(adapter, change):
    weights = change(load_file(adapter / "adapter_model.safetensors"))
    save_file(weights, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    return adapter


@pytest.mark.parametrize("family", BUILDERS)
@pytest.mark.parametrize(
    ("dropped", "named"),
    [
        ("layers.1.", "layers.1"),
        ("o_proj", "o_proj"),
        ("custom_text_proj", "embedding_proj_layer"),
        ("lora_B", "only one"),
    ],
)
def test_dropped_weights_are_refused_by_name(bases, tmp_path, family, dropped, named):
    if family == "ColIdefics3" and dropped == "custom_text_proj":
        pytest.skip("its published adapters have none")
    if family == "ColModernVBERT":
        dropped, named = dropped.replace("o_proj", "attn.Wo"), named.replace("o_proj", "attn.Wo")
    adapter = make_engine_adapter(tmp_path, bases[family], family)

    def drop(weights):
        kept = {name: value for name, value in weights.items() if dropped not in name}
        assert len(kept) < len(weights)
        return kept

    with pytest.raises(CheckpointError, match=named) as caught:
        load(changed(adapter, drop))
    assert caught.value.code == "checkpoint_corrupt"


def test_weights_for_another_model_are_refused_by_name(bases, tmp_path):
    adapter = make_engine_adapter(tmp_path, bases["ColPali"], "ColPali")
    with pytest.raises(CheckpointError, match="changes custom_text_proj.*belongs to another"):
        load(bases["ColIdefics3"], adapter=str(adapter))


def test_weights_of_another_shape_are_refused_by_name(bases, tmp_path):
    adapter = make_engine_adapter(tmp_path, bases["ColQwen2"], "ColQwen2")

    def widen(weights):
        name = next(name for name in weights if "q_proj.lora_A" in name)
        return {**weights, name: torch.zeros(RANK, 48)}

    with pytest.raises(CheckpointError, match="q_proj does not have the shape"):
        load(changed(adapter, widen))
