from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from colpali_demo.encoder import load_encoder
from colpali_demo.export.pictures import write_pictures


@pytest.mark.parametrize("resample", [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR])
def test_the_input_is_what_the_model_sees(checkpoint, make_page, tmp_path, resample):
    other = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    file = other / "processor_config.json"
    config = json.loads(file.read_text("utf-8"))
    config["image_processor"]["resample"] = int(resample)
    file.write_text(json.dumps(config), "utf-8")
    encoder = load_encoder(str(other), device="cpu", dtype="float32")
    page, model_input = make_page(), encoder.model_info["input"]
    width, height = model_input["width"], model_input["height"]
    (pixels,) = encoder.processor(images=[page.image])["pixel_values"].numpy()
    seen = (pixels.transpose(1, 2, 0) + 1) / 2 * 255
    exact = page.image.resize((width, height), resample)
    assert np.abs(np.asarray(exact, float) - seen).max() < 0.51
    pictures = write_pictures(page, tmp_path, model_input)
    with Image.open(pictures.input) as image:
        assert image.size == (width, height)
        drawn = np.asarray(image.convert("RGB"), float)
    assert np.abs(drawn - seen).mean() < 12  # but for the picture's compression
    exact.save(tmp_path / "exact.webp", quality=90)
    with Image.open(tmp_path / "exact.webp") as image:
        assert np.array_equal(np.asarray(image.convert("RGB"), float), drawn)


def test_a_set_of_before_bilinear_was_there_is_bicubic(make_page, tmp_path):
    silent, explicit = {"width": 56, "height": 56}, {"width": 56, "height": 56, "resample": "bicubic"}
    older, newer = (write_pictures(make_page(), tmp_path, value).input.read_bytes() for value in (silent, explicit))
    assert older == newer


def test_an_input_that_depends_on_the_page_has_no_picture(make_page, tmp_path):
    model_input = {"width": None, "height": None, "resample": None}
    assert write_pictures(make_page(), tmp_path, model_input).input is None


def test_without_a_model_there_is_no_picture_of_its_input(make_page, tmp_path):
    pictures = write_pictures(make_page(), tmp_path)
    assert pictures.input is None
    assert {path.suffix for path in tmp_path.iterdir()} == {".jpg", ".webp"}


def test_a_picture_that_is_drawn_again_is_whole_at_any_moment(make_page, tmp_path):
    """Whoever opened the old one reads it to its end, and the folder holds nothing half written."""
    page = make_page(1)
    first = write_pictures(page, tmp_path, {"width": 30, "height": 40, "resample": "bilinear"})
    before = {file: file.read_bytes() for file in (first.image, first.thumbnail, first.input)}
    opened = {file: file.open("rb") for file in before}
    write_pictures(page, tmp_path, {"width": 30, "height": 40, "resample": "bilinear"})
    for file, data in before.items():
        with opened[file] as old:
            assert old.read() == data
            assert os.fstat(old.fileno()).st_ino != file.stat().st_ino
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in before}
