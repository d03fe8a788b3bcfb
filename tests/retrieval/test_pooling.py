import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from colpali_demo.encoder.layout import TILE, PageEmbedding, PageLayout, patch, prompt_token
from colpali_demo.retrieval import PageIndex
from colpali_demo.retrieval.pooling import PoolingTree


@st.composite
def made_embeddings(draw) -> PageEmbedding:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    rows, cols = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    slots = [patch((row, col)) for row in range(rows) for col in range(cols)]
    slots.insert(draw(st.integers(0, len(slots))), prompt_token("x"))
    slots += [TILE] * draw(st.integers(0, 2))
    vectors = torch.nn.functional.normalize(torch.randn(len(slots), 8, generator=generator), dim=1)
    return PageEmbedding(vectors, PageLayout(rows, cols, tuple(slots)))


@given(made_embeddings(), st.integers(1, 9))
def test_every_cell_keeps_one_vector_and_it_is_the_mean_of_its_own(embedding, factor):
    pooled = PoolingTree(embedding).pool(factor)
    before, after = embedding.layout, pooled.layout
    assert (after.rows, after.cols) == (before.rows, before.cols)
    patches = before.rows * before.cols
    assert sum(bool(slot.cells) for slot in after.slots) <= -(-patches // factor) + 1e-9
    assert [slot for slot in after.slots if not slot.cells] == [slot for slot in before.slots if not slot.cells]
    for slot, vector in zip(after.slots, pooled.vectors, strict=True):
        if slot.cells:
            members = embedding.vectors[[before.patch_vectors[cell] for cell in slot.cells]].double()
            mean = members.mean(dim=0)
            torch.testing.assert_close(vector.double(), mean / mean.norm(), atol=1e-5, rtol=0)


@given(made_embeddings())
def test_a_factor_of_one_changes_nothing_at_all(embedding):
    assert PoolingTree(embedding).pool(1) is embedding
    with pytest.raises(ValueError, match="at least 1"):
        PoolingTree(embedding).pool(0)


@given(made_embeddings(), st.integers(2, 5))
def test_clusters_are_those_of_ward_on_euclidean_distances(embedding, factor):
    patches = embedding.layout.patch_vectors.ravel()
    if len(patches) < 2:
        return
    tree = linkage(pdist(embedding.vectors[patches].double().numpy()), "ward")
    expected = fcluster(tree, -(-len(patches) // factor), "maxclust")
    found = PoolingTree(embedding).pool(factor).layout.patch_vectors.ravel()
    same = expected[:, None] == expected[None]
    assert np.array_equal(same, found[:, None] == found[None])


def test_two_heaps_of_patches_become_two_vectors():
    heaps = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.99, 0.14], [0.14, 0.99]])
    slots = tuple(patch(cell) for cell in ((0, 0), (0, 1), (1, 0), (1, 1)))
    pooled = PoolingTree(PageEmbedding(torch.nn.functional.normalize(heaps, dim=1), PageLayout(2, 2, slots))).pool(2)
    assert [slot.cells for slot in pooled.layout.slots] == [((0, 0), (1, 0)), ((0, 1), (1, 1))]


def test_an_index_of_pooled_pages_explains_what_ranked(encoder, make_page):
    exact, pooled = PageIndex(encoder), PageIndex(encoder, pool_factor=3, precision="int8")
    for index in (exact, pooled):
        index.add([make_page(number) for number in (1, 2, 3)])
    assert pooled.nbytes < exact.nbytes / 4
    for hit in pooled.rank("revenue by region"):
        why = hit.explain()
        assert why.score == hit.score == sum(token.maxsim for token in why.tokens)
        assert why.maps.shape == (len(why.tokens), 4, 4)
        for token in why.tokens:
            for cell in token.cells:
                assert why.maps[token.index][cell] == token.maxsim
    same = PageIndex(encoder, pool_factor=1, precision="float32")
    same.add(exact.pages)
    assert [hit.terms for hit in same.rank("revenue")] == [hit.terms for hit in exact.rank("revenue")]
