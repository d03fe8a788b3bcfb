"""What a visitor erases of a page, and what the lens shows then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colpali_demo.evidence import erase_again, hot_boxes, winner_boxes
from colpali_demo.export.pictures import page_id
from colpali_demo.retrieval import rank_together
from colpali_demo.web.faults import Refused
from colpali_demo.web.visitors.erasures import HOT_PATCHES, MAX_STEPS, Target
from tests.web.made import index_all

QUERY = "revenue page 2"
BOX = (0.1, 0.3, 0.6, 0.6)


@pytest.fixture
def visitor(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=5)])
    index_all(visitor)
    return visitor


def ranked(visitor):
    """The search once more, as Python makes it."""
    return rank_together(visitor.shelf.searchable().indexes, QUERY)


def with_winner(value: dict, key: str) -> int:
    """The first token whose winner is on the page."""
    return next(token["index"] for token in value["pages"][key]["tokens"] if token["cells"])


@pytest.mark.parametrize("what", ["winner", "hot", "rest", "box"])
def test_the_lens_shows_what_python_finds(visitor, what):
    value = visitor.search.find(QUERY, top_k=3)
    key = value["ranking"][1]["key"]
    token = with_winner(value, key)
    ranking = ranked(visitor)
    page = next(hit.page for hit in ranking if page_id(hit.page) == key)
    why = ranking.explain(page)
    boxes = {
        "winner": winner_boxes(why, token),
        "hot": hot_boxes(why, token, HOT_PATCHES),
        "rest": hot_boxes(why, token, HOT_PATCHES),
        "box": [BOX],
    }[what]
    expected = erase_again(ranking, page, boxes, only=what == "rest")

    target = Target(given=(BOX,)) if what == "box" else Target(what, (token,))
    erased = visitor.search.erase(key, target)
    entry = erased["pages"][key]
    assert [line["maxsim"] for line in entry["tokens"]] == [token.after for token in expected.tokens]
    assert [line["maxsim"] for line in entry["whole"]["tokens"]] == [token.before for token in expected.tokens]
    assert (entry["score"], entry["rank"]) == (expected.after.score, expected.rank_after)
    assert (entry["whole"]["score"], entry["whole"]["rank"]) == (expected.before.score, expected.rank_before)
    assert entry["erased"]["boxes"] == [list(box) for box in boxes]
    assert entry["erased"]["text"].endswith("embedded anew; the index is unchanged")
    assert entry["steps"] == 1
    assert (erased["search"], erased["focus"], erased["ranking"]) == (value["search"], key, value["ranking"])
    assert [rank.score for rank in ranked(visitor)] == [rank.score for rank in ranking]


def test_steps_add_up_and_are_undone_one_by_one(visitor):
    value = visitor.search.find(QUERY, top_k=3)
    key = value["focus"]
    token = with_winner(value, key)
    one = visitor.search.erase(key, Target("winner", (token,)))
    two = visitor.search.erase(key, Target(given=(BOX,)))
    assert two["pages"][key]["steps"] == 2
    first, both = (each["pages"][key]["erased"]["boxes"] for each in (one, two))
    assert both == [*first, list(BOX)]
    assert two["pages"][key]["whole"] == one["pages"][key]["whole"]
    back = visitor.search.restore(key, 1)
    assert back["pages"][key]["tokens"] == one["pages"][key]["tokens"]
    assert visitor.search.restore(key, 1)["pages"] == value["pages"]
    visitor.search.erase(key, Target(given=(BOX,)))
    visitor.search.erase(key, Target(given=((0, 0, 0.1, 0.1),)))
    assert visitor.search.restore(key)["pages"] == value["pages"]
    assert visitor.search.restore(key, 1)["pages"] == value["pages"]  # nothing is left to undo


def test_pages_opened_meanwhile_are_whole_and_the_erased_one_stays(visitor):
    value = visitor.search.find(QUERY, top_k=2)
    key, other = value["focus"], value["ranking"][4]["key"]
    visitor.search.erase(key, Target(given=(BOX,)))
    opened = visitor.search.open_page(other)
    assert opened["pages"][key]["erased"] and opened["pages"][other]["erased"] is None
    moved = visitor.search.erase(other, Target(given=(BOX,)))  # one page at a time
    assert moved["pages"][key] == value["pages"][key] and moved["pages"][other]["erased"]
    again = visitor.search.find(QUERY, top_k=2)
    assert all(page["erased"] is None for page in again["pages"].values())


def test_files_of_what_is_erased_do_not_pile_up(visitor):
    key = visitor.search.find(QUERY, top_k=1)["focus"]
    before = {file.name for file in visitor.folder.iterdir()}
    seen = set()
    for number in range(3):
        value = visitor.search.erase(key, Target(given=((0.1 * number, 0.0, 0.1 * number + 0.1, 0.5),)))
        seen.add(value["pages"][key]["image"]["path"])
        assert len({file.name for file in visitor.folder.iterdir()} - before) <= 4
    assert len(seen) == 3  # browsers keep pictures by their names
    visitor.search.restore(key)
    assert {file.name for file in visitor.folder.iterdir()} == before


def test_what_is_erased_counts_as_memory_of_the_visitor(visitor):
    key = visitor.search.find(QUERY, top_k=1)["focus"]
    before = visitor.search.nbytes
    visitor.search.erase(key, Target(given=(BOX,)))
    assert visitor.search.nbytes == 2 * before
    visitor.search.restore(key)
    assert visitor.search.nbytes == before


def test_files_taken_away_say_what_was_erased(visitor):
    import json
    from pathlib import Path

    value = visitor.search.find(QUERY, top_k=1)
    key = value["focus"]
    token = with_winner(value, key)

    def taken(kind: str) -> bytes:
        return Path(visitor.search.download(kind, key, None, "page", "score", "")["file"]["path"]).read_bytes()

    assert json.loads(taken("json"))["erasure"] is None
    erased = visitor.search.erase(key, Target("winner", (token,)))["pages"][key]
    numbers = json.loads(taken("json"))
    assert numbers["page"]["score"] == erased["score"]
    assert numbers["page"]["erased"] == erased["erased"]
    assert numbers["erasure"]["before"]["score"] == erased["whole"]["score"]
    assert erased["erased"]["text"].encode() in taken("html")
    assert taken("pdf").startswith(b"%PDF")


def test_what_cannot_be_erased_is_refused_in_words(visitor, engine):
    value = visitor.search.find(QUERY, top_k=1)
    key = value["focus"]
    away = [token["index"] for token in value["pages"][key]["tokens"] if not token["cells"]]
    refused = [Target("winner", (99,)), Target(given=((0.5, 0, 0.5, 1),)), Target(given=((float("nan"), 0, 1, 1),))]
    for target in [*refused, *([Target("winner", (away[0],))] if away else [])]:
        with pytest.raises(Refused):
            visitor.search.erase(key, target)
    with pytest.raises(KeyError):
        visitor.search.erase("nothing-1", Target(given=(BOX,)))
    token = with_winner(value, key)
    visitor.search.erase(key, Target("rest", (token,)))
    for target in (Target("rest", (token,)), Target(given=(BOX,))):
        with pytest.raises(Refused, match="start from the whole page"):
            visitor.search.erase(key, target)


def test_steps_and_erasures_a_minute_have_limits(sessions, upload, engine):
    engine.settings = replace(engine.settings, erasures_per_minute=MAX_STEPS + 2)
    visitor = sessions.get("b")
    visitor.receive([upload()])
    index_all(visitor)
    key = visitor.search.find(QUERY, top_k=1)["focus"]
    for number in range(MAX_STEPS):
        visitor.search.erase(key, Target(given=((0, 0, 1, (number + 1) / 20),)))
    with pytest.raises(Refused, match=f"{MAX_STEPS} steps are the most"):
        visitor.search.erase(key, Target(given=(BOX,)))
    visitor.search.restore(key)
    visitor.search.erase(key, Target(given=(BOX,)))
    with pytest.raises(Refused, match="times a minute"):
        visitor.search.erase(key, Target(given=(BOX,)))


def test_where_no_page_can_be_embedded_nothing_can_be_erased(visitor, engine, monkeypatch):
    key = visitor.search.find(QUERY, top_k=1)["focus"]
    fixed = replace(engine.capabilities, embeds_pages=False)
    monkeypatch.setattr(type(engine), "capabilities", property(lambda _: fixed))
    with pytest.raises(Refused, match="computed beforehand"):
        visitor.search.erase(key, Target(given=(BOX,)))


def test_a_search_made_while_a_page_is_embedded_anew_stays(visitor, monkeypatch):
    """What is erased of pages of the search before is let go."""
    from colpali_demo.web.visitors import search

    key = visitor.search.find(QUERY, top_k=1)["focus"]
    embed = search.next_step

    def meanwhile(*arguments):
        steps = embed(*arguments)
        visitor.search._result = replace(visitor.search.result, name="another", erasing=None)
        return steps

    monkeypatch.setattr(search, "next_step", meanwhile)
    with pytest.raises(KeyError):
        visitor.search.erase(key, Target(given=(BOX,)))
    assert visitor.search.result.erasing is None


def test_files_of_maps_have_other_names_once_their_range_may_be_another(visitor, monkeypatch):
    """Browsers keep a file by its address, and would read it on the range of another step."""
    monkeypatch.setattr("colpali_demo.export.lens_value.INLINE_BYTES", 0)
    value = visitor.search.find(QUERY, top_k=3)
    key = value["focus"]
    target = Target("winner", (with_winner(value, key),))
    one, two = visitor.search.erase(key, target), visitor.search.erase(key, Target(given=(BOX,)))
    names = [{each["maps"]["file"]["path"] for each in shown["pages"].values()} for shown in (value, one, two)]
    assert not names[0] & names[1] and not names[1] & names[2]


@pytest.mark.parametrize(
    "boxes", [[(0, 0, 1, 1), (0, 0, 1, 0.9), (0, 0, 0.9, 1)], [(0, 0, 0.01, 0.001 * n) for n in range(1, 66)]]
)
def test_boxes_of_a_caller_cover_a_page_twice_at_most(visitor, boxes):
    visitor.search.find(QUERY, top_k=3)
    why = ranked(visitor)[0].explain()
    with pytest.raises(Refused, match="boxes that do not overlap"):
        Target(given=tuple(boxes)).boxes(why)
    assert Target(given=((0, 0, 1, 1),) * 1000).boxes(why) == [(0, 0, 1, 1)]
