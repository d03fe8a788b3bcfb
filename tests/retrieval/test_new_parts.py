"""A new ranker, codec or store is one file and one entry in a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colpali_demo import maxsim
from colpali_demo.encoder.layout import PageEmbedding
from colpali_demo.retrieval import RANKERS, PageIndex, StoredPage
from colpali_demo.retrieval.codecs import CODECS, FloatingPoint
from colpali_demo.retrieval.rankers import LateInteraction
from colpali_demo.retrieval.stores import STORES, page_key


def second_best(similarities: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find for each token the vector that is second most similar to it."""
    values, vectors = similarities.topk(2, dim=1)
    return values[:, 1], vectors[:, 1]


def keep_signs(embedding: PageEmbedding) -> FloatingPoint:
    """Turn every number into +1 or -1, scaled to unit length."""
    signs = torch.where(embedding.vectors >= 0, 1.0, -1.0) / embedding.vectors.shape[1] ** 0.5
    return FloatingPoint(signs, embedding.layout)


class FolderStore:
    """Vectors in a file each; the pages themselves stay in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages: list = []

    def add(self, stored: StoredPage) -> bool:
        if stored.key in self:
            return False
        np.save(self._file(stored.key), stored.kept.vectors.numpy())
        self._pages.append((stored.page, stored.kept.layout))
        return True

    def __contains__(self, key) -> bool:
        return any(page_key(page) == key for page, _ in self._pages)

    def pages(self) -> list[StoredPage]:
        return [
            StoredPage(page, FloatingPoint(torch.from_numpy(np.load(self._file(page_key(page)))), layout))
            for page, layout in self._pages
        ]

    def remove(self, document_id: str) -> int:
        gone = [page for page, _ in self._pages if page.document_id == document_id]
        self._pages = [entry for entry in self._pages if entry[0].document_id != document_id]
        for page in gone:
            self._file(page_key(page)).unlink()
        return len(gone)

    def _file(self, key) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.npy"


@pytest.fixture
def pages(make_page):
    return [make_page(number, document) for document in ("aaaa", "bbbb") for number in (1, 2, 3)]


def test_a_new_ranker_ranks_and_explains(encoder, pages, monkeypatch):
    monkeypatch.setitem(RANKERS, "second", LateInteraction("second", "the second best vector", second_best))
    index = PageIndex(encoder)
    index.add(pages)
    ranking = index.rank("revenue by region", method="second")
    for hit in ranking:
        cosines = np.sort(ranking.query.vectors.numpy() @ ranking.stored(hit.page).kept.vectors.numpy().T, axis=1)
        assert hit.score == pytest.approx(cosines[:, -2].sum(), abs=1e-5)
        why = hit.explain()
        assert why.score == hit.score == sum(token.maxsim for token in why.tokens)
    assert ranking.method == "second"
    assert [hit.score for hit in ranking] == sorted((hit.score for hit in ranking), reverse=True)


def test_a_new_codec_keeps_the_pages_of_an_index(encoder, pages, monkeypatch):
    monkeypatch.setitem(CODECS, "signs", keep_signs)
    index = PageIndex(encoder, precision="signs")
    index.add(pages)
    for hit in index.rank("revenue by region"):
        kept = hit.ranking.stored(hit.page).kept
        assert np.unique(kept.vectors.abs().numpy()).tolist() == pytest.approx([0.25])
        maxima, _ = maxsim.row_maxima(maxsim.similarities(hit.query.vectors, kept.vectors))
        assert list(hit.terms) == maxima.tolist()
        assert hit.explain().score == hit.score


def test_a_new_store_is_searched_like_any_other(encoder, pages, tmp_path, monkeypatch):
    monkeypatch.setitem(STORES, "folder", lambda: FolderStore(tmp_path))
    in_files, in_memory = PageIndex(encoder, store="folder"), PageIndex(encoder)
    for index in (in_files, in_memory):
        assert index.add(pages) == 6
        assert index.add(pages[:1]) == 0
    assert len(list(tmp_path.iterdir())) == 6

    def found(index: PageIndex) -> list:
        return [(hit.page, hit.score, hit.explain().score) for hit in index.rank("revenue by region")]

    assert found(in_files) == found(in_memory)
    assert in_files.remove("aaaa") == in_memory.remove("aaaa") == 3
    assert found(in_files) == found(in_memory)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("wrong", [{"store": "cloud"}, {"precision": "float5"}])
def test_what_does_not_exist_is_a_key_error(encoder, wrong):
    with pytest.raises(KeyError):
        PageIndex(encoder, **wrong)


def test_a_method_that_does_not_exist_is_a_key_error(encoder, make_page):
    index = PageIndex(encoder)
    index.add_page(make_page())
    with pytest.raises(KeyError):
        index.rank("revenue", method="guess")
