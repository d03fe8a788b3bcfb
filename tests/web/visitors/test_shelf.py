"""What is on a visitor's shelf, and what leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.made import index_all, pages


def test_removing_a_document_removes_its_pages_and_pictures(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(), upload(pages=1, text="costs", name="costs.pdf")])
    index_all(visitor)
    document = visitor.library()["documents"][0]["document"]
    visitor.shelf.remove(document)
    assert pages(visitor) == {"costs.pdf": 1}
    assert not list(visitor.folder.glob(f"{document}*"))
    assert [entry["source"] for entry in visitor.search.find("revenue", top_k=5)["ranking"]] == ["costs.pdf"]


def test_visitors_see_only_their_own_pages(sessions, upload):
    anna, ben = sessions.get("a"), sessions.get("b")
    anna.receive([upload()])
    index_all(anna)
    value = anna.search.find("revenue", top_k=1)
    assert ben.library()["documents"] == []
    assert ben.shelf.searchable().indexes == []
    with pytest.raises(KeyError):
        ben.search.open_page(value["focus"])


def test_two_visitors_upload_the_same_file_and_one_leaves(sessions, upload):
    anna, ben = sessions.get("a"), sessions.get("b")
    for visitor in (anna, ben):
        visitor.receive([upload()])
        index_all(visitor)
    sessions.drop("a")
    value = ben.search.find("revenue", top_k=1)
    assert Path(value["pages"][value["focus"]]["image"]["path"]).is_file()


def test_a_sample_is_shared_and_its_pages_rank_beside_the_visitors_own(sessions, upload, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    for visitor in (anna, ben):
        visitor.shelf.add_sample("sample.pdf")
        assert visitor.shelf.samples_ready()
    anna.receive([upload()])
    index_all(anna)
    assert {entry["source"] for entry in anna.search.find("revenue", top_k=5)["ranking"]} == {
        "report.pdf",
        "sample.pdf",
    }
    assert {entry["source"] for entry in ben.search.find("revenue", top_k=5)["ranking"]} == {"sample.pdf"}
    sessions.drop("a")
    assert all(pictures.image.is_file() for pictures in sample.pictures.values())


def test_removing_a_sample_leaves_it_to_others(sessions, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    for visitor in (anna, ben):
        visitor.shelf.add_sample("sample.pdf")
    anna.shelf.remove(anna.library()["documents"][0]["document"])
    assert anna.library()["documents"] == []
    assert len(ben.search.find("revenue", top_k=1)["ranking"]) == 2


def test_there_is_no_sample_of_another_name(sessions, sample):
    assert sessions.get("a").shelf.add_sample("../../etc/passwd") is None


def test_bytes_of_a_session_are_counted_and_come_back(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    assert visitor.nbytes > 1000  # the file
    index_all(visitor)
    vectors = sum(index.nbytes for index in visitor.shelf.searchable().indexes)
    files = sum(file.stat().st_size for file in visitor.folder.iterdir())
    assert vectors + files < visitor.nbytes < 2 * (vectors + files)
    assert sessions.nbytes == visitor.nbytes
    visitor.clear()
    assert visitor.nbytes == 0


def test_a_visitor_searches_any_choice_of_documents(sessions, upload, sample):
    visitor = sessions.get("a")
    visitor.shelf.add_sample("sample.pdf")
    visitor.shelf.search_next_alone()
    visitor.receive([upload(), upload(text="costs", name="costs.pdf")])

    def searched() -> set[str]:
        return {entry["source"] for entry in visitor.search.find("revenue", top_k=5)["ranking"]}

    assert searched() == {"sample.pdf"}  # nothing of the upload is in yet
    index_all(visitor)
    assert searched() == {"report.pdf", "costs.pdf"}
    ids = {entry["source"]: entry["document"] for entry in visitor.library()["documents"]}
    for which, source, expected in (
        ("only", "costs.pdf", {"costs.pdf"}),
        ("without", "costs.pdf", {"costs.pdf"}),  # the last one stays
        ("with", "A sample", {"costs.pdf", "sample.pdf"}),
        ("without", "costs.pdf", {"sample.pdf"}),
        ("all", "costs.pdf", {"costs.pdf", "sample.pdf", "report.pdf"}),
    ):
        visitor.shelf.choose(which, ids[source])
        assert searched() == expected, (which, source)
    visitor.shelf.choose("only", ids["A sample"])
    assert [entry["searched"] for entry in visitor.library()["documents"]] == [True, False, False]
    assert visitor.shelf.queries() == ["first query", "second query"]
    visitor.shelf.remove(ids["A sample"])
    assert searched() == {"report.pdf", "costs.pdf"}
    visitor.clear()
    assert visitor.shelf.queries() == []
