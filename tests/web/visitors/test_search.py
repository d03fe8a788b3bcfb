"""What a visitor asks, and what the lens gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colpali_demo.web.faults import Refused
from tests.web.made import index_all


def test_a_query_of_too_many_tokens_is_refused_with_both_numbers(engine, sessions, upload):
    engine.settings = replace(engine.settings, max_query_tokens=20)
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    assert visitor.search.find("revenue", 1)["ranking"]
    with pytest.raises(Refused, match=r"may have 20 tokens; this one has \d+\. Ask in fewer words\."):
        visitor.search.find("revenue costs " * 20, 1)
    with pytest.raises(Refused, match="may have 20 tokens"):
        visitor.search.find("revenue", 1, augmentation=30)
    with pytest.raises(Refused, match="may have 20 tokens"):
        visitor.search.rank("revenue costs " * 20, 1)


def test_any_page_of_the_last_search_can_be_opened(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    value = visitor.search.find("revenue", top_k=1)
    last = value["ranking"][2]["key"]
    opened = visitor.search.open_page(last)
    assert opened["search"] == value["search"]
    assert opened["focus"] == last
    assert opened["pages"][last]["rank"] == 3
    with pytest.raises(KeyError):
        visitor.search.open_page("nothing-1")


def test_the_lens_gets_no_more_pages_than_it_can_carry(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=35)])
    index_all(visitor)
    value = visitor.search.find("revenue", top_k=5)
    for entry in value["ranking"]:
        value = visitor.search.open_page(entry["key"])
        assert value["focus"] in value["pages"]
    assert len(value["pages"]) == 30


def test_ranks_run_through_all_indexes(sessions, upload, sample):
    visitor = sessions.get("a")
    visitor.shelf.add_sample("sample.pdf")
    visitor.receive([upload()])
    index_all(visitor)
    ranking = visitor.search.find("revenue", top_k=5)["ranking"]
    assert [entry["rank"] for entry in ranking] == [1, 2, 3, 4, 5]
    assert [entry["score"] for entry in ranking] == sorted((entry["score"] for entry in ranking), reverse=True)


@pytest.mark.parametrize(("text", "title"), [("", "Nothing"), (" \n", "Nothing"), ("x" * 501, "Too long")])
def test_queries_are_checked_wherever_they_come_from(sessions, upload, text, title):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    with pytest.raises(Refused) as refused:
        visitor.search.find(text, top_k=1)
    assert refused.value.title.startswith(title)


def test_no_more_than_ten_pages_are_explained(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=12)])
    index_all(visitor)
    assert len(visitor.search.find("revenue", top_k=10**9)["pages"]) == 10
    assert len(visitor.search.find("revenue", top_k=-5)["pages"]) == 1
