"""Erased pages are embedded anew: their ledgers are those of the edited image, bit by bit."""

import json

import numpy as np
import pytest

from colpali_demo.encoder import CheckpointError
from colpali_demo.encoder.precomputed import SetDocument, save_set
from colpali_demo.evidence import erase_again, hot_boxes, winner_boxes
from colpali_demo.evidence.erasing import rank_of
from colpali_demo.occlusion import fill_boxes, keep_boxes
from colpali_demo.retrieval import NoLedger, PageIndex, open_set

QUERY = "revenue by region"
BOXES = [(0.0, 0.0, 0.5, 0.25), (0.5, 0.5, 1.0, 0.75)]


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 7)])
    return index


def found(why):
    return [(token.maxsim, token.expected, token.vector, token.margin) for token in why.tokens]


@pytest.mark.parametrize("only", [False, True])
def test_an_erased_ledger_is_that_of_the_edited_image_bit_by_bit(index, only):
    ranking = index.rank(QUERY)
    for hit in ranking[:3]:
        erasure = erase_again(ranking, hit.page, BOXES, only=only)
        edited = (keep_boxes if only else fill_boxes)(hit.page.image, BOXES)
        (embedding,) = index.encoder.embed_pages([edited])
        cosines = ranking.query.vectors @ embedding.vectors.T
        assert np.array_equal(erasure.after.similarities, cosines.numpy())
        assert [token.maxsim for token in erasure.after.tokens] == cosines.max(dim=1).values.tolist()
        assert erasure.after.score == sum(token.maxsim for token in erasure.after.tokens)
        assert erasure.before.score == hit.score
        lost = erasure.after.score - hit.score
        assert sum(token.difference for token in erasure.tokens) == pytest.approx(lost, abs=1e-5)


def test_erasing_nothing_changes_nothing(index):
    ranking = index.rank(QUERY)
    for hit in ranking:
        erasure = erase_again(ranking, hit.page, [])
        assert found(erasure.after) == found(hit.explain())
        assert erasure.rank_after == erasure.rank_before == hit.rank
        assert {token.difference for token in erasure.tokens} == {0.0}
        assert all(token.winner_before == token.winner_after for token in erasure.tokens)


def test_neither_ranking_nor_index_is_changed(index):
    before = [(hit.page.number, hit.score) for hit in index.rank(QUERY)]
    ranking = index.rank(QUERY, explained=1)
    kept = found(ranking[0].explain())
    ranking.without(ranking[0].page, BOXES)
    assert found(ranking[0].explain()) == kept
    assert [(hit.page.number, hit.score) for hit in index.rank(QUERY)] == before


def test_it_is_compared_with_the_same_pages_as_before(index):
    ranking = index.rank(QUERY)
    erasure = erase_again(ranking, ranking[0].page, BOXES)
    assert erasure.after.comparison == erasure.before.comparison


def test_the_new_rank_is_that_among_the_other_pages(index):
    ranking = index.rank(QUERY)
    scores = [hit.score for hit in ranking]
    first, third = ranking[0].page, ranking[2].page
    assert rank_of(ranking, first, scores[1] - 1e-6) == 2
    assert rank_of(ranking, first, scores[-1] - 1) == len(ranking)
    assert rank_of(ranking, third, scores[0] + 1) == 1
    # Of equal scores the order stays.
    assert rank_of(ranking, first, scores[1]) == 1 and rank_of(ranking, third, scores[1]) == 3


def test_steps_are_taken_on_top_of_each_other(index):
    ranking = index.rank(QUERY)
    page = ranking[0].page
    one = ranking.without(page, BOXES[:1])
    both = ranking.without(one.page, BOXES[1:])
    assert found(both) == found(ranking.without(page, BOXES))
    assert both.page.erased == tuple(BOXES)


def test_the_surroundings_of_a_winner_are_what_its_margin_leaves_out(index):
    why = index.rank(QUERY)[0].explain()
    on_page = [token for token in why.tokens if token.cells]
    assert on_page
    for token in on_page:
        boxes = winner_boxes(why, token.index)
        vectors = {why.layout.patch_vectors[int(top * 4 + 0.5), int(left * 4 + 0.5)] for left, top, _, _ in boxes}
        assert vectors == set(why.layout.neighborhood(token.cells).tolist())
        assert winner_boxes(why, token.index, reach=0) == [why.layout.rectangle(*cell) for cell in token.cells]
    for token in why.tokens:
        if not token.cells:
            assert winner_boxes(why, token.index) == []


def test_hot_boxes_are_the_hottest(index):
    why = index.rank(QUERY)[0].explain()
    boxes = hot_boxes(why, 3, 2)
    values = [why.maps[3, int(top * 4 + 0.5), int(left * 4 + 0.5)] for left, top, _, _ in boxes]
    assert values == sorted(why.maps[3].ravel().tolist(), reverse=True)[:2]


def test_an_erasure_survives_json(index):
    ranking = index.rank(QUERY)
    erasure = erase_again(ranking, ranking[1].page, BOXES)
    value = json.loads(json.dumps(erasure.to_json()))
    assert value["boxes"] == [list(box) for box in BOXES] and value["inverted"] is False
    assert (value["before"]["rank"], value["after"]["rank"]) == (2, erasure.rank_after)
    assert value["tokens"][0].keys() == {
        "index", "text", "kind", "before", "after", "difference", "winner_before", "winner_after",
    }  # fmt: skip
    assert value["after"]["score"] == erasure.after.score
    assert value["before"]["erased"] is None
    assert value["after"]["erased"] == {
        "boxes": value["boxes"],
        "inverted": False,
        "text": erasure.after.page.label,
    }


def test_a_figure_of_an_erased_page_says_so(index):
    from colpali_demo.export.figures import explanation_figure

    ranking = index.rank(QUERY)
    for why, words in (
        (ranking.without(ranking[0].page, BOXES), "2 regions erased; embedded anew; the index is unchanged"),
        (ranking.only(ranking[0].page, BOXES), "everything but 2 regions erased"),
    ):
        drawn = explanation_figure(why, why.page)
        assert any(words in text.get_text() for text in drawn.axes[0].texts)


def test_what_cannot_be_erased_is_refused(index, make_page):
    ranking = index.rank(QUERY)
    with pytest.raises(KeyError):
        ranking.without(make_page(99), BOXES)
    with pytest.raises(ValueError, match="is no box"):
        ranking.without(ranking[0].page, [(0.5, 0, 0.4, 1)])
    with pytest.raises(NoLedger):
        index.rank(QUERY, method="mean").without(ranking[0].page, BOXES)


def test_without_a_model_nothing_can_be_embedded_anew(encoder, make_page, tmp_path):
    document = SetDocument("d0c", "d0c.pdf", "A", "", (QUERY,))
    save_set(tmp_path / "set", encoder, [(document, [make_page(1)])])
    ranking = open_set(tmp_path / "set").rank(QUERY)
    assert ranking[0].explain().comparison.kind == "reference"
    with pytest.raises(CheckpointError) as caught:
        ranking.without(ranking[0].page, BOXES)
    assert caught.value.code == "not_precomputed"


@pytest.mark.parametrize("family", ["ColQwen2", "ColModernVBERT"])
def test_every_family_can_be_put_to_the_test(family, make_page, tmp_path):
    from checkpoints import MAKERS

    from colpali_demo.encoder import load_encoder

    index = PageIndex(load_encoder(str(MAKERS[family](tmp_path / family)), device="cpu", dtype="float32"))
    index.add([make_page(number) for number in (1, 2)])
    ranking = index.rank(QUERY)
    erasure = erase_again(ranking, ranking[0].page, BOXES)
    assert erasure.after.layout == erasure.before.layout
    assert any(token.difference for token in erasure.tokens)
    assert found(ranking.without(ranking[0].page, [])) == found(ranking[0].explain())
