"""All visitors: who is freed when, and what is left of them."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from tests.web.made import codes, index_all, pages


def test_leaving_deletes_everything(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    assert oct(os.stat(visitor.folder).st_mode)[-3:] == "700"
    sessions.drop("a")
    assert not visitor.folder.exists()
    assert len(sessions) == 0
    assert sessions.get("a") is not visitor


def test_leaving_while_pages_are_indexed_ends_the_indexing(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=5)])
    for count, _ in enumerate(visitor.indexing.run()):
        if count == 2:
            sessions.drop("a")
    assert count < 5
    assert not visitor.folder.exists()


def test_the_library_unused_for_longest_makes_room_and_its_visitor_is_told(sessions, engine, upload, sample):
    for visitor in ("anna", "ben", "carl"):
        visitor = sessions.get(visitor)
        visitor.shelf.add_sample("sample.pdf")
        visitor.receive([upload(text=visitor)])
        index_all(visitor)
    sessions.get("looks around only")
    sessions.get("anna")  # is back, so ben has been away for longest
    engine.settings = replace(engine.settings, total_mb=1)
    ben, carl = sessions.get("ben"), sessions.get("carl")
    ben.presence._last_seen = 0
    carl.shelf._sizes["many-1"] = 1 << 20
    sessions.get("carl").receive([upload(text="more")])
    index_all(carl)
    assert ben.presence.left and not ben.folder.exists()
    back = sessions.get("ben")
    assert back is not ben
    assert pages(back) == {"A sample": 2}
    (error,) = back.library()["errors"]
    assert error["code"] == "library_freed" and "Others needed the room" in error["message"]
    assert codes(carl) == ["server_full"]  # when all others were freed, there still was no room
    assert len(sessions) == 3


def test_explained_pages_count_and_go_before_any_library(sessions, engine, upload, sample):
    anna, ben, carl = (sessions.get(name) for name in ("anna", "ben", "carl"))
    anna.receive([upload()])
    index_all(anna)
    for visitor in (ben, carl):
        visitor.shelf.add_sample("sample.pdf")
    before = sessions.nbytes
    ben.search.find("revenue", 2)
    explained = list(ben.search.result.explanations.values())
    taken = 2 * sum(each.similarities.nbytes for each in explained)
    assert len(explained) == 2 and sessions.nbytes == before + taken > before
    anna.presence._last_seen = 0  # longest ago, but she has pages of her own
    anna.shelf._sizes["many-1"] = (1 << 20) - before - taken - 1  # room for the explanations of one visitor
    engine.settings = replace(engine.settings, total_mb=1)
    carl.search.find("revenue", 2)
    assert ben.presence.left and not anna.presence.left and not carl.presence.left


def test_the_crowd_that_only_looks_around_empties_no_library(sessions, engine, upload):
    engine.settings = replace(engine.settings, sessions=3)
    anna = sessions.get("anna")
    anna.receive([upload()])
    index_all(anna)
    for number in range(10):
        sessions.get(f"visitor {number}")
    assert len(sessions) == 3
    assert sessions.get("anna") is anna
    assert codes(sessions.get("visitor 3")) == []  # had nothing to lose
    assert len(list(sessions._root.iterdir())) == 4  # three folders and that of the uploads


def test_sessions_without_a_click_are_freed(sessions, engine, upload):
    anna, ben = sessions.get("anna"), sessions.get("ben")
    anna.receive([upload()])
    index_all(anna)
    anna.presence._last_seen -= 60 * engine.settings.session_minutes + 1
    stray = sessions._root / "left-over"
    stray.mkdir()
    sessions.sweep()
    assert anna.presence.left and not ben.presence.left
    assert not anna.folder.exists() and not stray.exists() and ben.folder.exists()
    (error,) = sessions.get("anna").library()["errors"]
    assert "60 minutes" in error["message"]


def test_closing_frees_everybody(sessions, upload):
    sessions.get("a").receive([upload()])
    sessions.get("b")
    sessions.close()
    assert len(sessions) == 0
    assert not sessions._root.exists()


TICKETS = ["a" * 32, "b" * 32, "c" * 32]


def test_a_reload_brings_documents_back(sessions, upload):
    anna = sessions.get("before")
    assert not sessions.come_back("before", "", TICKETS[0])
    anna.receive([upload()])
    index_all(anna)
    sessions.leave("before")
    assert anna.folder.exists()
    assert sessions.come_back("after", TICKETS[0], TICKETS[1])
    assert sessions.get("after") is anna
    assert len(sessions) == 1
    # The next reload may come before the server has noticed that the page was left.
    assert sessions.come_back("after that", TICKETS[1], TICKETS[2])
    sessions.leave("after")
    assert sessions.get("after that") is anna and anna.folder.exists()


def test_only_the_ticket_of_the_last_page_brings_anything_back(sessions, upload):
    anna = sessions.get("before")
    sessions.come_back("before", "", TICKETS[0])
    anna.receive([upload()])
    index_all(anna)
    sessions.leave("before")
    assert not sessions.come_back("stranger", TICKETS[1], TICKETS[2])
    assert not sessions.come_back("without one", "", "")
    assert sessions.come_back("after", TICKETS[0], TICKETS[1])
    assert not sessions.come_back("again", TICKETS[0], TICKETS[2])
    assert sessions.get("again") is not anna


def test_documents_are_deleted_where_nobody_comes_back(sessions, engine, upload):
    anna = sessions.get("a")
    sessions.come_back("a", "", TICKETS[0])
    anna.receive([upload()])
    index_all(anna)
    sessions.leave("a")
    sessions.free_away()
    assert anna.folder.exists()
    engine.settings = replace(engine.settings, reload_seconds=0.001)
    time.sleep(0.01)
    sessions.free_away()
    assert not anna.folder.exists()
    assert len(sessions) == 0
    assert not sessions.come_back("b", TICKETS[0], TICKETS[1])


def test_who_does_something_is_not_away(sessions, engine, upload):
    """A connection may be lost and made anew while the page stays open."""
    engine.settings = replace(engine.settings, reload_seconds=0.001)
    anna = sessions.get("a")
    sessions.come_back("a", "", TICKETS[0])
    anna.receive([upload()])
    index_all(anna)
    sessions.leave("a")
    assert sessions.get("a") is anna
    time.sleep(0.01)
    sessions.free_away()
    assert sessions.find("a") is anna and anna.folder.exists()


def test_who_was_freed_keeps_their_ticket(sessions, upload):
    sessions.come_back("a", "", TICKETS[0])
    sessions.get("a").receive([upload()])
    index_all(sessions.get("a"))
    sessions.drop("a")
    anna = sessions.get("a")
    anna.receive([upload(text="more")])
    index_all(anna)
    assert sessions.come_back("b", TICKETS[0], TICKETS[1])
    assert sessions.get("b") is anna


def test_who_had_nothing_of_their_own_is_forgotten_at_once(sessions):
    sessions.come_back("a", "", TICKETS[0])
    sessions.leave("a")
    assert len(sessions) == 0


def test_a_reload_ends_the_indexing_and_says_so(sessions, upload):
    anna = sessions.get("before")
    sessions.come_back("before", "", TICKETS[0])
    anna.receive([upload(pages=5)])
    for count, _ in enumerate(anna.indexing.run()):
        if count == 3:
            sessions.come_back("after", TICKETS[0], TICKETS[1])
            anna.indexing.stop_for_return()
            assert anna.indexing.is_stopping
    assert not anna.indexing.is_stopping
    assert codes(anna) == ["stopped"]
    assert 0 < sum(pages(anna).values()) < 5
