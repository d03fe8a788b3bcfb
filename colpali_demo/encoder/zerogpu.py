"""Hugging Face's ZeroGPU lends a GPU for the length of a decorated call, which runs in a process of its own.

What crosses to that process is pickled, so the call gets tensors on the CPU and finds the model here, by number; the
process is forked, so the model has to be registered before the server starts. A GPU is lent to the requests of
visitors, so whatever runs in the background has to be started by one. Anywhere else this is a plain call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel

from colpali_demo.settings import on_zero_gpu

SECONDS = 30  # of a GPU at most for a call, the first of which moves the weights there; what a visitor must have left

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
    """The same for any model."""
    device = model.device
    inputs = {name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in inputs.items()}
    return model(**inputs).embeddings.float().cpu()
