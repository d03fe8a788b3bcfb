"""`verify` passes whole checkpoints of every family, and says what is wrong with broken ones."""

import json
import shutil

import pytest
import torch
from checkpoints import make_checkpoint
from engine_checkpoints import ALL_MAKERS, make_engine_adapter, make_engine_checkpoint
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, SiglipVisionConfig, SiglipVisionModel

from colpali_demo.__main__ import main
from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.families import colmodernvbert, colpali, colqwen2
from colpali_demo.encoder.layout import patch
from colpali_demo.verify import verify


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in ALL_MAKERS.items()}


def failures(report) -> dict[str, str]:
    return {check.name: check.finding for check in report.checks if not check.passed}


@pytest.mark.parametrize("family", list(ALL_MAKERS))
def test_a_checkpoint_of_each_family_passes(folders, family, capsys):
    assert main(["verify", "--model", str(folders[family]), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"checkpoint  {folders[family].name}: {family}, ")
    assert "torch" in lines[1]
    assert lines[-1] == "all 12 checks passed"


def test_a_wrong_prefix(tmp_path, capsys):
    path = make_checkpoint(tmp_path) / "processor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "query_prefix": "Query: "}))
    command = ["verify", "--model", str(tmp_path), "--device", "cpu"]
    assert main(command) == 1
    report = capsys.readouterr().out
    assert "the processor puts 'Query: ' before a query; ColPali was trained with 'Question: '" in report
    assert report.endswith("1 of 12 checks failed\n")
    assert main([*command, "--prefix", "Query: "]) == 0


def test_a_wrong_page_prompt(tmp_path):
    path = make_checkpoint(tmp_path) / "processor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "visual_prompt_prefix": "What is it?"}))
    assert list(failures(verify(load_encoder(str(tmp_path), device="cpu")))) == ["page prompt"]


class TransposedTowerConfig(SiglipVisionConfig):
    model_type = "siglip_transposed"


class TransposedTower(SiglipVisionModel):
    """Hands out its patches column by column."""

    config_class = TransposedTowerConfig

    def forward(self, pixel_values, **kwargs):
        return super().forward(pixel_values.transpose(2, 3), **kwargs)


class MirroredTowerConfig(SiglipVisionConfig):
    model_type = "siglip_mirrored"


class MirroredTower(SiglipVisionModel):
    """Hands out the patches of each row from right to left."""

    config_class = MirroredTowerConfig

    def forward(self, pixel_values, **kwargs):
        return super().forward(pixel_values.flip(3), **kwargs)


for config, tower in ((TransposedTowerConfig, TransposedTower), (MirroredTowerConfig, MirroredTower)):
    AutoConfig.register(config.model_type, config)
    AutoModel.register(config, tower)


@pytest.mark.parametrize(
    ("config", "reason"),
    [(TransposedTowerConfig, "rows and columns are transposed"), (MirroredTowerConfig, "mirrored left to right")],
)
def test_a_checkpoint_whose_grid_is_mixed_up(tmp_path, capsys, config, reason):
    vision = config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        projection_dim=32,
        vision_use_head=False,
    )
    make_checkpoint(tmp_path, vision=vision)
    assert main(["verify", "--model", str(tmp_path), "--device", "cpu"]) == 1
    (failed,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL"))
    assert failed.startswith("FAIL  patch grid")
    assert reason in failed


def test_a_transposed_grid_that_is_not_square(folders, monkeypatch):
    def transposed(rows, cols):
        cells = [patch((row, col)) for col in range(cols) for row in range(rows)]
        return colqwen2.ImageSlots(rows, cols, cells)

    monkeypatch.setattr(colqwen2, "grid_slots", transposed)
    report = verify(load_encoder(str(folders["ColQwen2"]), device="cpu"))
    assert list(failures(report)) == ["patch grid"]
    assert "transposed" in failures(report)["patch grid"]


def test_causal_attention(folders, monkeypatch):
    monkeypatch.setattr(colpali.ColPali, "model_options", lambda self, inputs: {"use_cache": False})
    found = failures(verify(load_encoder(str(folders["ColPali"]), device="cpu")))
    assert "only backwards, and ought to go both directions" in found["attention, padded"]


def test_positions_that_transformers_counts_up_on_every_axis(folders, monkeypatch):
    monkeypatch.setattr(colqwen2.ColQwen2, "model_options", lambda self, inputs: {"use_cache": False})
    found = failures(verify(load_encoder(str(folders["ColQwen2"]), device="cpu")))
    assert set(found) == {"positions"}
    assert "a vector of a page has a cosine of" in found["positions"]


def test_attention_that_looks_ahead_where_it_must_not(folders, monkeypatch):
    monkeypatch.setattr(colmodernvbert.ColModernVBert, "bidirectional", False)
    found = failures(verify(load_encoder(str(folders["ColModernVBERT"]), device="cpu")))
    assert set(found) == {"attention", "attention, padded"}
    assert "goes both directions" in found["attention"]


def test_damaged_weights(folders):
    encoder = load_encoder(str(folders["ColPali"]), device="cpu")
    with torch.no_grad():
        encoder.model.vlm.multi_modal_projector.linear.weight.mul_(-1.0)
    assert "disagree" in failures(verify(encoder))["precision"]  # with what is in the files


@pytest.mark.parametrize("family", ["ColPali", "NeoMME", "ColIdefics3"])
def test_a_head_that_is_not_the_one_in_the_files(folders, family):
    encoder = load_encoder(str(folders[family]), device="cpu")
    with torch.no_grad():
        encoder.family.head.weight.copy_(torch.randn_like(encoder.family.head.weight))
    assert "another one than in the files" in failures(verify(encoder))["head"]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    base = make_engine_checkpoint(tmp_path_factory.mktemp("base"), "ColQwen2")
    return make_engine_adapter(tmp_path_factory.mktemp("adapter"), base, "ColQwen2")


def test_an_adapter_passes_with_its_base(adapter, capsys):
    command = ["verify", "--model", str(adapter), "--device", "cpu"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(f"checkpoint  {adapter.name}: ColQwen2, ")
    base = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert main(["verify", "--model", base, "--adapter", str(adapter), "--device", "cpu"]) == 0


def test_an_adapter_whose_head_was_not_added(adapter):
    encoder = load_encoder(str(adapter), device="cpu")
    plain = load_encoder(str(encoder.checkpoint.folder), device="cpu")
    with torch.no_grad():
        encoder.family.head.weight.copy_(plain.family.head.weight)
    assert "another one than in the files" in failures(verify(encoder))["head"]


def test_an_adapter_that_lost_some_of_its_weights(adapter, tmp_path, capsys):
    broken = shutil.copytree(adapter, tmp_path / "broken")
    weights = load_file(broken / "adapter_model.safetensors")
    kept = {name: value for name, value in weights.items() if "layers.1.self_attn.q_proj" not in name}
    assert len(kept) == len(weights) - 2
    save_file(kept, broken / "adapter_model.safetensors", metadata={"format": "pt"})
    assert main(["verify", "--model", str(broken), "--device", "cpu"]) == 2
    assert "`broken` lacks weights, such as those of model.layers.1.self_attn.q_proj" in capsys.readouterr().err


def test_what_cannot_be_loaded_is_bad_usage(tmp_path, folders, capsys):
    assert main(["verify", "--model", str(tmp_path)]) == 2
    assert "config.json is missing" in capsys.readouterr().err
    assert main(["verify", "--model", str(folders["ColPali"]), "--device", "abacus"]) == 2
    assert "abacus" in capsys.readouterr().err
