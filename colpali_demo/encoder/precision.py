"""Which precision is faster on a CPU, found out by embedding a page in both.

That a CPU has instructions for bfloat16 does not make it the faster one: small layers may lose more time converting
numbers than they gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from colpali_demo.encoder.calibration import made_up_page
from colpali_demo.encoder.interface import AnyEncoder

AnEncoder = TypeVar("AnEncoder", bound=AnyEncoder)

MEASURED_BYTES = 2 * 10**9  # bytes of weights: larger models are not loaded twice, and bfloat16 takes half the memory
EMBEDDINGS = 2  # times a page is embedded in each precision; the fastest counts, since the first one sets libraries up

_faster: dict[Path, torch.dtype] = {}
"""What was measured in this process, by the folder of the checkpoint."""


def has_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16. Without, each number is converted first."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def load_faster(
    folder: Path, load: Callable[[torch.dtype], AnEncoder], clock: Callable[[], float] = time.perf_counter
) -> AnEncoder:
    """Load a checkpoint for a CPU with instructions for bfloat16, in the precision in which it embeds a page sooner.

    Measured once in a process for each checkpoint. `load(dtype)` loads the checkpoint in `folder`; `clock()` returns
    seconds.
    """
    if weights_bytes(folder) > MEASURED_BYTES:
        return load(torch.bfloat16)
    if folder in _faster:
        return load(_faster[folder])
    encoders = {dtype: load(dtype) for dtype in (torch.float32, torch.bfloat16)}
    _faster[folder] = min(encoders, key=lambda dtype: seconds_a_page(encoders[dtype], clock))
    return encoders[_faster[folder]]


def seconds_a_page(encoder: AnyEncoder, clock: Callable[[], float]) -> float:
    """Return how long the encoder takes for a page of A4 at 150 dots per inch."""
    page = made_up_page()
    seconds = []
    for _ in range(EMBEDDINGS):
        started = clock()
        encoder.embed_pages([page])
        seconds.append(clock() - started)
    return min(seconds)


def weights_bytes(folder: Path) -> int:
    """Return the size of the weights of a checkpoint, in bytes."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
