"""Random checkpoints laid out as colpali_engine publishes them: whole ones, and LoRA adapters beside a base."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import torch
from checkpoints import MAKERS, Parts, colidefics3, colmodernvbert, colpali, colqwen2, colqwen2_5, spread
from safetensors.torch import load_file, save_file

DIM = 128  # colpali_engine's models have no other
RANK, ALPHA = 4, 6

BUILDERS = {
    "ColPali": colpali,
    "ColQwen2": colqwen2,
    "ColQwen2.5": colqwen2_5,
    "ColModernVBERT": colmodernvbert,
    "ColIdefics3": colidefics3,
}

# (pattern, replacement) from the names of the models here to those in files: as published, and as colpali_engine 0.3.18
# saves them.
PUBLISHED = {
    "ColPali": [
        (r"^vlm\.language_model\.", "model.language_model.model."),
        (r"^vlm\.vision_tower\.", "model.vision_tower.vision_model."),
        (r"^vlm\.", "model."),
    ],
    "ColQwen2": [(r"^vlm\.language_model\.", "model."), (r"^vlm\.", "")],
    "ColQwen2.5": [(r"^vlm\.language_model\.", "model."), (r"^vlm\.", "")],
    "ColModernVBERT": [(r"^vlm\.", "model.")],
    "ColIdefics3": [(r"^vlm\.", "model.")],
}
CURRENT = {
    "ColPali": [(r"^vlm\.language_model\.", "model.language_model.model."), (r"^vlm\.", "model.")],
    "ColQwen2": [(r"^vlm\.", "")],
    "ColQwen2.5": [(r"^vlm\.", "")],
    "ColModernVBERT": [
        (r"^vlm\.", "base_model.model.model."),
        (r"^custom_text_proj", "base_model.model.custom_text_proj"),
    ],
    "ColIdefics3": [(r"^vlm\.", "model.")],
}
LM_HEAD = {"ColPali": "model.language_model.lm_head.weight", "ColQwen2": "lm_head.weight"}

PROCESSORS = {
    "ColPali": "ColPaliProcessor",
    "ColQwen2": "ColQwen2Processor",
    "ColQwen2.5": "ColQwen2_5_Processor",
    "ColModernVBERT": "ColModernVBertProcessor",
    "ColIdefics3": "ColIdefics3Processor",
}
TARGETS = {  # of the published adapters
    "ColPali": "(.*(language_model).*(down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj).*$|"
    ".*(custom_text_proj).*$)",
    "ColQwen2": "(.*(model).*(down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj).*$|.*(custom_text_proj).*$)",
    "ColQwen2.5": "(.*(model).*(down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj).*$|.*(custom_text_proj).*$)",
    "ColModernVBERT": "(.*(text_model).*(Wqkv|Wo|Wi).*$|.*(custom_text_proj).*$)",
    "ColIdefics3": "(.*(text_model).*(down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj).*$|"
    ".*(custom_text_proj).*$)",
}


def engine_name(family: str, name: str, rules: dict[str, list[tuple[str, str]]] = PUBLISHED) -> str:
    """Return what a weight of the models here is called in the files of colpali_engine."""
    head = "linear" if family == "ColIdefics3" else "custom_text_proj"
    name = name.replace("embedding_proj_layer", head)
    for pattern, replacement in rules[family]:
        if re.search(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def make_engine_checkpoint(
    folder: Path, family: str, *, published: bool = True, seed: int = 0, **settings: Any
) -> Path:
    """Save a whole checkpoint, under the names of the published ones or of colpali_engine 0.3.18."""
    parts = BUILDERS[family](dim=DIM, seed=seed, **settings)
    model, _ = parts
    spread(model)
    folder.mkdir(parents=True, exist_ok=True)
    rules = PUBLISHED if published else CURRENT
    weights = {engine_name(family, name, rules): value.clone() for name, value in model.state_dict().items()}
    if published and family in LM_HEAD:  # which generates text, and which nothing here has a use for
        weights[LM_HEAD[family]] = model.get_input_embeddings().weight.detach().clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = config_of(family, model, published)
    (folder / "config.json").write_text(json.dumps(config))
    save_processor(folder, family, parts)
    return folder


def config_of(family: str, model: Any, published: bool) -> dict[str, Any]:
    config = (model.config if family == "ColIdefics3" else model.config.vlm_config).to_dict()
    config.pop("embedding_dim", None)
    if published and family in ("ColQwen2", "ColQwen2.5"):  # saved before transformers set the text part apart
        text = config.pop("text_config")
        rope = text.pop("rope_parameters")
        config = {**text, **config, "rope_theta": rope["rope_theta"]}
        config["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
        config["model_type"] = model.config.vlm_config.model_type
    if published and family == "ColPali":
        config["image_token_index"] = config.pop("image_token_index", None) or config.pop("image_token_id")
    return config


def save_processor(folder: Path, family: str, parts: Parts) -> None:
    """Write tokenizer and image processor under the names that the published checkpoints use."""
    _, processor = parts
    processor.tokenizer.save_pretrained(folder)
    images = processor.image_processor.to_dict()
    images["image_processor_type"] = images["image_processor_type"].removesuffix("Pil")
    images["processor_class"] = PROCESSORS[family]
    if family in ("ColQwen2", "ColQwen2.5"):
        images["min_pixels"], images["max_pixels"] = images["size"]["shortest_edge"], images["size"]["longest_edge"]
        images["size"] = {"min_pixels": images["min_pixels"], "max_pixels": images["max_pixels"]}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    if family in ("ColIdefics3", "ColModernVBERT"):
        settings = {"image_seq_len": processor.image_seq_len, "processor_class": PROCESSORS[family]}
        (folder / "processor_config.json").write_text(json.dumps(settings))


def make_engine_adapter(
    folder: Path, base: Path, family: str, *, base_name: str | None = None, seed: int = 1, **config: Any
) -> Path:
    """Save an adapter for the base checkpoint in `base`, whose layout is the published one."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = load_file(base / "model.safetensors")
    chance = torch.Generator().manual_seed(seed)
    adapter = {}
    for name, weight in weights.items():
        module = name.removesuffix(".weight")
        if weight.dim() == 2 and re.fullmatch(TARGETS[family], module) and "embed" not in name and "head" not in name:
            down = torch.randn(RANK, weight.shape[1], generator=chance) * 0.3
            up = torch.randn(weight.shape[0], RANK, generator=chance) * 0.3
            adapter[f"base_model.model.{module}.lora_A.weight"] = down
            adapter[f"base_model.model.{module}.lora_B.weight"] = up
    save_file(adapter, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = {
        "base_model_name_or_path": base_name or str(base),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": "gaussian",
        "layers_pattern": None,
        "layers_to_transform": None,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.1,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": RANK,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": TARGETS[family],
        "task_type": "FEATURE_EXTRACTION",
        "use_dora": False,
        "use_rslora": False,
    }
    (folder / "adapter_config.json").write_text(json.dumps({**settings, **config}))
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        if (base / name).is_file():
            (folder / name).write_bytes((base / name).read_bytes())
    (folder / "git_hash.txt").write_text("1b5c29f1df3a6e9b2c2b0d1ed4a9b9f2a8a3c0de")
    return folder


ALL_MAKERS = {**MAKERS, "ColIdefics3": partial(make_engine_checkpoint, family="ColIdefics3")}
"""A checkpoint of every family: in the format of transformers, or else in that of colpali_engine."""
