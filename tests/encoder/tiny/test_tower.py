"""The tower of the bundled checkpoint, and what is done to it before it runs."""

import numpy as np
import pytest
import torch
from checkpoints import make_checkpoint
from PIL import Image
from transformers import ColPaliForRetrieval

from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.tiny.tower import ConvTower, ConvTowerConfig


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("last_stride", "grid"), [((1, 2), (8, 4)), ((2, 2), (4, 4))])
def test_the_tower_of_the_bundled_checkpoint_loads(tmp_path, last_stride, grid):
    tower = ConvTowerConfig(
        widths=(4, 8, 8), depths=(0, 1, 1), last_stride=last_stride, image_size=32, projection_dim=32
    )
    encoder = load_encoder(str(make_checkpoint(tmp_path, image_size=32, patch_size=8, vision=tower)))
    (page,) = encoder.embed_pages([noise(40, 30)])
    assert (page.layout.rows, page.layout.cols) == grid


def test_every_second_row_of_flat_patches_is_one_of_square_patches():
    """So a tower that reads square patches begins to read flat ones with what it knows."""
    flat, square = (
        ConvTower(ConvTowerConfig(widths=(4, 8, 8), depths=(0, 1, 2), last_stride=stride, image_size=64)).eval()
        for stride in ((1, 2), (2, 2))
    )
    square.load_state_dict(flat.state_dict())
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        rows = flat(pixels).last_hidden_state.view(16, 8, 8)
        torch.testing.assert_close(rows[::2], square(pixels).last_hidden_state.view(8, 8, 8))


def test_batch_norms_are_folded_and_the_vectors_stay_the_same():
    encoder = load_encoder("tiny", device="cpu", dtype="float32")
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in encoder.model.modules())
    (page,) = encoder.embed_pages([noise(40, 30)])
    whole = ColPaliForRetrieval.from_pretrained(encoder.checkpoint.folder, dtype=torch.float32).eval()
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in whole.modules())
    inputs = encoder.processor(images=[noise(40, 30)])
    inputs.pop("labels", None)
    with torch.inference_mode():
        (vectors,) = whole(**inputs).embeddings
    torch.testing.assert_close(page.vectors, vectors, atol=1e-5, rtol=0)
