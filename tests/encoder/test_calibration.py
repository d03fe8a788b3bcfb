import json
import shutil

import numpy as np
import pytest

from colpali_demo.encoder import Calibration, CheckpointError, calibrate, load_encoder
from colpali_demo.encoder.calibration import UNRELATED_QUERIES, blank_page, made_up_page
from colpali_demo.retrieval import PageIndex


def test_the_threshold_is_a_percentile_of_what_unrelated_queries_find(encoder):
    calibration = encoder.calibration
    assert len(calibration.unrelated) == len(UNRELATED_QUERIES)
    below = np.mean(np.array(calibration.unrelated) < calibration.threshold)
    assert below == pytest.approx(0.95, abs=0.03)
    assert calibrate(encoder) == calibration


def test_each_unrelated_query_counts_with_its_best_page(encoder, make_page):
    index = PageIndex(encoder)
    pages = [make_page(number) for number in (1, 2, 3)]
    index.add(pages)
    calibration = calibrate(encoder, [page.image for page in pages])
    assert all(more >= fewer for more, fewer in zip(calibration.unrelated, encoder.calibration.unrelated, strict=True))
    for text, best in zip(UNRELATED_QUERIES, calibration.unrelated, strict=True):
        assert all(index.strength(hit)["word_mean"] <= best + 1e-6 for hit in index.rank(text))


def test_the_calibration_beside_a_checkpoint_is_used(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "calibrated")
    saved = Calibration(0.125, 0.95, (0.1, 0.25))
    saved.save(folder / "calibration.json")
    assert Calibration.load(folder / "calibration.json") == saved
    assert load_encoder(str(folder)).calibration == saved


@pytest.mark.parametrize("value", [[], {}, {"threshold": "high", "quantile": 0.95, "unrelated": []}])
def test_a_damaged_calibration(tmp_path, value):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(value))
    with pytest.raises(CheckpointError) as caught:
        Calibration.load(path)
    assert caught.value.code == "checkpoint_corrupt"


def test_pages_that_hold_nothing():
    assert blank_page().getcolors() == [(1240 * 1754, (255, 255, 255))]
    assert np.asarray(made_up_page()).mean() < 250
    assert made_up_page().tobytes() == made_up_page().tobytes()
