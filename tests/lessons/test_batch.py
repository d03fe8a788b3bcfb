"""A training batch: the loss is that of the training, and nobody calls a page right but people."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from colpali_demo.lessons.batch import BATCH, asked_batch, contrast, labelled_batch
from colpali_demo.retrieval import PageIndex
from colpali_demo.training import losses


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 7)])
    return index


@given(
    st.integers(2, 5).flatmap(
        lambda b: st.tuples(
            st.lists(st.lists(st.floats(-40, 40), min_size=b, max_size=b), min_size=b, max_size=b),
            st.permutations(range(b)),
        )
    )
)
@example(batch=([[0.0, 0.0], [0.0, 20.015625]], [1, 0]))
def test_the_loss_is_that_of_the_training(batch):
    scores, own = batch
    found = contrast(scores, own)
    table, positive = torch.tensor(scores, dtype=torch.float64), torch.tensor(own)
    assert found["loss"] == pytest.approx(float(losses.pairwise_hardest(table, positive)), abs=1e-9)
    assert found["cross_entropy"] == pytest.approx(float(losses.in_batch_softmax(table, positive)), abs=1e-9)
    assert np.allclose(found["probabilities"], table.softmax(dim=1).numpy(), atol=1e-12)
    assert found["loss"] == pytest.approx(np.mean(found["losses"]))
    assert all(j != own[i] for i, j in enumerate(found["hardest"]))


def test_a_tie_costs_ln_2_and_a_page_alone_has_no_loss():
    assert contrast([[3.0, 3.0], [1.0, 1.0]], [0, 1])["loss"] == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match="two pages"):
        contrast([[1.0]], [0])


def test_a_labelled_batch_keeps_its_right_pages_whatever_the_model_ranks_first(index):
    questions = [("revenue by region", 2), ("price of copper", 5), ("the board", 2)]
    batch = labelled_batch(index.rank, questions)
    assert [page.number for page in batch.pages] == [2, 5]
    assert batch.own == (0, 1, 0)
    value = batch.as_dict()
    assert [row["text"] for row in value["rows"]] == [query for query, _ in questions]
    for query, scores in zip(batch.queries, batch.scores, strict=True):
        ranking = index.rank(query)
        assert scores == tuple(ranking.hit(page).score for page in batch.pages)
    assert value["loss"] == contrast(batch.scores, batch.own)
    with pytest.raises(KeyError):
        labelled_batch(index.rank, [("revenue by region", 7)])


def test_a_wrong_first_page_costs_more_than_ln_2(index):
    best = index.rank("revenue by region")[0].page.number
    other = index.rank("revenue by region")[-1].page.number
    value = labelled_batch(index.rank, [("revenue by region", other), ("price of copper", best)]).as_dict()
    assert value["loss"]["losses"][0] > math.log(2)


def test_nobody_says_which_page_answers_a_query_that_was_asked(encoder, index):
    ranking = index.rank("revenue by region")
    asked = ["price of copper", "revenue by region", "price of copper", "the board", "table 3", "ice"]
    batch = asked_batch(encoder, ranking, asked)
    assert batch.queries == ("revenue by region", "price of copper", "the board", "table 3")
    assert set(batch.own) == {None}
    assert batch.as_dict()["loss"] is None
    numbers = [page.number for page in batch.pages]
    assert len(set(numbers)) == len(numbers) == BATCH
    for query, scores in zip(batch.queries, batch.scores, strict=True):
        again = index.rank(query)
        assert again[0].page.number in numbers
        assert scores == pytest.approx([again.hit(page).score for page in batch.pages])
    single = asked_batch(encoder, ranking, [])
    assert [len(single.queries), len(single.pages)] == [1, BATCH]


def test_a_page_alone_makes_no_batch(encoder, make_page):
    index = PageIndex(encoder)
    index.add_page(make_page(1))
    assert asked_batch(encoder, index.rank("revenue by region"), ["price of copper"]) is None
