from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.settings import Settings
from colpali_demo.web.engine import Engine, Sample
from colpali_demo.web.sessions import Session, Sessions

Upload = Callable[..., str]


@pytest.fixture
def engine(encoder, tmp_path) -> Engine:
    """An engine that has loaded, without samples."""
    engine = Engine(Settings(render_pixels=200), tmp_path / "shared")
    engine.samples.clear()
    engine.encoder, engine.state = encoder, "ready"
    engine.settled.set()
    return engine


@pytest.fixture
def sessions(engine, tmp_path) -> Sessions:
    return Sessions(engine, tmp_path / "sessions")


@pytest.fixture
def upload(sessions) -> Upload:
    """Makes a PDF and uploads it."""

    def make(pages: int = 3, text: str = "revenue", name: str = "report.pdf") -> str:
        with sessions.uploads.new_folder() as request:
            folder = request / f"{pages}-{text}"  # which Gradio names after the content
            folder.mkdir()
        canvas = Canvas(str(folder / name), pagesize=(200, 300), invariant=True)
        for number in range(1, pages + 1):
            canvas.drawString(20, 150, f"{text} page {number}")
            canvas.showPage()
        canvas.save()
        return str(folder / name)

    return make


def index_all(session: Session) -> None:
    for _ in session.index_inbox():
        pass


def pages(session: Session) -> dict[str, int]:
    return {entry["source"]: entry["pages"] for entry in session.library()["documents"]}


def codes(session: Session) -> list[str]:
    return [error["code"] for error in session.library()["errors"]]


def test_uploads_become_pages_that_can_be_searched(sessions, upload):
    session = sessions.get("a")
    session.receive([upload()])
    index_all(session)
    assert pages(session) == {"report.pdf": 3}
    assert session.library()["progress"] is None
    value = session.search("revenue", top_k=2)
    assert len(value["ranking"]) == 3
    assert len(value["pages"]) == 2
    assert Path(value["pages"][value["focus"]]["image"]["path"]).is_file()


def test_progress_counts_the_pages_and_each_can_be_searched_at_once(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(pages=3)])
    seen = []
    for _ in session.index_inbox():
        progress = session.library()["progress"]
        if "total" in progress:
            found = len(session.search("revenue", top_k=1)["ranking"]) if session.indexes() else 0
            seen.append((progress["done"], progress["total"], found))
    assert seen == [(0, 3, 0), (1, 3, 1), (2, 3, 2), (3, 3, 3)]


def test_stopping_keeps_what_is_done(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(pages=5), upload(pages=2, text="costs", name="costs.pdf")])
    for _ in session.index_inbox():
        if pages(session).get("report.pdf") == 2:
            session.stop()
            assert session.library()["progress"]["stopping"]
    assert pages(session) == {"report.pdf": 2}
    assert session.library()["documents"][0]["of"] == 5
    assert len(session.search("revenue", top_k=5)["ranking"]) == 2
    assert not list(session.folder.glob("*.pdf"))


def test_indexing_works_again_after_a_stop(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(pages=3)])
    job = session.index_inbox()
    next(job)
    session.stop()
    for _ in job:
        pass
    session.receive([upload(pages=2, text="costs", name="costs.pdf")])
    index_all(session)
    assert pages(session)["costs.pdf"] == 2


def test_files_that_fail_are_named_and_the_others_stay_searchable(sessions, upload, tmp_path):
    session = sessions.get("a")
    session.receive([upload()])
    index_all(session)
    empty, text = Path(upload(name="empty.pdf")), Path(upload(name="notes.pdf"))
    empty.write_bytes(b"")
    text.write_text("not a PDF")
    session.receive([str(empty), str(text), str(tmp_path / "gone.pdf")])
    index_all(session)
    assert sorted(codes(session)) == ["empty_file", "not_found", "unsupported_type"]
    assert len(session.search("revenue", top_k=1)["ranking"]) == 3


def test_the_next_upload_clears_old_errors(sessions, upload, tmp_path):
    session = sessions.get("a")
    session.receive([str(tmp_path / "gone.pdf")])
    index_all(session)
    session.receive([upload()])
    assert codes(session) == []


def test_a_page_that_cannot_be_embedded_is_left_out(sessions, engine, upload, monkeypatch, caplog):
    session = sessions.get("a")
    embed, calls = engine.encoder.embed_pages, []

    def fail_once(images, batch_size=None):
        calls.extend(images)
        if len(calls) == 2:
            raise RuntimeError("boom")
        return embed(images, batch_size)

    monkeypatch.setattr(engine.encoder, "embed_pages", fail_once)
    session.receive([upload()])
    index_all(session)
    assert pages(session) == {"report.pdf": 2}
    (error,) = session.library()["errors"]
    assert (error["code"], error["page"]) == ("embedding_failed", 2)
    assert "boom" not in error["message"]
    (record,) = [record for record in caplog.records if record.exc_info]
    fault = re.search(r"quote (\w+)", error["message"])[1]
    assert fault in record.message and "boom" in str(record.exc_info[1])


def test_a_full_library_takes_no_more_pages(sessions, engine, upload):
    engine.settings = replace(engine.settings, session_pages=2)
    session = sessions.get("a")
    session.receive([upload()])
    index_all(session)
    assert pages(session) == {"report.pdf": 2}
    assert codes(session) == ["session_full"]


def test_the_same_file_twice_is_indexed_once(sessions, upload):
    session = sessions.get("a")
    for name in ("report.pdf", "copy.pdf"):
        session.receive([upload(name=name)])
        index_all(session)
    assert pages(session) == {"report.pdf": 3}
    assert codes(session) == ["already_indexed"]


def test_removing_a_document_removes_its_pages_and_pictures(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(), upload(pages=1, text="costs", name="costs.pdf")])
    index_all(session)
    document = session.library()["documents"][0]["document"]
    session.remove(document)
    assert pages(session) == {"costs.pdf": 1}
    assert not list(session.folder.glob(f"{document}*"))
    assert [entry["source"] for entry in session.search("revenue", top_k=5)["ranking"]] == ["costs.pdf"]


def test_leaving_the_page_closes_the_generator_and_frees_the_inbox(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(), upload(pages=2, text="costs", name="costs.pdf")])
    job = session.index_inbox()
    for _ in range(3):
        next(job)
    job.close()
    assert session.library()["progress"] is None
    session.receive([upload(pages=1, text="last", name="last.pdf")])
    index_all(session)
    assert pages(session)["last.pdf"] == 1
    assert "costs.pdf" not in pages(session)


def test_files_that_arrive_while_others_are_indexed_come_next(sessions, upload):
    session = sessions.get("a")
    session.receive([upload()])
    for count, _ in enumerate(session.index_inbox()):
        if count == 2:
            session.receive([upload(pages=2, text="costs", name="costs.pdf")])
            index_all(session)  # the second upload's own event: it has nothing left to do
            assert "costs.pdf" not in pages(session)
    assert pages(session) == {"report.pdf": 3, "costs.pdf": 2}


def test_removing_a_document_while_it_is_indexed(sessions, upload):
    session = sessions.get("a")
    session.receive([upload()])
    for _ in session.index_inbox():
        documents = session.library()["documents"]
        if documents and documents[0]["pages"] == 1:
            session.remove(documents[0]["document"])
    assert session.library()["documents"] == []
    assert list(session.folder.iterdir()) == []
    assert session.indexes() == []


def test_any_page_of_the_last_search_can_be_opened(sessions, upload):
    session = sessions.get("a")
    session.receive([upload()])
    index_all(session)
    value = session.search("revenue", top_k=1)
    last = value["ranking"][2]["key"]
    opened = session.open_page(last)
    assert opened["search"] == value["search"]
    assert opened["focus"] == last
    assert opened["pages"][last]["rank"] == 3
    with pytest.raises(KeyError):
        session.open_page("nothing-1")


def test_visitors_see_only_their_own_pages(sessions, upload):
    anna, ben = sessions.get("a"), sessions.get("b")
    anna.receive([upload()])
    index_all(anna)
    value = anna.search("revenue", top_k=1)
    assert ben.library()["documents"] == []
    assert ben.indexes() == []
    with pytest.raises(KeyError):
        ben.open_page(value["focus"])


def test_two_visitors_upload_the_same_file_and_one_leaves(sessions, upload):
    anna, ben = sessions.get("a"), sessions.get("b")
    for session in (anna, ben):
        session.receive([upload()])
        index_all(session)
    sessions.drop("a")
    value = ben.search("revenue", top_k=1)
    assert Path(value["pages"][value["focus"]]["image"]["path"]).is_file()


def test_leaving_deletes_everything(sessions, upload):
    session = sessions.get("a")
    session.receive([upload()])
    index_all(session)
    assert oct(os.stat(session.folder).st_mode)[-3:] == "700"
    sessions.drop("a")
    assert not session.folder.exists()
    assert len(sessions) == 0
    assert sessions.get("a") is not session


def test_leaving_while_pages_are_indexed_ends_the_indexing(sessions, upload):
    session = sessions.get("a")
    session.receive([upload(pages=5)])
    for count, _ in enumerate(session.index_inbox()):
        if count == 2:
            sessions.drop("a")
    assert count < 5
    assert not session.folder.exists()


@pytest.fixture
def sample(engine, upload, tmp_path) -> Sample:
    engine._folder.mkdir()
    path = tmp_path / "sample.pdf"
    shutil.copy(upload(pages=2, text="sample"), path)
    sample = Sample(path, "A sample", "Two pages", ("first query", "second query"))
    engine.samples.append(sample)
    engine._embed(sample)
    return sample


def test_a_sample_is_shared_and_its_pages_rank_beside_the_visitors_own(sessions, upload, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    for session in (anna, ben):
        session.add_sample("sample.pdf")
        assert session.samples_ready()
    anna.receive([upload()])
    index_all(anna)
    assert {entry["source"] for entry in anna.search("revenue", top_k=5)["ranking"]} == {"report.pdf", "sample.pdf"}
    assert {entry["source"] for entry in ben.search("revenue", top_k=5)["ranking"]} == {"sample.pdf"}
    sessions.drop("a")
    assert all(pictures.image.is_file() for pictures in sample.pictures.values())


def test_ranks_run_through_all_indexes(sessions, upload, sample):
    session = sessions.get("a")
    session.add_sample("sample.pdf")
    session.receive([upload()])
    index_all(session)
    ranking = session.search("revenue", top_k=5)["ranking"]
    assert [entry["rank"] for entry in ranking] == [1, 2, 3, 4, 5]
    assert [entry["score"] for entry in ranking] == sorted((entry["score"] for entry in ranking), reverse=True)


def test_removing_a_sample_leaves_it_to_others(sessions, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    for session in (anna, ben):
        session.add_sample("sample.pdf")
    anna.remove(anna.library()["documents"][0]["document"])
    assert anna.library()["documents"] == []
    assert len(ben.search("revenue", top_k=1)["ranking"]) == 2


def test_there_is_no_sample_of_another_name(sessions, sample):
    assert sessions.get("a").add_sample("../../etc/passwd") is None
