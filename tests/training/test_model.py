"""What becomes of checkpoints."""

import pytest
import torch
from PIL import Image
from transformers import ColPaliForRetrieval

from colpali_demo import load_encoder
from colpali_demo.training.__main__ import main
from colpali_demo.training.model import build_model, build_processor, save_checkpoint
from colpali_demo.training.tokenizer import train_tokenizer


def test_a_mean_of_two_checkpoints_lies_between_them_and_loads(tmp_path):
    processor = build_processor(train_tokenizer([" alpha beta"], vocabulary=300), image_size=64)
    for name in ("first", "second"):
        save_checkpoint(build_model(processor, width=64, layers=1, embedding_dim=16), processor, tmp_path / name)
    main(["mix", str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "out"), "--share", "0.75"])
    first, second, out = (
        ColPaliForRetrieval.from_pretrained(tmp_path / name, dtype=torch.float32).state_dict()
        for name in ("first", "second", "out")
    )
    moved = 0
    for name, value in out.items():
        torch.testing.assert_close(value.float(), 0.25 * first[name].float() + 0.75 * second[name].float(), msg=name,
                                   rtol=0.01, atol=1e-4)  # fmt: skip
        moved += not torch.equal(first[name], second[name])
    assert moved > 20
    assert load_encoder(str(tmp_path / "out"), device="cpu").embed_pages([Image.new("RGB", (64, 64), "white")])


def test_checkpoints_of_different_shapes_have_no_mean(tmp_path):
    processor = build_processor(train_tokenizer([" alpha beta"], vocabulary=300), image_size=64)
    for name, width in (("first", 64), ("second", 128)):
        save_checkpoint(build_model(processor, width=width, layers=1, embedding_dim=16), processor, tmp_path / name)
    with pytest.raises(RuntimeError, match="size"):
        main(["mix", str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
