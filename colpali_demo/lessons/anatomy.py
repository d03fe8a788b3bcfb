"""What a loaded checkpoint consists of, read off the modules themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import PreTrainedConfig

if TYPE_CHECKING:
    from colpali_demo.encoder.families import Family

PARTS = ("vision tower", "projector", "language model")
"""What `Family.parts` may name, in the order in which a patch meets them."""


def anatomy(family: Family) -> list[dict[str, Any]]:
    """Return the parts of a retriever that its family names, in the order in which a patch meets them; last the head.

    Each is {"part", "class", "detail", "parameters", "width"}: `width` is how many numbers it hands on for one patch,
    `detail` its layers in words. Where the family names all parts, their parameters sum to those of the model.
    """
    modules, head = _modules(family), family.head
    counts = {part: sum(weight.numel() for weight in module.parameters()) for part, module in modules.items()}
    text = head.in_features
    widths = {"projector": text, "language model": text, "head": head.out_features}
    details = {"head": f"{text} → {head.out_features}, scaled to length 1"}
    if "projector" in modules:
        widths["vision tower"] = _linear(modules["projector"])[0].in_features
        details["projector"] = f"{widths['vision tower']} → {text}"
    for part in ("vision tower", "language model"):
        if part in modules:
            details[part] = _layers(modules[part].config)
            # Qwen2-VL has its projector inside the vision tower.
            if modules.get("projector") in modules[part].modules():
                counts[part] -= counts["projector"]
    return [
        {
            "part": part,
            "class": type(module).__name__,
            "detail": details[part],
            "parameters": counts[part],
            "width": widths[part],
        }
        for part, module in modules.items()
    ]


def lora_parameters(family: Family, rank: int) -> int:
    """Return how many numbers LoRA of this rank trains on the linear layers of the language model and on the head.

    Beside a matrix of (out, in) numbers it learns two thin ones, (out, rank) and (rank, in). Hu et al. 2021,
    https://arxiv.org/abs/2106.09685.
    """
    modules = _modules(family)
    layers = [layer for part in ("language model", "head") if part in modules for layer in _linear(modules[part])]
    return sum(rank * (layer.in_features + layer.out_features) for layer in layers)


def _modules(family: Family) -> dict[str, nn.Module]:
    """Return the parts that a family names, and its head."""
    parts = {part: _find(family.model, family.parts[part]) for part in PARTS if part in family.parts}
    return {**parts, "head": family.head}


def _find(model: nn.Module, name: str) -> nn.Module:
    """Return the first module of this name, wherever it is in the model."""
    return next(module for path, module in model.named_modules() if path.rpartition(".")[2] == name)


def _linear(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def _layers(config: PreTrainedConfig) -> str:
    if hasattr(config, "widths"):  # the convolutions of `encoder.tiny.tower`
        return f"{len(config.widths)} convolution stages, {' → '.join(map(str, config.widths))} channels"
    # Qwen2-VL's `hidden_size` is the width behind its projector.
    width = getattr(config, "embed_dim", config.hidden_size)
    heads = config.num_attention_heads
    return f"{config.num_hidden_layers} layers of width {width}, {heads} attention {'head' if heads == 1 else 'heads'}"
