"""Winners become boxes that cover them, with the words of the text layer."""

import pytest
from hypothesis import given
from retrieval.test_ranking import searches

from colpali_demo.documents import Word
from colpali_demo.encoder.layout import PageLayout, patch
from colpali_demo.explain.regions import Winner, find_regions
from colpali_demo.retrieval import RANKERS

LAYOUT = PageLayout(4, 5, tuple(patch((row, col)) for row in range(4) for col in range(5)))


def winner(token: int, *cells, score: float = 1.0, lead: float | None = None) -> Winner:
    return Winner(token, cells, score, lead)


def test_neighbors_are_joined_and_others_are_not():
    winners = [winner(0, (0, 0), score=0.5), winner(1, (3, 4), score=2.0), winner(2, (1, 1), score=0.25), winner(3)]
    far, near = find_regions(winners, LAYOUT, ())
    assert (far.tokens, far.score, far.box) == ((1,), 2.0, (0.8, 0.75, 1.0, 1.0))
    assert (near.tokens, near.score, near.box) == ((0, 2), 0.75, (0.0, 0.0, 0.4, 0.5))
    assert far.text == near.text == "" and far.lead is None


def test_a_winner_joins_two_groups_that_it_touches():
    (region,) = find_regions([winner(0, (0, 0)), winner(1, (0, 2)), winner(2, (1, 1))], LAYOUT, ())
    assert region.tokens == (0, 1, 2)


def test_the_largest_lead_comes_first():
    winners = [winner(0, (0, 0), score=3.0, lead=-0.5), winner(1, (3, 4), score=1.0, lead=0.25)]
    assert [region.lead for region in find_regions(winners, LAYOUT, ())] == [0.25, -0.5]


def test_regions_are_snapped_to_words_and_lines():
    words = [
        Word("price", 0.02, 0.05, 0.15, 0.2),
        Word("of", 0.22, 0.05, 0.28, 0.2),  # between the two winners, under neither
        Word("copper", 0.42, 0.06, 0.55, 0.21),
        Word("elsewhere", 0.7, 0.05, 0.95, 0.2),
        Word("below", 0.05, 0.3, 0.15, 0.45),
    ]
    (region,) = find_regions([winner(0, (0, 0)), winner(1, (0, 2)), winner(2, (1, 1))], LAYOUT, words[:4])
    assert region.text == "price of copper"
    # The cell in row 1 has no word under it, and is covered as it is.
    assert region.box == (0.02, 0.05, 0.55, 0.5)
    (region,) = find_regions([winner(0, (0, 0)), winner(1, (1, 0))], LAYOUT, words)
    assert (region.text, region.box) == ("price below", (0.02, 0.05, 0.15, 0.45))


@given(searches())
def test_regions_and_winners_off_the_page_hold_the_whole_score(search):
    query, pages = search
    for hit in RANKERS["maxsim"].rank(query, pages):
        why = hit.explain()
        regions = why.regions()
        off = sum(token.maxsim for token in why.tokens if not token.cells)
        assert sum(region.score for region in regions) + off == pytest.approx(why.score, abs=1e-6)
        found = sorted(token for region in regions for token in region.tokens)
        assert found == [token.index for token in why.tokens if token.cells]
        for region in regions:
            assert 0 <= region.left < region.right <= 1 and 0 <= region.top < region.bottom <= 1
            for index in region.tokens:
                for cell in why.tokens[index].cells:
                    left, top, right, bottom = why.layout.rectangle(*cell)
                    assert region.left <= left + 1e-9 and right <= region.right + 1e-9
                    assert region.top <= top + 1e-9 and bottom <= region.bottom + 1e-9
