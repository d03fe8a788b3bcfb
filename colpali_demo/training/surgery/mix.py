"""The mean of two checkpoints: `python -m colpali_demo.training mix`."""

from pathlib import Path

import torch
from transformers import ColPaliProcessor

from colpali_demo.training.model import load_checkpoint, save_checkpoint


@torch.no_grad()
def mix_checkpoints(first: Path, second: Path, share: float, out: Path) -> None:
    """Write the mean of two checkpoints of one run, `share` of it the second's.

    The ends of two decays of one run lie in one valley, and a point between them is often better than both (Izmailov
    et al. 2018, arXiv 1803.05407; Wortsman et al. 2022, arXiv 2203.05482). Raises RuntimeError where they differ in
    shape.
    """
    model, other = (load_checkpoint(folder) for folder in (first, second))
    values = other.state_dict()
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.lerp_(values[name], share)
    save_checkpoint(model, ColPaliProcessor.from_pretrained(second, backend="pil"), out)
