"""What the cards show is what the model computed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from checkpoints import MAKERS
from PIL import Image

from colpali_demo import maxsim
from colpali_demo.documents import Word
from colpali_demo.encoder import load_encoder
from colpali_demo.lessons.anatomy import anatomy, lora_parameters
from colpali_demo.lessons.lesson import costs, input_image, legibility, lesson_dict, measure, pooling
from colpali_demo.retrieval import PageIndex

TITLE = (
    Word("Copper", 0.1, 0.1, 0.3, 0.15),
    Word("prices", 0.3, 0.1, 0.5, 0.15),
    Word("rose", 0.1, 0.2, 0.2, 0.21),
    Word("12", 0.1, 0.3, 0.4, 0.4),
)


@pytest.fixture(scope="module")
def hits(encoder, make_page):
    index = PageIndex(encoder)
    index.add([make_page(number, words=TITLE if number == 6 else ()) for number in range(1, 7)])
    return index.rank("revenue by region")


def test_the_input_is_the_page_squashed(encoder, make_page):
    page = make_page(3)
    squashed = page.image.resize((56, 56), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(input_image(encoder, page)), np.asarray(squashed))


def test_legibility_counts_pixels_of_the_input():
    assert legibility(TITLE, 448)["pixels"] == pytest.approx(22.4)
    small = legibility(TITLE, 100)
    assert small["share"] == 0.75  # all but the tall number
    assert legibility((), 448) is None
    assert legibility(TITLE, None) is None


def test_a_lesson_repeats_the_search(encoder, hits):
    hit = hits[2]
    lesson = lesson_dict(encoder, hits, hit)
    assert lesson["page"]["score"] == hit.score == sum(token["maxsim"] for token in lesson["page"]["tokens"])
    assert [entry["score"] for entry in lesson["ranking"]] == [other.score for other in hits]
    assert sorted(entry["mean_rank"] for entry in lesson["ranking"]) == list(range(1, 7))
    plain = encoder.embed_query("revenue by region", augmentation=0)
    assert lesson["plain"]["score"] == maxsim.score(plain.vectors, hits.stored(hit.page).kept.vectors)
    assert {token["kind"] for token in lesson["plain"]["tokens"]} == {"bos", "prefix", "word", "suffix"}
    assert [token["id"] for token in lesson["query"]["tokens"]] == [token.id for token in hit.query.tokens]
    assert len(lesson["page"]["patch_vectors"]) == 16
    assert 16 + len(lesson["page"]["slots"]) == lesson["page"]["vectors"]


@pytest.mark.parametrize("family", MAKERS)
def test_every_family_has_a_lesson(family, tmp_path, make_page):
    index = PageIndex(load_encoder(str(MAKERS[family](tmp_path / family)), device="cpu"))
    index.add([make_page(number, words=TITLE) for number in (1, 2)])
    hits = index.rank("revenue by region")
    lesson = json.loads(json.dumps(lesson_dict(index.encoder, hits, hits[0])))
    page = lesson["page"]
    assert page["score"] == hits[0].score
    assert len(page["patch_vectors"]) == page["grid"]["rows"] * page["grid"]["cols"]
    assert len(page["patch_vectors"]) + len(page["slots"]) == page["vectors"]
    assert (page["legibility"] is None) == (input_image(index.encoder, hits[0].page) is None)


def test_pooling_compares_with_the_mean(hits):
    hit = hits[0]
    found = pooling(hit.query, hits.stored(hit.page))
    mean = hits.stored(hit.page).kept.vectors.mean(dim=0)
    assert found["tokens"] == pytest.approx((hit.query.vectors @ (mean / mean.norm())).tolist(), abs=1e-6)
    assert len(found["patches"]) == 16


@pytest.mark.parametrize("family", MAKERS)
def test_the_parts_of_every_family_have_all_the_weights(family, tmp_path):
    loaded = load_encoder(str(MAKERS[family](tmp_path / family)), device="cpu").family
    parts = anatomy(loaded)
    tower = [] if family == "NeoMME" else ["vision tower"]
    assert [part["part"] for part in parts] == [*tower, "projector", "language model", "head"]
    assert sum(part["parameters"] for part in parts) == loaded.model.num_parameters()
    assert parts[-1]["width"] == 16
    assert "2 layers of width 32" in next(part["detail"] for part in parts if part["part"] != "projector")
    assert 0 < lora_parameters(loaded, 4) == 4 * lora_parameters(loaded, 1)


def test_lora_counts_both_thin_matrices(encoder):
    # Two layers: q, k, v, o of widths 32, 16, 16, 32 and three of 32 x 64; and the head, 32 -> 16.
    layer = (32 + 32) + 2 * (32 + 16) + (32 + 32) + 3 * (32 + 64)
    assert lora_parameters(encoder.family, 1) == 2 * layer + (32 + 16)


def test_costs_are_products_and_for_int8_a_step_for_each_vector(hits):
    stored = hits.stored(hits[0].page)
    found = costs(stored)
    vectors, dim = stored.kept.vectors.shape
    assert [size["bytes"] for size in found["bytes"]] == [
        vectors * dim * 4,
        vectors * dim * 2,
        vectors * dim + 4 * vectors,
        vectors * 2,
    ]
    assert found["single_bytes"] == 32


def test_measurements_are_medians(encoder, hits):
    ticks = iter([0.0, 0.9, 1.0, 1.2, 2.0, 2.1] + [10.0, 10.001] * 5 + [20.0, 20.002] * 5)
    found = measure(encoder, hits, hits[0], clock=lambda: next(ticks))
    assert found == {
        "page": pytest.approx(200),
        "query": pytest.approx(1),
        "score": pytest.approx(2),
        "pages": 6,
        "device": "cpu",
    }
