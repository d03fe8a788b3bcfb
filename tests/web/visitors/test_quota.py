"""What one visitor may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colpali_demo.web.faults import Refused
from colpali_demo.web.visitors import shelf
from tests.web.made import codes, index_all, pages


def test_a_full_library_takes_no_more_pages(sessions, engine, upload):
    engine.settings = replace(engine.settings, session_pages=2)
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 2}
    assert codes(visitor) == ["session_full"]


def test_a_library_that_takes_too_many_bytes_takes_no_more(sessions, engine, upload):
    engine.settings = replace(engine.settings, session_mb=1)
    visitor = sessions.get("a")
    visitor.shelf._sizes["elsewhere-1"] = 2 << 20
    visitor.receive([upload()])
    assert codes(visitor) == ["session_full"]
    visitor.shelf._sizes["elsewhere-1"] = (1 << 20) - 4000
    visitor.receive([upload()])
    index_all(visitor)
    assert codes(visitor) == ["session_full"]
    assert pages(visitor) == {"report.pdf": 1}
    assert "1 MB" in visitor.library()["errors"][0]["message"]


def test_too_many_files_and_searches_a_minute_are_refused(sessions, engine, upload):
    engine.settings = replace(engine.settings, files_per_minute=2, searches_per_minute=2)
    visitor = sessions.get("a")
    visitor.receive([upload(pages=1, text=text) for text in "abc"])
    index_all(visitor)
    assert codes(visitor) == ["too_many_files"]
    for _ in range(2):
        visitor.search.find("revenue", top_k=1)
    with pytest.raises(Refused, match="searches a minute"):
        visitor.search.find("revenue", top_k=1)
    assert sessions.get("b").nbytes == 0


def test_drops_of_files_have_a_rate_whatever_they_name(sessions, engine, upload):
    engine.settings = replace(engine.settings, files_per_minute=2)
    visitor = sessions.get("a")
    for _ in range(2):
        visitor.receive(["/nowhere/a.pdf"] * 3)
    with pytest.raises(Refused, match="2 times a minute"):
        visitor.receive([upload()])
    assert codes(visitor) == ["not_found"] * 3


def test_what_could_not_be_taken_is_kept_to_a_number_and_logged_in_a_line(sessions, monkeypatch, caplog):
    monkeypatch.setattr(shelf, "MAX_ERRORS", 5)
    visitor = sessions.get("a")
    visitor.receive([f"/nowhere/{number}{'x' * 4000}.pdf" for number in range(9)])
    assert [error["source"][0] for error in visitor.library()["errors"]] == list("45678")
    assert [len(record.getMessage()) < 400 for record in caplog.records] == [True]


def test_too_many_looks_and_changes_of_the_model_a_minute_are_refused(sessions, engine, upload):
    engine.settings = replace(engine.settings, opened_pages_per_minute=2, models_per_minute=2)
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    key = visitor.search.find("revenue", top_k=1)["focus"]
    for _ in range(2):
        visitor.search.open_page(key)
    with pytest.raises(Refused, match="Too many pages"):
        visitor.search.open_page(key)
    for _ in range(2):
        visitor.change_model(engine)
    with pytest.raises(Refused, match="2 times a minute"):
        visitor.change_model(engine)
