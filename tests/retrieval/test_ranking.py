"""One search computes everything once; what is shown of it is read from it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colpali_demo.documents import Page
from colpali_demo.encoder.layout import TILE, PageEmbedding, PageLayout, QueryEmbedding, QueryToken, patch, prompt_token
from colpali_demo.retrieval import RANKERS, NoLedger, StoredPage
from colpali_demo.retrieval.codecs import CODECS

DIM = 12


def unit(generator: torch.Generator, count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, DIM, generator=generator), dim=1)


@st.composite
def searches(draw) -> tuple[QueryEmbedding, list[StoredPage]]:
    """Draw a query of random vectors, and pages of several grids, with prompts before, between and behind."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    keep = CODECS[draw(st.sampled_from(sorted(CODECS)))]
    pages = []
    for number in range(1, draw(st.integers(1, 7)) + 1):
        rows, cols = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        cells = [(row, col) for row in range(rows) for col in range(cols)]
        joined = draw(st.integers(1, len(cells)))  # the first cells share a vector
        slots = [patch(*cells[:joined]), *map(patch, cells[joined:])]
        slots.insert(draw(st.integers(0, len(slots))), prompt_token("x"))
        slots += [TILE] * draw(st.integers(0, 2))
        embedding = PageEmbedding(unit(generator, len(slots)), PageLayout(rows, cols, tuple(slots)))
        page = Page("d0c", "d0c.pdf", number, 60, 80, b"", (), False)
        pages.append(StoredPage(page, keep(embedding)))
    tokens = tuple(QueryToken(index, f"q{index}", "word", index, index) for index in range(draw(st.integers(1, 6))))
    query = QueryEmbedding("q", unit(generator, len(tokens)), tokens, tuple(token.text for token in tokens), (), "", 0)
    return query, pages


def cosines_of(query: QueryEmbedding, stored: StoredPage) -> np.ndarray:
    return query.vectors.numpy().astype(np.float64) @ stored.kept.vectors.numpy().astype(np.float64).T


@given(searches(), st.integers(0, 8))
def test_late_interaction_is_the_formula(search, explained):
    query, pages = search
    ranking = RANKERS["maxsim"].rank(query, pages, explained)
    assert [hit.rank for hit in ranking] == list(range(1, len(pages) + 1))
    scores = [hit.score for hit in ranking]
    assert scores == sorted(scores, reverse=True)
    for place, hit in enumerate(ranking):
        cosines = cosines_of(query, ranking.stored(hit.page))
        np.testing.assert_allclose(hit.terms, cosines.max(axis=1), atol=1e-6)
        assert hit.score == sum(hit.terms)
        assert ranking.terms[place].tolist() == list(hit.terms)


@given(searches(), st.integers(0, 8))
def test_what_explains_is_to_the_last_bit_what_ranked(search, explained):
    query, pages = search
    ranking = RANKERS["maxsim"].rank(query, pages, explained)
    for hit in ranking:
        why = hit.explain()
        assert why.score == hit.score
        assert [token.maxsim for token in why.tokens] == list(hit.terms)
        assert why.layout is ranking.stored(hit.page).kept.layout
        for token in why.tokens:
            assert why.similarities[token.index, token.vector] == token.maxsim


@given(searches())
def test_the_range_covers_every_token_and_patch(search):
    query, pages = search
    found = RANKERS["maxsim"].rank(query, pages).cosines
    every = np.concatenate(
        [cosines_of(query, stored)[:, np.unique(stored.kept.layout.patch_vectors)].ravel() for stored in pages]
    )
    assert (found.lowest, found.highest) == pytest.approx((every.min(), every.max()), abs=1e-6)
    assert found.sample == len(every)
    assert found.median == pytest.approx(np.median(every), abs=1e-6)


def test_the_median_of_large_pages_is_that_of_a_sample():
    generator = torch.Generator().manual_seed(0)
    slots = tuple(patch(divmod(cell, 64)) for cell in range(64 * 64))
    embedding = PageEmbedding(unit(generator, len(slots)), PageLayout(64, 64, slots))
    tokens = tuple(QueryToken(index, "q", "word", 0, 0) for index in range(5))
    query = QueryEmbedding("q", unit(generator, 5), tokens, (), (), "", 0)
    stored = StoredPage(Page("d0c", "d0c.pdf", 1, 60, 80, b"", (), False), CODECS["float32"](embedding))
    found = RANKERS["maxsim"].rank(query, [stored]).cosines
    assert 1000 <= found.sample < 5 * 64 * 64 / 10
    assert found.median == pytest.approx(np.median(cosines_of(query, stored)), abs=0.03)


def test_cosines_are_computed_once_for_pages_that_will_be_explained():
    generator = torch.Generator().manual_seed(0)
    computed = []

    class Counted:
        layout = PageLayout(1, 2, (patch((0, 0)), patch((0, 1))))

        def __init__(self, number: int) -> None:
            self.number, self.vectors = number, unit(generator, 2)

        def similarities(self, query: torch.Tensor) -> torch.Tensor:
            computed.append(self.number)
            return query @ self.vectors.T

    tokens = (QueryToken(0, "q", "word", 0, 0),)
    query = QueryEmbedding("q", unit(generator, 1), tokens, (), (), "", 0)
    pages = [
        StoredPage(Page("d0c", "d0c.pdf", number, 60, 80, b"", (), False), Counted(number)) for number in range(1, 8)
    ]
    ranking = RANKERS["maxsim"].rank(query, pages, explained=3)
    assert computed == [1, 2, 3, 4, 5, 6, 7]
    for hit in ranking[:3]:
        hit.explain()
    assert len(computed) == 7
    ranking[3].explain()
    assert computed[7:] == [ranking[3].page.number]


@given(searches())
def test_the_mean_is_the_cosine_of_two_means(search):
    query, pages = search
    ranking = RANKERS["mean"].rank(query, pages)
    asked = query.vectors.numpy().astype(np.float64).mean(axis=0)
    for hit in ranking:
        mean = ranking.stored(hit.page).kept.vectors.numpy().astype(np.float64).mean(axis=0)
        cosine = asked @ mean / (np.linalg.norm(asked) * np.linalg.norm(mean))
        assert hit.score == pytest.approx(cosine, abs=1e-5)
        assert hit.terms is None
        with pytest.raises(NoLedger, match="'mean'"):
            hit.explain()
    assert ranking.terms is None and ranking.cosines is None


def test_a_page_that_was_not_searched():
    query = QueryEmbedding("q", torch.eye(1), (QueryToken(0, "q", "word", 0, 0),), (), (), "", 0)
    ranking = RANKERS["maxsim"].rank(query, [])
    assert list(ranking) == [] and ranking.terms is None and ranking.cosines is None
    with pytest.raises(KeyError, match=r"page 9 of d0c\.pdf was not searched"):
        ranking.explain(Page("d0c", "d0c.pdf", 9, 60, 80, b"", (), False))
