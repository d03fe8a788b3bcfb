import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from transformers import ColPaliProcessor

from colpali_demo.maxsim import row_maxima, score, score_matrix, similarities, total

DIM = 4
NUMBERS = st.floats(-1, 1, width=32)


def vectors(max_length: int = 8) -> st.SearchStrategy[torch.Tensor]:
    """Draw matrices (1 to max_length, DIM), float32."""
    shapes = st.tuples(st.integers(1, max_length), st.just(DIM))
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS)).map(torch.from_numpy)


def unit_vectors(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


def numpy_score(query: np.ndarray, page: np.ndarray) -> float:
    cosines = query.astype(np.float64) @ page.astype(np.float64).T
    maxima = cosines.max(axis=1)
    return maxima.sum()


@given(vectors(), vectors())
def test_score_is_the_formula(query, page):
    assert score(query, page) == pytest.approx(numpy_score(query.numpy(), page.numpy()), abs=1e-4)


@given(vectors(), vectors())
def test_score_is_the_sum_of_the_cosines_at_the_winners(query, page):
    maxima, winners = row_maxima(similarities(query, page))
    assert score(query, page) == sum(maxima.tolist()) == total(maxima)
    at_winners = (query * page[winners]).sum(dim=1)
    torch.testing.assert_close(maxima, at_winners, atol=1e-5, rtol=0)


@given(vectors(), vectors(), st.randoms(use_true_random=False))
def test_order_of_tokens_and_of_vectors_does_not_matter(query, page, random):
    shuffled_query = query[random.sample(range(len(query)), len(query))]
    shuffled_page = page[random.sample(range(len(page)), len(page))]
    assert score(shuffled_query, shuffled_page) == pytest.approx(score(query, page), abs=1e-5)


@given(vectors(), vectors(), vectors())
def test_more_vectors_never_lower_the_score(query, page, more):
    assert score(query, torch.cat([page, more])) >= score(query, page) - 1e-5


@given(vectors(), vectors(), vectors())
def test_scores_of_two_parts_of_a_query_add_up(first, second, page):
    assert score(torch.cat([first, second]), page) == pytest.approx(score(first, page) + score(second, page), abs=1e-4)


@pytest.mark.parametrize("vectors", [2, 7, 64, 1030])
def test_ties_go_to_the_lowest_index(vectors):
    matrix = torch.zeros(3, vectors)
    matrix[1, vectors // 2 :] = 0.5
    matrix[2, -1] = 0.5
    maxima, winners = row_maxima(matrix)
    assert winners.tolist() == [0, vectors // 2, vectors - 1]
    assert maxima.tolist() == [0, 0.5, 0.5]


def test_half_precision_vectors_are_multiplied_in_float32():
    query, page = unit_vectors(5, 128, seed=1).bfloat16(), unit_vectors(40, 128, seed=2).bfloat16()
    matrix = similarities(query, page)
    assert matrix.dtype == torch.float32
    np.testing.assert_allclose(matrix.numpy(), query.double().numpy() @ page.double().numpy().T, atol=1e-6)


@given(st.lists(vectors(), min_size=1, max_size=4), st.lists(vectors(), min_size=1, max_size=7))
def test_batched_scores_are_the_plain_scores(queries, pages):
    plain = torch.tensor([[score(query, page) for page in pages] for query in queries])
    torch.testing.assert_close(score_matrix(queries, pages, batch_size=3), plain, atol=1e-5, rtol=0)


def test_agrees_with_transformers_on_pages_of_equal_length():
    queries = [unit_vectors(length, 128, seed=length) for length in (3, 12, 25)]
    pages = [unit_vectors(40, 128, seed=100 + n) for n in range(5)]
    theirs = ColPaliProcessor.score_retrieval(None, queries, pages)
    torch.testing.assert_close(score_matrix(queries, pages), theirs, atol=1e-5, rtol=0)


def test_negative_maxima_survive_pages_of_unequal_length():
    """Filled up with zeros, as `score_retrieval` does it, the short page would get 0 where its best cosine is -0.6."""
    query = torch.tensor([[1.0, 0.0]])
    short = torch.tensor([[-0.6, 0.8]])
    long = torch.tensor([[-0.8, 0.6], [-1.0, 0.0]])
    torch.testing.assert_close(score_matrix([query], [short, long]), torch.tensor([[-0.6, -0.8]]))
    assert score(query, short) == pytest.approx(-0.6)
    assert ColPaliProcessor.score_retrieval(None, [query], [short, long])[0, 0] == 0
