"""What set a page apart is exact: leads of tokens sum to the lead of the page."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrieval.test_ranking import searches

from colpali_demo.explain import compare_with_others, compare_with_reference, explanation_dict
from colpali_demo.retrieval import RANKERS
from colpali_demo.retrieval.embedder import PageEmbedder


class OnlyReference:
    """An encoder that has reference pages and nothing else."""

    model_info = None

    def __init__(self, pages) -> None:
        self.reference_pages = pages


def rank(search, reference):
    """Return the ranking of a search whose reference pages are those of another one, of the same dimension."""
    query, pages = search
    embedder = PageEmbedder(OnlyReference([stored.kept for stored in reference[1]]), keep=lambda kept: kept)
    return RANKERS["maxsim"].rank(query, pages, embedder=embedder)


@given(searches(), searches())
def test_leads_sum_to_the_score_minus_the_mean_score_of_the_compared_pages(search, reference):
    ranking = rank(search, reference)
    for hit in ranking:
        why = hit.explain()
        if len(ranking) > 3:
            compared = [other.score for other in ranking if other is not hit]
            assert (why.comparison.kind, why.comparison.pages) == ("others", len(ranking) - 1)
        else:
            compared = [float(np.sum(terms, dtype=np.float64)) for terms in ranking.reference_terms]
            assert (why.comparison.kind, why.comparison.pages) == ("reference", len(reference[1]))
        assert sum(token.lead for token in why.tokens) == pytest.approx(hit.score - np.mean(compared), abs=1e-4)
        assert why.expected_score == pytest.approx(np.mean(compared), abs=1e-4)
        for token in why.tokens:
            assert token.maxsim - token.expected == token.lead


@given(searches(), searches())
def test_the_lead_of_a_token_is_over_its_own_mean_elsewhere(search, reference):
    ranking = rank(search, reference)
    for place, hit in enumerate(ranking):
        others = np.delete(ranking.terms, place, axis=0) if len(ranking) > 3 else ranking.reference_terms
        expected = [token.expected for token in hit.explain().tokens]
        np.testing.assert_allclose(expected, others.astype(np.float64).mean(axis=0), atol=1e-6)


@given(searches(), searches(), st.data())
def test_without_some_tokens_the_rest_still_adds_up(search, reference, data):
    ranking = rank(search, reference)
    why = ranking[0].explain()
    kept = data.draw(st.sets(st.sampled_from(range(len(why.tokens)))))
    others = ranking.terms[1:] if len(ranking) > 3 else ranking.reference_terms
    scores = others.astype(np.float64)[:, sorted(kept)].sum(axis=1)
    ours = sum(token.maxsim for token in why.tokens if token.index in kept)
    assert sum(why.tokens[index].lead for index in kept) == pytest.approx(ours - scores.mean(), abs=1e-4)


def test_what_a_page_is_compared_with_is_said():
    terms = np.array([[1, 0], [0, 0.5], [0, 0.25], [0, 0.75]], dtype=np.float32)
    others = compare_with_others(terms, 0, terms.sum(axis=0, dtype=np.float64))
    assert (others.expected, others.score, others.text) == ((0, 0.5), 0.5, "the 3 other pages")
    reference = compare_with_reference(terms[1:3])
    assert (reference.expected, reference.text) == ((0, 0.375), "reference pages of plain words")
    assert reference.pages == 2


@given(searches())
def test_without_an_embedder_a_few_pages_are_compared_with_nothing(search):
    query, pages = search
    ranking = RANKERS["maxsim"].rank(query, pages[:3])
    why = ranking[0].explain()
    assert why.comparison is None and why.expected_score is None
    assert {token.lead for token in why.tokens} == {None}
    value = explanation_dict(why)
    assert value["compared_with"] is None and value["expected_score"] is None


def test_a_real_search_is_labelled(encoder, make_page):
    from colpali_demo.retrieval import PageIndex

    index = PageIndex(encoder)
    index.add([make_page(number) for number in (1, 2, 3)])
    few = index.search("revenue by region")[0].explain()
    assert few.comparison.text == "reference pages of plain words"
    index.add_page(make_page(4))
    many = index.search("revenue by region")[0].explain()
    assert many.comparison.text == "the 3 other pages"


def test_the_first_token_to_look_at_is_never_part_of_a_function_word(encoder, make_page):
    from colpali_demo.retrieval import PageIndex

    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 6)])
    for text in ("what is the price of electricity?", "Where is the revenue in the region", "Who were they? Why"):
        why = index.search(text)[0].explain()
        words = {token.index: why.query.words[token.word] for token in why.tokens if token.kind == "word"}
        telling = [index for index, word in words.items() if word in ("price", "electricity?", "revenue", "region")]
        assert why.leading in (telling or words)
        assert why.tokens[why.leading].lead == max(why.tokens[index].lead for index in telling or words)
    assert index.search("")[0].explain().leading is None
