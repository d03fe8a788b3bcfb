from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import make_checkpoint
from hypothesis import settings
from PIL import Image

from colpali_demo.documents import Page, Word
from colpali_demo.encoder import Encoder, load_encoder

# Machines that run tests are slow and busy: no deadlines.
settings.register_profile("colpali", deadline=None, max_examples=60, database=None)
settings.load_profile("colpali")
# What is measured to be faster may be another precision each time; a test that wants one names it.
os.environ["COLPALI_DTYPE"] = "float32"
# The models of the tests are so small that threads only wait for each other.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random ColPali checkpoint with a grid of 4 x 4 patches."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "random-colpali")


@pytest.fixture(scope="session")
def encoder(checkpoint: Path) -> Encoder:
    """The random checkpoint. In float32, the same numbers on every machine."""
    return load_encoder(str(checkpoint), device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def make_page() -> Callable[..., Page]:
    """Makes pages of colored noise, each number another one."""

    def make(number: int = 1, document: str = "d0c", words: tuple[Word, ...] = ()) -> Page:
        chance = np.random.default_rng([number, *document.encode()])
        pixels = chance.integers(0, 256, (8, 6, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((60, 80), Image.Resampling.NEAREST)
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG", quality=90)
        return Page(document, f"{document}.pdf", number, 60, 80, jpeg.getvalue(), words, False)

    return make
