"""Hugging Face's ZeroGPU lends a GPU for the length of a decorated call, which runs in a process of its own.

Arguments and results are pickled on the way, so that tensors have to be on the CPU and the model is found here, by its
number. The process is forked: a model has to be registered before the server starts. Only the request of a visitor is
lent a GPU, so whatever runs in the background has to be started by one. Elsewhere `embed` is a plain call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel

from colpali_demo.settings import on_zero_gpu

# Of a GPU, at most, for a call; the first call also moves the weights there. A visitor with less quota left is refused.
SECONDS = 30

_models: list[PreTrainedModel] = []


def _lent_a_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    if not on_zero_gpu():
        return function
    from spaces import GPU

    return GPU(function, duration=SECONDS)


def register(model: PreTrainedModel) -> int:
    """Keep a model where `embed` finds it; returns its number."""
    _models.append(model)
    return len(_models) - 1


@_lent_a_gpu
def embed(number: int, inputs: dict[str, Any]) -> torch.Tensor:
    """Run a registered model: inputs on the CPU to vectors (batch, length, dim), float32 on the CPU."""
    return run(_models[number], inputs)


@torch.inference_mode()
def run(model: PreTrainedModel, inputs: dict[str, Any]) -> torch.Tensor:
    """Run a model where its weights lie: inputs on any device to vectors (batch, length, dim), float32 on the CPU."""
    device = model.device
    inputs = {name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in inputs.items()}
    return model(**inputs).embeddings.float().cpu()
