from __future__ import annotations

import numpy as np
from PIL import Image

from colpali_demo.web.pictures import write_pictures


def test_the_input_is_what_the_model_sees(encoder, make_page, tmp_path):
    page = make_page()
    width, height = encoder.model_info["input"]["width"], encoder.model_info["input"]["height"]
    pictures = write_pictures(page, tmp_path, (width, height))
    (pixels,) = encoder.processor(images=[page.image])["pixel_values"].numpy()
    seen = (pixels.transpose(1, 2, 0) + 1) / 2 * 255
    with Image.open(pictures.input) as image:
        assert image.size == (width, height)
        assert np.abs(np.asarray(image.convert("RGB"), float) - seen).mean() < 12  # but for the picture's compression
    exact = page.image.resize((width, height), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(exact, float) - seen).max() < 0.51


def test_without_a_model_there_is_no_picture_of_its_input(make_page, tmp_path):
    pictures = write_pictures(make_page(), tmp_path)
    assert pictures.input is None
    assert {path.suffix for path in tmp_path.iterdir()} == {".jpg", ".webp"}
