import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import MAKERS

from colpali_demo.documents import Page
from colpali_demo.encoder import Calibration, CheckpointError, QueryEmbedding, QueryToken, calibrate, load_encoder
from colpali_demo.encoder.calibration import (
    FUNCTION_WORDS,
    UNRELATED_QUERIES,
    blank_page,
    calibration_images,
    made_up_page,
    reference_images,
    word_mean,
)
from colpali_demo.retrieval import PageIndex


def test_the_threshold_lies_between_what_is_there_and_what_is_not(encoder):
    calibration = encoder.calibration
    assert len(calibration.unrelated) == len(calibration.answered) == len(UNRELATED_QUERIES)
    low, high = np.quantile(calibration.unrelated, 0.95), np.quantile(calibration.answered, 0.05)
    assert calibration.threshold == pytest.approx(low + 2 / 3 * (high - low))
    assert calibrate(encoder) == calibration


def test_every_query_is_answered_by_one_calibration_page_and_counts_with_the_best_of_the_others(encoder):
    index = PageIndex(encoder)
    pages = []
    for number, image in enumerate(calibration_images(), start=1):
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG")
        pages.append(Page("ca1", "ca1.pdf", number, *image.size, jpeg.getvalue(), (), False))
        index.add_embedded(pages[-1], encoder.embed_pages([image])[0])
    for number, text in enumerate(UNRELATED_QUERIES[:8]):
        ranking = index.rank(text)
        own = pages[number % 4]
        found = ranking.strength(ranking.hit(own))["word_mean"]
        assert encoder.calibration.answered[number] == pytest.approx(found, abs=1e-6)
        best_other = next(hit for hit in ranking if hit.page != own)
        found = ranking.strength(best_other)["word_mean"]
        assert encoder.calibration.unrelated[number] == pytest.approx(found, abs=1e-6)


def test_a_word_mean_is_one_of_cosines_where_a_score_is_a_mean(tmp_path, make_page):
    neomme = load_encoder(str(MAKERS["NeoMME"](tmp_path)), device="cpu", dtype="float32")
    index = PageIndex(neomme)
    index.add([make_page(number) for number in (1, 2)])
    ranking = index.rank("revenue by region")
    (embedding,) = neomme.embed_pages([ranking[0].page.image])
    cosines = ranking.query.vectors @ embedding.vectors.T
    reference = [(ranking.query.vectors @ page.vectors.T).amax(dim=1).numpy() for page in neomme.reference_pages]
    expected = word_mean(ranking.query, cosines.amax(dim=1).numpy(), reference)
    assert ranking.strength(ranking[0])["word_mean"] == pytest.approx(expected, abs=1e-5)
    assert ranking[0].score == pytest.approx(float(cosines.amax(dim=1).mean()), abs=1e-5)


def test_the_bundled_checkpoint_tells_its_own_queries_apart():
    calibration = Calibration.load(Path("assets/colpali-tiny/calibration.json"))
    assert max(calibration.unrelated) < calibration.threshold
    assert np.mean(np.array(calibration.answered) > calibration.threshold) == 1


def test_a_word_that_reference_pages_hold_weighs_nothing():
    tokens = tuple(
        QueryToken(index, f"q{index}", kind, None, index) for index, kind in enumerate(("bos", "word", "word"))
    )
    query = QueryEmbedding("the cat", torch.eye(3), tokens, (), (), "", 0)
    reference = [[0.9, 1.0, 0.1], [0.9, 0.3, 0.2]]
    assert word_mean(query, [0.9, 0.95, 0.4], reference) == pytest.approx(0.4, abs=1e-5)
    assert word_mean(query, [0.9, 0.1, 0.4], reference) == pytest.approx(0.4, abs=1e-5)
    half = [[0.0, 0.5, 0.5]]
    assert word_mean(query, [0.9, 0.2, 0.4], half) == pytest.approx(0.3)
    assert word_mean(QueryEmbedding("", torch.eye(1), tokens[:1], (), (), "", 0), [0.9], [[0.1]]) is None


def test_the_calibration_beside_a_checkpoint_is_used(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "calibrated")
    saved = Calibration(0.125, 0.95, (0.1, 0.25), (0.5, 0.75))
    saved.save(folder / "calibration.json")
    assert Calibration.load(folder / "calibration.json") == saved
    assert load_encoder(str(folder)).calibration == saved


def test_a_calibration_of_an_older_version_says_what_to_do(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"schema": 1, "threshold": 0.5, "quantile": 0.95, "unrelated": [0.5]}))
    with pytest.raises(CheckpointError, match="schema 1, not 2.*Delete it"):
        Calibration.load(path)


@pytest.mark.parametrize(
    "value", [[], {}, {"schema": 2, "threshold": "high", "quantile": 0.95, "unrelated": [], "answered": []}]
)
def test_a_damaged_calibration(tmp_path, value):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(value))
    with pytest.raises(CheckpointError) as caught:
        Calibration.load(path)
    assert caught.value.code == "checkpoint_corrupt"


def test_reference_pages_hold_every_function_word_and_are_the_same_at_every_call(encoder):
    assert len(set(FUNCTION_WORDS)) == len(FUNCTION_WORDS)
    first, again = reference_images(), reference_images()
    assert [page.tobytes() for page in first] == [page.tobytes() for page in again]
    assert len({page.tobytes() for page in first}) == len(first) == 2
    embedded = encoder.embed_pages(first)
    for page, kept in zip(embedded, encoder.reference_pages, strict=True):
        assert torch.equal(page.vectors, kept.vectors)
    assert encoder.reference_pages is encoder.reference_pages


def test_pages_that_hold_nothing():
    assert blank_page().getcolors() == [(1240 * 1754, (255, 255, 255))]
    assert np.asarray(made_up_page()).mean() < 250
    assert made_up_page().tobytes() == made_up_page().tobytes()
