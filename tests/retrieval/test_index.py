import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.calibration import WEAK_MATCH
from colpali_demo.retrieval import PageIndex


@pytest.fixture(scope="module")
def filled(encoder, make_page) -> PageIndex:
    """An index of three pages of one document and two of another. Not to be changed."""
    index = PageIndex(encoder)
    index.add([make_page(number, "aaaa") for number in (1, 2, 3)])
    index.add([make_page(number, "bbbb") for number in (1, 2)])
    return index


@settings(max_examples=25)
@given(st.text(max_size=30))
def test_scores_are_sums_of_the_ledgers_for_any_query(filled, text):
    query = filled.encoder.embed_query(text)
    hits = filled.search(query, top_k=10)
    assert len(hits) == 5
    for hit in hits:
        explanation = hit.explain()
        assert hit.score == pytest.approx(explanation.score, abs=1e-4)
        assert hit.score == sum(hit.terms)
        assert explanation.score == sum(token.maxsim for token in explanation.tokens)
        cosines = query.vectors.numpy() @ hit.ranking.stored(hit.page).kept.vectors.numpy().T
        maxima = cosines.max(axis=1)
        assert hit.score == pytest.approx(maxima.astype(np.float64).sum(), abs=1e-4)


def test_hits_come_best_first(filled):
    hits = filled.rank("revenue by region")
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5
    top = filled.search("revenue by region", top_k=2)
    assert [(hit.page, hit.score) for hit in top] == [(hit.page, hit.score) for hit in hits[:2]]


def test_a_query_may_be_embedded_beforehand(filled):
    query = filled.encoder.embed_query("revenue", prefix="", augmentation=2)
    hit = filled.search(query)[0]
    assert hit.query is query
    assert hit.score == filled.rank(query).explain(hit.page).score
    assert hit.score != filled.search("revenue")[0].score


def test_any_page_can_be_explained(filled):
    scores = {hit.page: hit.score for hit in filled.rank("costs")}
    for page in filled.pages:
        explanation = filled.rank("costs").explain(page)
        assert explanation.page == page
        assert explanation.score == pytest.approx(scores[page], abs=1e-4)
        assert len(explanation.tokens) == len(explanation.query.tokens)


def test_a_page_that_is_not_in_the_index_cannot_be_explained(filled, make_page):
    with pytest.raises(KeyError, match="page 9 of aaaa.pdf"):
        filled.rank("costs").explain(make_page(9, "aaaa"))


def test_pages_with_equal_scores_keep_their_order(encoder, make_page):
    index = PageIndex(encoder)
    page = make_page(1)
    copies = [type(page)("same", "same.pdf", n, 60, 80, page.jpeg, (), False) for n in (5, 2, 9, 1)]
    index.add(copies)
    assert [hit.page.number for hit in index.search("revenue")] == [5, 2, 9, 1]


def test_pages_are_in_the_order_in_which_they_came(filled):
    assert [(page.document_id, page.number) for page in filled.pages] == [
        ("aaaa", 1),
        ("aaaa", 2),
        ("aaaa", 3),
        ("bbbb", 1),
        ("bbbb", 2),
    ]
    assert len(filled) == 5
    assert filled.nbytes == sum(len(hit.ranking.stored(hit.page).kept.vectors) for hit in filled.rank("x")) * 16 * 4


def test_an_empty_index(encoder):
    index = PageIndex(encoder)
    assert index.search("revenue") == []
    assert index.pages == []
    assert index.add([]) == 0
    assert index.nbytes == 0


def test_adding_the_same_document_again_changes_nothing(encoder, make_page):
    index = PageIndex(encoder)
    pages = [make_page(number) for number in (1, 2)]
    assert index.add(pages) == 2
    calls = []
    assert index.add([*pages, make_page(3)], progress=lambda *call: calls.append(call)) == 1
    assert calls == [(1, 3, pages[0]), (2, 3, pages[1]), (3, 3, make_page(3))]
    assert index.add_page(pages[0]) is False
    assert index.add_page(make_page(4)) is True
    assert [page.number for page in index.pages] == [1, 2, 3, 4]


def test_a_page_can_be_searched_as_soon_as_it_is_in(encoder, make_page):
    index = PageIndex(encoder)
    seen = []

    class Pages:
        page_count = 3

        def __iter__(self):
            for number in (1, 2, 3):
                seen.append(len(index.search("revenue")))
                yield make_page(number)

    totals = []
    index.add(Pages(), progress=lambda done, total, page: totals.append((done, total)))
    assert seen == [0, 1, 2]
    assert totals == [(1, 3), (2, 3), (3, 3)]
    index.add((make_page(number) for number in (4,)), progress=lambda done, total, page: totals.append((done, total)))
    assert totals[-1] == (1, None)


def test_pages_stay_when_adding_is_given_up(encoder, make_page):
    index = PageIndex(encoder)

    def cancel(done, total, page):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.add([make_page(number) for number in (1, 2, 3)], progress=cancel)
    assert [page.number for page in index.pages] == [1, 2]


def test_batches_are_what_suits_the_encoder(checkpoint, make_page):
    encoder = load_encoder(str(checkpoint))
    encoder.batch_size = 2
    index = PageIndex(encoder)
    pages = [make_page(number) for number in range(1, 6)]
    sizes = []
    encoder.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(len(kwargs["pixel_values"])), with_kwargs=True
    )
    assert index.add(pages) == 5
    assert sizes == [2, 2, 1]
    assert [page.number for page in index.pages] == [1, 2, 3, 4, 5]


def test_removing_a_document(encoder, make_page):
    index = PageIndex(encoder)
    index.add([make_page(1, "aaaa"), make_page(1, "bbbb"), make_page(2, "aaaa")])
    hit = next(hit for hit in index.rank("revenue") if hit.page.document_id == "aaaa")
    assert index.remove("aaaa") == 2
    assert [page.document_id for page in index.pages] == ["bbbb"]
    assert {hit.page.document_id for hit in index.rank("revenue")} == {"bbbb"}
    assert index.remove("aaaa") == 0
    assert hit.explain().score == pytest.approx(hit.score, abs=1e-4)
    assert index.add_page(make_page(1, "aaaa")) is True


def test_searching_while_adding(encoder, make_page):
    index = PageIndex(encoder)
    pages = [make_page(number) for number in range(1, 21)]
    failures = []

    def add():
        try:
            index.add(pages)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(2)]
    query = encoder.embed_query("revenue by region")
    for thread in threads:
        thread.start()
    counts = [0]
    while any(thread.is_alive() for thread in threads):
        hits = index.search(query, top_k=100)
        assert all(hit.score == pytest.approx(sum(hit.terms)) for hit in hits)
        counts.append(len(hits))
        encoder.embed_query("costs")
    for thread in threads:
        thread.join()
    assert failures == []
    assert counts == sorted(counts)
    assert sorted(page.number for page in index.pages) == list(range(1, 21))
    alone = PageIndex(encoder)
    alone.add(pages)
    together = {hit.page: hit.score for hit in index.rank(query)}
    assert together == pytest.approx({hit.page: hit.score for hit in alone.rank(query)}, abs=1e-5)


def test_strength_compares_the_typed_words_with_the_threshold(filled):
    ranking = filled.rank("revenue by region")
    typed = [token.index for token in ranking.query.tokens if token.kind == "word"]
    pages = [page.vectors.numpy() for page in filled.encoder.reference_pages]
    best = np.max([(ranking.query.vectors.numpy() @ page.T).max(axis=1) for page in pages], axis=0)[typed]
    for hit in ranking:
        strength = filled.strength(hit)
        mean = np.average(np.array(hit.terms)[typed], weights=(1 - best) ** 2)
        assert strength["word_mean"] == pytest.approx(mean, abs=1e-5)
        assert strength["threshold"] == filled.encoder.calibration.threshold
        assert strength["weak"] == (strength["word_mean"] < strength["threshold"])
        assert strength["sentence"] == (WEAK_MATCH if strength["weak"] else None)
        assert ranking.strength(hit.explain()) == strength


def test_strength_is_in_cosines_whatever_the_terms_are_divided_by(filled):
    query = filled.encoder.embed_query("revenue by region")
    summed, mean = (filled.rank(each) for each in (query, replace(query, divisor=8.0)))
    for hit in summed:
        divided = mean.hit(hit.page)
        assert divided.score == pytest.approx(hit.score / 8)
        assert filled.strength(divided) == pytest.approx(filled.strength(hit))


def test_a_method_without_a_ledger_has_no_strength(filled):
    assert filled.strength(filled.search("revenue", method="mean")[0]) is None


def test_a_query_without_words_is_weak(filled):
    strength = filled.strength(filled.search("")[0])
    assert (strength["weak"], strength["word_mean"]) == (True, None)


def test_page_vectors_are_kept_in_float32(filled):
    assert {hit.ranking.stored(hit.page).kept.vectors.dtype for hit in filled.rank("x")} == {torch.float32}
