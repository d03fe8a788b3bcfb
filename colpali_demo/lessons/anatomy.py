"""What a loaded checkpoint consists of, read off the modules themselves."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

# What the families of transformers call the four parts, in the order in which a patch meets them.
PARTS = {
    "vision tower": ("vision_tower", "visual", "vision_model"),
    "projector": ("multi_modal_projector", "merger", "connector", "patch_embeddings"),
    "language model": ("language_model", "text_model", "model"),
    "head": ("embedding_proj_layer", "multi_vector_head"),
}


def anatomy(model: PreTrainedModel) -> list[dict[str, Any]]:
    """Return the parts of a retriever, in the order in which a patch meets them.

    Each is {"part", "class", "detail", "parameters", "width"}: `width` is how many numbers it hands on for one patch,
    `detail` its layers in words. The parameters of all parts sum to those of the model. A model without a vision tower
    has three parts: its projector reads the pixels.
    """
    modules = {part: module for part, names in PARTS.items() if (module := _find(model, names)) is not None}
    counts = {part: sum(weight.numel() for weight in module.parameters()) for part, module in modules.items()}
    projector, head = modules["projector"], _linear(modules["head"])[0]
    for part in ("vision tower", "language model"):
        if part in modules and projector in modules[part].modules():  # as the merger of Qwen2-VL
            counts[part] -= counts["projector"]
    text, before = head.in_features, _linear(projector)[0].in_features
    widths = {"vision tower": before, "projector": text, "language model": text, "head": head.out_features}
    details = {
        "projector": f"{before} → {text}",
        "head": f"{text} → {head.out_features}, scaled to length 1",
        **{part: _layers(modules[part].config) for part in ("vision tower", "language model") if part in modules},
    }
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


def lora_parameters(model: PreTrainedModel, rank: int) -> int:
    """Return how many numbers LoRA of this rank trains on the linear layers of the language model and on the head.

    Beside a matrix of (out, in) numbers it learns two thin ones, (out, rank) and (rank, in). Hu et al. 2021,
    https://arxiv.org/abs/2106.09685.
    """
    layers = [layer for part in ("language model", "head") for layer in _linear(_find(model, PARTS[part]))]
    return sum(rank * (layer.in_features + layer.out_features) for layer in layers)


def _find(model: PreTrainedModel, names: tuple[str, ...]) -> nn.Module | None:
    """Return the first module with one of these names, None if there is none."""
    named = ((name.rpartition(".")[2], module) for name, module in model.named_modules())
    return next((module for name, module in named if name in names), None)


def _linear(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def _layers(config: PreTrainedConfig) -> str:
    if hasattr(config, "widths"):  # the convolutions of `encoder.tiny.tower`
        return f"{len(config.widths)} convolution stages, {' → '.join(map(str, config.widths))} channels"
    width = getattr(config, "embed_dim", config.hidden_size)  # in Qwen2-VL `hidden_size` is what the tower hands on
    heads = config.num_attention_heads
    return f"{config.num_hidden_layers} layers of width {width}, {heads} attention {'head' if heads == 1 else 'heads'}"
