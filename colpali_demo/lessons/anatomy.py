"""What a loaded checkpoint consists of, read off the modules themselves."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

# What the families of transformers call the four parts, in the order in which a patch meets them.
PARTS = {
    "vision tower": ("vision_tower", "visual", "vision_model"),
    "projector": ("multi_modal_projector", "merger", "connector"),
    "language model": ("language_model", "text_model"),
    "head": ("embedding_proj_layer",),
}


def anatomy(model: PreTrainedModel) -> list[dict[str, Any]]:
    """The parts of a retriever, in the order in which a patch meets them.

    Each is {"part", "class", "detail", "parameters", "width"}: `width` is how many numbers it hands on for one patch,
    `detail` its layers in words. The parameters of all parts sum to those of the model.
    """
    modules = {part: _find(model, names) for part, names in PARTS.items()}
    counts = {part: sum(weight.numel() for weight in module.parameters()) for part, module in modules.items()}
    vision, projector = modules["vision tower"], modules["projector"]
    if projector in vision.modules():  # as the merger of Qwen2-VL
        counts["vision tower"] -= counts["projector"]
    text = modules["language model"].config.hidden_size
    widths = {"projector": text, "language model": text, "head": model.embedding_dim}
    widths["vision tower"] = _linear(projector)[0].in_features
    details = {
        "vision tower": _layers(vision.config),
        "projector": f"{widths['vision tower']} → {text}",
        "language model": _layers(modules["language model"].config),
        "head": f"{text} → {model.embedding_dim}, scaled to length 1",
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
    """How many numbers LoRA of this rank trains on the linear layers of the language model and on the head.

    Beside a matrix of (out, in) numbers it learns two thin ones, (out, rank) and (rank, in). Hu et al. 2021,
    https://arxiv.org/abs/2106.09685.
    """
    layers = [layer for part in ("language model", "head") for layer in _linear(_find(model, PARTS[part]))]
    return sum(rank * (layer.in_features + layer.out_features) for layer in layers)


def _find(model: PreTrainedModel, names: tuple[str, ...]) -> nn.Module:
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in names:
            return module
    raise ValueError(f"{type(model).__name__} has no part called {' or '.join(names)}")


def _linear(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def _layers(config: PreTrainedConfig) -> str:
    if hasattr(config, "widths"):  # the convolutions of `encoder.tiny.tower`
        return f"{len(config.widths)} convolution stages, {' → '.join(map(str, config.widths))} channels"
    width = getattr(config, "embed_dim", config.hidden_size)  # in Qwen2-VL `hidden_size` is what the tower hands on
    heads = config.num_attention_heads
    return f"{config.num_hidden_layers} layers of width {width}, {heads} attention {'head' if heads == 1 else 'heads'}"
