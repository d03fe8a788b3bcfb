import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colpali_demo.encoder.layout import PageEmbedding, PageLayout, patch, prompt_token
from colpali_demo.retrieval.codecs import CODECS


@st.composite
def made_embeddings(draw) -> PageEmbedding:
    """Draw unit vectors of any dimension, one a cell."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    count, dim = draw(st.integers(1, 9)), draw(st.integers(1, 20))
    vectors = torch.nn.functional.normalize(torch.randn(count, dim, generator=generator), dim=1)
    return PageEmbedding(vectors, PageLayout(1, count, tuple(patch((0, col)) for col in range(count))))


@pytest.fixture
def embedding() -> PageEmbedding:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(7, 16, generator=generator), dim=1)
    slots = (*(patch(divmod(cell, 3)) for cell in range(6)), prompt_token("x"))
    return PageEmbedding(vectors, PageLayout(2, 3, slots))


@pytest.mark.parametrize("name", CODECS)
def test_a_page_is_ranked_with_the_vectors_that_it_is_kept_as(name, embedding):
    kept = CODECS[name](embedding)
    query = torch.nn.functional.normalize(torch.randn(5, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    found = kept.similarities(query)
    assert found.dtype == kept.vectors.dtype == torch.float32
    assert found.shape == (5, len(kept.layout.slots))
    torch.testing.assert_close(found, query @ kept.vectors.T, atol=1e-6, rtol=0)


def test_float32_keeps_every_bit_and_float16_half_of_them(embedding):
    full, half = (CODECS[name](embedding) for name in ("float32", "float16"))
    assert torch.equal(full.vectors, embedding.vectors)
    assert full.nbytes == 7 * 16 * 4 == 2 * half.nbytes
    assert half.layout == full.layout == embedding.layout
    assert 0 < (half.vectors - embedding.vectors).abs().max() < 1e-3
    assert torch.equal(half.vectors, embedding.vectors.half().float())


@given(made_embeddings())
def test_int8_is_the_plain_rounding_to_255_levels(embedding):
    kept = CODECS["int8"](embedding)
    vectors = embedding.vectors.numpy().astype(np.float64)
    steps = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (np.abs(kept.vectors.numpy() - vectors) <= steps * 0.501).all()
    assert kept.levels.numpy().min() >= -127
    assert kept.nbytes == vectors.size + 4 * len(vectors)
    query = np.random.default_rng(0).normal(size=(3, vectors.shape[1])).astype(np.float32)
    expected = query.astype(np.float64) @ (np.rint(vectors / steps) * steps).T
    np.testing.assert_allclose(kept.similarities(torch.from_numpy(query)).numpy(), expected, atol=1e-4)


@given(made_embeddings())
def test_binary_keeps_signs(embedding):
    kept = CODECS["binary"](embedding)
    vectors = embedding.vectors.numpy()
    expected = np.where(vectors >= 0, 1.0, -1.0) / np.sqrt(vectors.shape[1])
    np.testing.assert_allclose(kept.vectors.numpy(), expected, atol=1e-7)
    assert kept.nbytes == len(vectors) * -(-vectors.shape[1] // 8)
    np.testing.assert_allclose(kept.vectors.norm(dim=1).numpy(), 1.0, atol=1e-6)


def test_a_vector_of_zeros_stays_one():
    embedding = PageEmbedding(torch.zeros(1, 8), PageLayout(1, 1, (patch((0, 0)),)))
    assert torch.equal(CODECS["int8"](embedding).vectors, torch.zeros(1, 8))
