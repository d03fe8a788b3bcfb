import pytest
import torch

from colpali_demo.encoder.layout import PageEmbedding, PageLayout, patch, prompt_token
from colpali_demo.retrieval.codecs import CODECS


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
