"""Vectors that another program made are explained as those that were made here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colpali_demo import VectorsError, explain_vectors
from colpali_demo.encoder.layout import PageLayout, patch, prompt_token
from colpali_demo.explain import differences, explanation_dict
from colpali_demo.retrieval import PageIndex

IMAGE = Image.new("RGB", (60, 80), "white")
TOKENS = ["<bos>", "Query", ":", "▁re", "venue", "▁now", ",", "<pad>", "<pad>"]


def unit(count: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def explained(asked=None, page=None, image=IMAGE, **given):
    options = {"grid": (4, 3), "tokens": TOKENS, "query": "revenue now,", **given}
    asked = unit(len(TOKENS)) if asked is None else asked
    return explain_vectors(asked, unit(12, seed=1) if page is None else page, image, **options)


def test_it_is_the_explanation_that_the_index_gives(encoder, make_page):
    index = PageIndex(encoder)
    page = make_page(document="d0c", number=3)
    index.add_page(page)
    hit = index.search("revenue by region")[0]
    (embedding,) = encoder.embed_pages([page.image])
    query = encoder.embed_query("revenue by region")
    patches = [vector for vector, slot in enumerate(embedding.layout.slots) if slot.kind == "patch"]
    why = explain_vectors(
        query.vectors,
        embedding.vectors.numpy().tolist(),  # as a database returns them
        page,
        grid=(embedding.layout.rows, embedding.layout.cols),
        tokens=[token.text for token in query.tokens],
        query="revenue by region",
        patches=patches,
    )
    expected = hit.explain()
    assert why.page is page
    assert why.score == pytest.approx(hit.score, abs=1e-5)
    assert np.allclose(why.maps, expected.maps, atol=1e-6)
    for found, wanted in zip(why.tokens, expected.tokens, strict=True):
        assert (found.text, found.vector, found.slot, found.cells) == (
            wanted.text,
            wanted.vector,
            wanted.slot,
            wanted.cells,
        )
        assert found.kind == wanted.kind or {found.kind, wanted.kind} <= {"bos", "prefix", "augmentation", "suffix"}
        assert found.word == wanted.word
        assert found.margin == pytest.approx(wanted.margin, abs=1e-5)


def test_the_ledger_adds_up_and_goes_into_json():
    why = explained(divisor=9.0)
    assert sum(token.maxsim for token in why.tokens) == pytest.approx(why.score, abs=1e-6)
    assert why.score == pytest.approx((unit(len(TOKENS)) @ unit(12, seed=1).T).max(axis=1).mean(), abs=1e-6)
    assert why.comparison is None and why.model is None
    assert explanation_dict(why)["grid"] == {"rows": 4, "cols": 3}


def test_tokens_are_what_was_typed_and_what_stands_around_it():
    why = explained()
    assert [token.kind for token in why.tokens] == ["prefix"] * 3 + ["word"] * 4 + ["augmentation"] * 2
    assert [token.word for token in why.tokens] == [None] * 3 + [0, 0, 1, 1] + [None] * 2
    assert [token.text for token in why.tokens][3:6] == ["re", "venue", "now"]
    assert why.query.words == ("revenue", "now,")
    assert (why.query.prefix, why.query.augmentation) == ("<bos>Query:", 2)


@pytest.mark.parametrize(
    ("tokens", "typed", "words"),
    [
        (["Query", ":", " Query"], "Query", [None, None, 0]),  # the prefix says the same
        (["ĠTai", "wan", "Ċ"], "Taiwan", [0, 0, None]),
        (["<pad>", "<", "pad", ">", "<pad>"], "pad", [None, None, 0, None, None]),
        (["一", "二"], "一二", [0, 1]),
        (["a", "b"], None, [0, 1]),
        (["question", ":", " i", "zmir İ"], "IZMIR İ", [None, None, 0, 1]),
    ],
)
def test_what_was_typed_is_found_among_the_tokens(tokens, typed, words):
    why = explained(unit(len(tokens)), tokens=tokens, query=typed)
    assert [token.word for token in why.tokens] == words


def test_from_three_other_pages_on_there_is_a_lead():
    others = [unit(12, seed=seed) for seed in (2, 3, 4)]
    why = explained(others=others)
    expected = np.mean([(unit(len(TOKENS)) @ other.T).max(axis=1) for other in others], axis=0)
    assert [token.expected for token in why.tokens] == pytest.approx(expected.tolist(), abs=1e-6)
    assert why.comparison.text == "the 3 other pages"
    assert explained(others=others[:2]).comparison is None


def test_explanations_of_two_queries_have_no_differences():
    with pytest.raises(ValueError, match="two different queries"):
        differences(explained(), explained(tokens=[*TOKENS[:-1], "<end>"]))


@pytest.mark.parametrize("patches", [slice(1, 13), range(1, 13), np.arange(14) % 13 > 0, torch.arange(14) % 13 > 0])
def test_patches_are_chosen_by_index_slice_or_mask(patches):
    page = unit(14, seed=1)
    why = explained(page=page, patches=patches)
    assert np.allclose(why.maps, (unit(len(TOKENS)) @ page[1:13].T).reshape(-1, 4, 3), atol=1e-6)
    assert why.layout.slots[13] == prompt_token("vector 13")


def test_pooled_vectors_have_a_layout():
    layout = PageLayout(2, 2, (patch((0, 0), (0, 1)), patch((1, 0), (1, 1))))
    why = explained(page=unit(2), grid=layout)
    assert all(len(token.cells) == 2 for token in why.tokens)


def test_a_file_is_a_page_of_its_name(tmp_path):
    IMAGE.save(tmp_path / "scan.png")
    why = explained(image=tmp_path / "scan.png")
    assert (why.page.source, why.page.number, why.page.width) == ("scan.png", 1, 60)
    assert why.page.blank


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_vectors_of_16_bits_are_of_length_1(dtype):
    explained(torch.tensor(unit(len(TOKENS))).to(dtype))


def broken(vectors: np.ndarray, row: int, value: float) -> np.ndarray:
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"asked": unit(9)[None]}, "bad_shape", "vectors[0]"),
        ({"page": [[1.0, 0.0], [1.0]]}, "bad_shape", "no matrix"),
        ({"page": unit(12, dim=4)}, "bad_shape", "one model"),
        ({"page": np.empty((0, 8))}, "bad_shape", "(0, 8)"),
        ({"page": broken(unit(12), 3, np.nan)}, "not_finite", "Vector 3 of the page"),
        ({"asked": broken(unit(9), 8, 0.0)}, "not_unit", "Vector 8 of the query is zero"),
        ({"page": 3 * unit(12)}, "not_unit", "lengths from 3 to 3"),
        ({"page": unit(13)}, "wrong_patches", "12 vectors, not 13"),
        ({"page": unit(13), "patches": range(11)}, "wrong_patches", "not 11"),
        ({"page": unit(13), "patches": [0] * 12}, "wrong_patches", "twice"),
        ({"page": unit(13), "patches": [13] * 12}, "wrong_patches", "among 13"),
        ({"grid": PageLayout(1, 1, (patch((0, 0)),))}, "wrong_patches", "1 vectors"),
        ({"tokens": TOKENS[1:]}, "wrong_tokens", "8 tokens and 9 vectors"),
        ({"query": "revenues"}, "wrong_tokens", "does not hold the query 'revenues'"),
        ({"query": "even"}, "wrong_tokens", "from token to token"),
        ({"query": " "}, "wrong_tokens", "leave out `query`"),
        ({"others": [unit(12, dim=4)]}, "bad_shape", "other page 1"),
    ],
)
def test_what_does_not_fit_together_is_told_by_name(given, code, says):
    with pytest.raises(VectorsError) as raised:
        explained(**given)
    assert raised.value.code == code
    assert says in raised.value.message
