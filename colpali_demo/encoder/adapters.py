"""LoRA adapters as peft saves them, added to the weights that they were trained beside.

To a matrix W of (out, in) an adapter adds s B A, with A of (rank, in) and B of (out, rank); s is alpha / rank, or
alpha / sqrt(rank) for a rank-stabilized one. Hu et al. 2021, https://arxiv.org/abs/2106.09685; Kalajdzievski 2023,
https://arxiv.org/abs/2312.03732.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from colpali_demo.encoder.engine_format import read_weights
from colpali_demo.encoder.files import CheckpointError, read_json

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model*.safetensors"

UNSUPPORTED = {
    "use_dora": "weight-decomposed (DoRA)",
    "use_qalora": "quantization-aware (QA-LoRA)",
    "fan_in_fan_out": "stored transposed (fan_in_fan_out)",
    "rank_pattern": "of several ranks (rank_pattern)",
    "alpha_pattern": "scaled by layer (alpha_pattern)",
    "lora_bias": "with biases of their own (lora_bias)",
    "layers_pattern": "of chosen layers (layers_pattern)",
    "layers_to_transform": "of chosen layers (layers_to_transform)",
    "layer_replication": "that repeat layers (layer_replication)",
    "target_parameters": "of single parameters (target_parameters)",
    "trainable_token_indices": "of single tokens (trainable_token_indices)",
}
"""Settings of `adapter_config.json` that change what is added, and what adapters with them are."""

LORA = re.compile(r"(.+)\.lora_([AB])(\.default)?\.weight")
SAVED = re.compile(r"\.modules_to_save(\.default)?")
LAYERS = re.compile(r"(^|\.)(layers|blocks)\.(?=\d+\.)")


def base_name(folder: Path) -> str:
    """Return what the adapter says it was trained beside, "" if nothing."""
    return str(read_json(folder / CONFIG).get("base_model_name_or_path") or "")


@torch.no_grad()
def merge(model: PreTrainedModel, folder: Path, native_name: Callable[[str], str | None]) -> set[str]:
    """Add the adapter in `folder` to the weights of a model; return the names of those that it replaced whole.

    `native_name` takes the name of a weight in the files to that in the model. Raises CheckpointError for an adapter of
    a kind that is not plain LoRA, for weights that the model has no place for, and for layers that the adapter ought to
    cover and does not.
    """
    config = read_json(folder / CONFIG)
    _require_plain_lora(config, folder.name)
    # Matrices by the name of the weight that they are added to.
    pairs: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    whole: dict[str, torch.Tensor] = {}
    for name, tensor in read_weights(folder, WEIGHTS).items():
        name = name.removeprefix("base_model.model.")
        if match := LORA.fullmatch(name):
            pairs[match[1] + ".weight"][match[2]] = tensor
        else:
            whole[SAVED.sub("", name)] = tensor
    weights = dict(model.named_parameters())
    names = {name: native_name(name) for name in (*pairs, *whole)}
    for name, native in names.items():
        if native not in weights:
            raise CheckpointError(
                "checkpoint_corrupt",
                f"The adapter `{folder.name}` changes {name.removesuffix('.weight')}, which its base model does not "
                "have: it belongs to another one.",
            )
    for name, pair in pairs.items():
        _add(weights[names[name]], pair, _scale(config), f"{folder.name}`: {name.removesuffix('.weight')}")
    for name, tensor in whole.items():
        weights[names[name]].copy_(tensor)
    if lacking := _lacking(config.get("target_modules") or [], weights, names, native_name):
        # Elsewhere such files load without an error: what is lacking counts as zero.
        raise CheckpointError(
            "checkpoint_corrupt", f"The adapter `{folder.name}` lacks weights, such as those of {lacking[0]}."
        )
    return {names[name] for name in whole}


def _require_plain_lora(config: Mapping[str, Any], name: str) -> None:
    kinds = [kind for setting, kind in UNSUPPORTED.items() if config.get(setting)]
    if str(config.get("peft_type", "LORA")) != "LORA":
        kinds.insert(0, f"of the type {config['peft_type']}")
    if config.get("bias", "none") != "none":
        kinds.append("with biases (bias)")
    if kinds:
        raise CheckpointError(
            "unknown_family",
            f"`{name}` is an adapter {kinds[0]}, and only plain LoRA can be added here. Merge it into its base model "
            "with peft's merge_and_unload and use the result.",
        )


def _scale(config: Mapping[str, Any]) -> float:
    rank, alpha = config["r"], config["lora_alpha"]
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _add(weight: torch.Tensor, pair: Mapping[str, torch.Tensor], scale: float, name: str) -> None:
    """Add s B A to a weight, summed in float32."""
    if set(pair) != {"A", "B"}:
        raise CheckpointError("checkpoint_corrupt", f"The adapter `{name}` has only one of its two matrices.")
    change = scale * (pair["B"].float() @ pair["A"].float()) if pair["A"].dim() == pair["B"].dim() == 2 else None
    if change is None or change.shape != weight.shape:
        raise CheckpointError(
            "checkpoint_corrupt", f"The adapter `{name} does not have the shape of the weight in its base model."
        )
    weight.copy_(weight.float() + change)


def _lacking(
    targets: str | list[str],
    weights: Mapping[str, torch.Tensor],
    names: Mapping[str, str],
    native_name: Callable[[str], str | None],
) -> list[str]:
    """Return the layers of a model that an adapter targets and does not change.

    targets: `target_modules` of its configuration
    names: of the weights that it changes, in its files and in the model
    """
    changed = set(names.values())
    words = re.findall(r"\w+", targets) if isinstance(targets, str) else [word.split(".")[-1] for word in targets]
    # A word that names no layer of this model, such as the head where it goes by another name, asks for nothing.
    wanted = {_layer(native) for word in words if (native := native_name(f"{word}.weight"))}
    lacking = sorted((wanted & {_layer(weight) for weight in weights}) - {_layer(weight) for weight in changed})
    # In a stack of layers of which some are changed, those that peft would have chosen by their names.
    stacks = {
        native[: found.end()]: name[: LAYERS.search(name).end()]
        for name, native in names.items()
        if (found := LAYERS.search(native))
    }
    for weight, value in weights.items():
        found = LAYERS.search(weight)
        if value.dim() == 2 and found and (prefix := weight[: found.end()]) in stacks:
            module = (stacks[prefix] + weight[found.end() :]).removesuffix(".weight")
            if weight not in changed and _is_target(module, targets):
                lacking.append(module)
    return lacking


def _is_target(module: str, targets: str | list[str]) -> bool:
    """Return whether peft adds an adapter to a module of this name."""
    if isinstance(targets, str):
        return targets == "all-linear" or re.fullmatch(targets, module) is not None
    return any(module == target or module.endswith(f".{target}") for target in targets)


def _layer(weight: str) -> str:
    """Return the last part of the name of the layer that a weight belongs to."""
    return weight.split(".")[-2]
