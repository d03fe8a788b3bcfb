import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from vectors import explain_vectors

from colpali_demo.documents import Page, Word
from colpali_demo.encoder import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
from colpali_demo.encoder.layout import TILE, patch, prompt_token
from colpali_demo.explain import (
    differences,
    explanation_dict,
    margin,
    place_text,
    search_dict,
    words_under,
)

KINDS = ("bos", "prefix", "word", "word", "augmentation", "suffix")
NO_PAGE = Page("0123456789abcdef", "report.pdf", 7, 1131, 1600, b"", (), False)


def page_with(*words: Word) -> Page:
    return Page("0123456789abcdef", "report.pdf", 7, 1131, 1600, b"", words, False)


def grid(rows: int, cols: int, before: int = 0, after: int = 0, tiles: int = 0) -> PageLayout:
    """Return a layout of text slots, patches row by row, tiles and text slots again."""
    patches = [patch((row, col)) for row in range(rows) for col in range(cols)]
    texts = [prompt_token(f"t{n}") for n in range(before + after)]
    return PageLayout(rows, cols, (*texts[:before], *patches, *[TILE] * tiles, *texts[before:]))


def make_query(vectors: torch.Tensor, first_id: int = 100) -> QueryEmbedding:
    tokens = tuple(
        QueryToken(i, f"q{i}", KINDS[i % len(KINDS)], i % 2 if KINDS[i % len(KINDS)] == "word" else None, first_id + i)
        for i in range(len(vectors))
    )
    return QueryEmbedding("typed text", vectors, tokens, ("typed", "text"), (), "Question: ", 10)


def from_similarities(matrix: np.ndarray, layout: PageLayout, page: Page = NO_PAGE):
    """Explain a page whose cosines are the given (tokens, vectors): the query's vectors are the unit vectors."""
    matrix = torch.as_tensor(matrix, dtype=torch.float32)
    return explain_vectors(make_query(torch.eye(len(matrix))), page, PageEmbedding(matrix.T.contiguous(), layout))


@dataclass
class Made:
    layout: PageLayout
    query: torch.Tensor
    page: torch.Tensor


@st.composite
def made_up(draw) -> Made:
    layout = grid(
        draw(st.integers(1, 5)),
        draw(st.integers(1, 5)),
        draw(st.integers(0, 2)),
        draw(st.integers(0, 3)),
        draw(st.integers(0, 2)),
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    query = torch.randn(draw(st.integers(1, 8)), 16, generator=generator)
    page = torch.randn(len(layout.slots), 16, generator=generator)
    normalize = torch.nn.functional.normalize
    return Made(layout, normalize(query, dim=1), normalize(page, dim=1))


@given(made_up())
def test_ledger_adds_up_and_is_the_formula(made):
    explanation = explain_vectors(make_query(made.query), NO_PAGE, PageEmbedding(made.page, made.layout))
    cosines = made.query.numpy().astype(np.float64) @ made.page.numpy().astype(np.float64).T
    assert explanation.score == sum(token.maxsim for token in explanation.tokens)
    assert explanation.score == pytest.approx(cosines.max(axis=1).sum(), abs=1e-4)
    np.testing.assert_allclose(explanation.similarities, cosines, atol=1e-5)
    for token in explanation.tokens:
        row = explanation.similarities[token.index]
        assert token.maxsim == row[token.vector] == row.max()
        assert token.vector == row.argmax()


@given(made_up())
def test_winners_know_what_they_are_and_maps_agree(made):
    explanation = explain_vectors(make_query(made.query), NO_PAGE, PageEmbedding(made.page, made.layout))
    assert explanation.maps.dtype == explanation.similarities.dtype == np.float32
    assert explanation.maps.shape == (len(made.query), made.layout.rows, made.layout.cols)
    for token in explanation.tokens:
        assert token.slot == made.layout.slots[token.vector].kind
        if token.slot == "patch":
            assert made.layout.slots[token.vector] == patch((token.row, token.col))
            assert explanation.maps[token.index, token.row, token.col] == token.maxsim
        else:
            assert token.row is None and token.col is None and token.words == ()
            assert explanation.maps[token.index].max() < token.maxsim
        assert (token.slot_text is None) == (token.slot != "text")
        if token.margin is not None and token.slot != "patch":
            assert token.margin >= 0


@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (3, 7), (7, 3), (1, 9), (32, 32), (24, 41)])
def test_one_hot_patch_is_the_peak_of_the_map(rows, cols):
    layout = grid(rows, cols, before=2, after=3)
    for row, col in {(0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1), (rows // 2, cols // 3)}:
        matrix = np.full((1, len(layout.slots)), 0.1)
        matrix[0, layout.slots.index(patch((row, col)))] = 0.9
        explanation = from_similarities(matrix, layout)
        (token,) = explanation.tokens
        assert (token.slot, token.row, token.col) == ("patch", row, col)
        assert np.unravel_index(explanation.maps[0].argmax(), (rows, cols)) == (row, col)
        assert (explanation.maps[0] > 0.5).sum() == 1
        left, top, right, bottom = layout.rectangle(row, col)
        word = Word("hot", left, top, right, bottom)
        assert from_similarities(matrix, layout, page_with(word)).tokens[0].words == ("hot",)


def test_text_slots_and_tiles_can_win():
    layout = grid(2, 2, after=1, tiles=1)
    matrix = [[0.1, 0.2, 0.3, 0.4, 0.5, 0.9], [0.1, 0.2, 0.3, 0.4, 0.9, 0.5]]
    page = page_with(Word("everywhere", 0, 0, 1, 1))
    text, tile = from_similarities(np.array(matrix), layout, page).tokens
    assert (text.slot, text.slot_text, text.row, text.col, text.words) == ("text", "t0", None, None, ())
    assert (tile.slot, tile.slot_text, tile.row, tile.col, tile.words) == ("tile", None, None, None, ())
    assert text.margin == pytest.approx(0.4)
    assert tile.margin == pytest.approx(0.4)


def test_a_winner_may_cover_several_cells():
    pooled = ((0, 0), (0, 1), (1, 1))
    layout = PageLayout(2, 3, (patch(*pooled), patch((1, 0)), patch((0, 2)), patch((1, 2)), prompt_token("x")))
    words = [Word(text, left, 0.1, left + 0.2, 0.3) for text, left in (("one", 0.05), ("two", 0.4), ("three", 0.75))]
    (token,) = from_similarities(np.array([[0.9, 0.5, 0.6, 0.7, 0.1]]), layout, page_with(*words)).tokens
    assert (token.slot, token.cells, token.row, token.col) == ("patch", pooled, None, None)
    assert token.words == ("one", "two")
    assert token.margin == pytest.approx(0.8)  # all other patches touch it
    assert place_text(token) == "3 patches pooled around row 0, column 1"


def test_ties_go_to_the_lowest_index():
    layout = grid(2, 3, before=1)
    token, other = from_similarities(np.array([[0.5] * 7, [0, 0, 0.25, 0.25, 0, 0, 0.25]]), layout).tokens
    assert (token.vector, token.slot_text) == (0, "t0")
    assert (other.vector, other.row, other.col) == (2, 0, 1)


def test_margin_leaves_out_the_neighborhood_of_a_patch():
    layout = grid(3, 5, after=1)
    row = np.zeros(16, dtype=np.float32)
    row[7] = 1.0  # (1, 2)
    row[[1, 2, 3, 6, 8, 11, 12, 13]] = 0.9  # its neighbors
    row[4] = 0.25  # (0, 4)
    row[15] = 0.125  # a text slot
    assert margin(row, 7, layout) == 0.75
    row[15] = 0.5
    assert margin(row, 7, layout) == 0.5


def test_margin_of_a_text_slot_leaves_out_nothing_else():
    layout = grid(1, 2, after=2)
    assert margin(np.array([0.25, 0.5, 1.0, 0.75], dtype=np.float32), 2, layout) == 0.25


def test_margin_is_none_when_nothing_is_left():
    assert margin(np.arange(9, dtype=np.float32), 4, grid(3, 3)) is None
    assert margin(np.ones(1, dtype=np.float32), 0, grid(0, 0, before=1)) is None
    assert margin(np.array([0.5, 0.25], dtype=np.float32), 0, grid(1, 1, after=1)) == 0.25


def test_margin_is_negative_where_a_rival_elsewhere_is_better():
    """Only for vectors that are not the winner: the best of the 3x3 patches is not what it is compared with."""
    assert margin(np.array([0.25, 0.0, 0.75], dtype=np.float32), 0, grid(1, 3)) == -0.5


@pytest.mark.parametrize(
    ("box", "under"),
    [
        ((0.25, 0.25, 0.5, 0.5), True),  # the patch itself
        ((0.0, 0.3, 1.0, 0.32), True),  # a line of text across the page
        ((0.45, 0.3, 0.9, 0.32), False),  # grazes the patch: 0.05 of its 0.25
        ((0.43, 0.3, 0.9, 0.32), True),  # 0.07 of 0.25
        ((0.3, 0.48, 0.4, 0.52), True),  # half of a low word
        ((0.3, 0.495, 0.4, 0.535), False),  # an eighth of a low word
        ((0.3, 0.6, 0.4, 0.62), False),
        ((0.6, 0.3, 0.7, 0.32), False),
        ((0.3, 0.4, 0.3, 0.4), True),  # a box without area, inside
        ((0.6, 0.4, 0.6, 0.4), False),
    ],
)
def test_words_under_a_patch(box, under):
    assert words_under([Word("w", *box)], grid(4, 4), [(1, 1)]) == (("w",) if under else ())


def test_words_come_in_reading_order_on_a_grid_that_is_not_square():
    line = [Word(text, n / 10, 0.5, n / 10 + 0.08, 0.52) for n, text in enumerate("abcdefghij")]
    assert words_under(line, grid(2, 5), [(1, 2)]) == ("e", "f")
    assert words_under(line[::-1], grid(2, 5), [(1, 2)]) == ("f", "e")
    assert words_under(line, grid(5, 2), [(2, 1)]) == ("f", "g", "h", "i", "j")
    assert words_under(line, grid(5, 2), [(1, 1)]) == ()


@given(made_up(), st.integers(0, 2**32))
def test_differences_sum_to_the_difference_of_the_scores(made, seed):
    other = torch.nn.functional.normalize(torch.randn(11, 16, generator=torch.Generator().manual_seed(seed)), dim=1)
    query = make_query(made.query)
    a = explain_vectors(query, NO_PAGE, PageEmbedding(made.page, made.layout))
    b = explain_vectors(query, NO_PAGE, PageEmbedding(other, grid(2, 5, after=1)))
    assert len(differences(a, b)) == len(made.query)
    assert sum(differences(a, b)) == pytest.approx(a.score - b.score, abs=1e-9)
    assert differences(a, a) == [0] * len(made.query)


def test_differences_need_one_query():
    layout = grid(1, 2)
    page = PageEmbedding(torch.eye(2), layout)
    a = explain_vectors(make_query(torch.eye(2)), NO_PAGE, page)
    b = explain_vectors(make_query(torch.eye(2), first_id=200), NO_PAGE, page)
    with pytest.raises(ValueError, match="different queries"):
        differences(a, b)


def test_explanation_dict_has_the_shape_of_the_contract():
    layout = grid(2, 3, after=1)
    matrix = np.array([[0, 0, 0, 0, 0, 0.3, 0], [0.1, 0, 0, 0, 0, 0, 1 / 3]], dtype=np.float32)
    page = page_with(Word("revenue", 0.7, 0.6, 0.9, 0.7))
    assert explanation_dict(from_similarities(matrix, layout, page), rank=2) == {
        "rank": 2,
        "document": "0123456789abcdef",
        "source": "report.pdf",
        "page": 7,
        "erased": None,
        "width": 1131,
        "height": 1600,
        "grid": {"rows": 2, "cols": 3},
        "vectors": 7,
        "score": float(np.float32(0.3)) + float(np.float32(1 / 3)),
        "expected_score": None,
        "compared_with": None,
        "strength": None,
        "leading": None,
        "tokens": [
            {
                "index": 0,
                "maxsim": float(np.float32(0.3)),
                "expected": None,
                "lead": None,
                "vector": 5,
                "slot": "patch",
                "slot_text": None,
                "cells": [[1, 2]],
                "row": 1,
                "col": 2,
                "margin": float(np.float32(0.3)),
                "words": ["revenue"],
            },
            {
                "index": 1,
                "maxsim": float(np.float32(1 / 3)),
                "expected": None,
                "lead": None,
                "vector": 6,
                "slot": "text",
                "slot_text": "t0",
                "cells": [],
                "row": None,
                "col": None,
                "margin": float(np.float32(1 / 3)) - float(np.float32(0.1)),
                "words": [],
            },
        ],
        "regions": [
            {
                "left": 0.7,
                "top": 0.6,
                "right": 0.9,
                "bottom": 0.7,
                "score": float(np.float32(0.3)),
                "lead": None,
                "tokens": [0],
                "text": "revenue",
            }
        ],
    }
    assert explanation_dict(from_similarities(matrix, layout))["rank"] is None


def test_search_dict_has_the_shape_of_the_contract_and_survives_json(encoder, make_page):
    query = encoder.embed_query("revenue by region")
    page = make_page(1, words=(Word("hello", 0.1, 0.1, 0.9, 0.9),))
    explanations = [explain_vectors(query, page, encoder.embed_pages([page.image])[0])]

    @dataclass
    class Error:
        source: str
        page: int | None
        code: str
        message: str

    errors = [Error("b.pdf", None, "damaged", "The file is damaged.")]
    value = search_dict(encoder.model_info, query, explanations, errors, {"search": 1.5})
    assert list(value) == ["schema", "model", "query", "results", "errors", "timing_ms"]
    assert value["schema"] == 2
    assert value["model"] == encoder.model_info
    assert value["query"]["text"] == "revenue by region"
    assert value["query"]["tokens"][0] == {"index": 0, "text": "<bos>", "kind": "bos", "word": None}
    assert value["results"] == [explanation_dict(explanations[0], rank=1)]
    assert value["errors"] == [{"source": "b.pdf", "page": None, "code": "damaged", "message": "The file is damaged."}]
    assert value["timing_ms"] == {"search": 1.5}
    again = json.loads(json.dumps(value, allow_nan=False))
    assert again == value
    assert sum(token["maxsim"] for token in again["results"][0]["tokens"]) == again["results"][0]["score"]


def test_the_grid_of_a_padded_page_says_how_far_the_page_goes():
    slots = tuple(patch(divmod(cell, 2)) for cell in range(4))
    padded = PageLayout(2, 2, slots, extent=(1.5, 2.0))
    value = explanation_dict(from_similarities(np.array([[0.1, 0.2, 0.9, 0.3]]), padded))
    assert value["grid"] == {"rows": 2, "cols": 2, "down": 1.5, "across": 2.0}
