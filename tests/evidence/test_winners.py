"""The winners of a query's words, erased one at a time."""

from __future__ import annotations

import json

import numpy as np
import pytest
from checkpoints import make_checkpoint

from colpali_demo.encoder import load_encoder
from colpali_demo.evidence import erase_again, erase_winners, winner_boxes
from colpali_demo.retrieval import PageIndex

QUERY = "revenue by region"


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    for number in (1, 2, 3):
        index.add_page(make_page(number))
    return index


def test_each_is_erased_alone_and_compared_with_as_much_ink(index):
    ranking = index.rank(QUERY)
    page, why = ranking[0].page, ranking[0].explain()
    winners = erase_winners(ranking, page, most=2)
    assert 0 < len(winners) <= 2
    for winner in winners:
        match = why.tokens[winner.token]
        assert match.kind == "word" and match.cells and winner.margin == match.margin
        alone = erase_again(ranking, page, winner_boxes(why, winner.token))
        assert winner.erasure.after.score == alone.after.score
        assert winner.lost == match.maxsim - alone.after.tokens[winner.token].maxsim
        won = {cell for each in why.tokens for cell in each.cells}
        if winner.elsewhere is None:
            assert winner.lost_elsewhere is None
            continue
        elsewhere = winner.elsewhere.after.page.erased
        assert len(elsewhere) == len(alone.after.page.erased)
        assert not {why.layout.rectangle(*cell) for cell in won} & {*elsewhere}


def test_with_room_on_the_page_as_much_ink_is_erased_elsewhere(make_page, tmp_path):
    index = PageIndex(load_encoder(str(make_checkpoint(tmp_path / "fine", image_size=224)), device="cpu"))
    index.add([make_page(number) for number in (1, 2, 3, 4)])
    ranking = index.rank(QUERY)
    winners = erase_winners(ranking, ranking[0].page, most=2)
    assert winners
    for winner in winners:
        own, other = (erasure.after.page.erased for erasure in (winner.erasure, winner.elsewhere))
        assert len(own) == len(other) and not {*own} & {*other}
        before = winner.elsewhere.before.tokens[winner.token].maxsim
        assert winner.lost_elsewhere == before - winner.elsewhere.after.tokens[winner.token].maxsim


def test_the_words_with_the_largest_lead_come_in_the_order_of_the_query(index):
    ranking = index.rank(QUERY)
    page, why = ranking[0].page, ranking[0].explain()
    every = [winner.token for winner in erase_winners(ranking, page, most=99)]
    assert every == sorted(every)
    (best,) = erase_winners(ranking, page, most=1)
    lead = [why.tokens[token].maxsim if why.tokens[token].lead is None else why.tokens[token].lead for token in every]
    assert best.token == every[int(np.argmax(lead))]


def test_the_colors_told_are_those_that_were_filled_in(index):
    ranking = index.rank(QUERY)
    (winner,) = erase_winners(ranking, ranking[0].page, most=1)
    value = json.loads(json.dumps(winner.to_json()))
    pixels = np.asarray(winner.erasure.after.page.image)
    height, width, _ = pixels.shape
    for (left, top, right, bottom), fill in zip(value["boxes"], value["fills"], strict=True):
        inside = pixels[
            int(np.ceil(top * height)) : int(bottom * height), int(np.ceil(left * width)) : int(right * width)
        ]
        assert (inside == fill).all()
    assert value["lost"] == winner.lost and value["tokens"][winner.token] == pytest.approx(
        ranking[0].explain().tokens[winner.token].maxsim - value["lost"]
    )
