"""`app.py` with one ranker more, for a test: each token counts with its second best vector."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import app  # noqa: E402
from colpali_demo.retrieval import RANKERS  # noqa: E402
from colpali_demo.retrieval.rankers import LateInteraction  # noqa: E402


def second_best(similarities: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    values, vectors = similarities.topk(2, dim=1)
    return values[:, 1], vectors[:, 1]


RANKERS["second"] = LateInteraction("second", "the second best vector", second_best)

if __name__ == "__main__":
    app.main()
