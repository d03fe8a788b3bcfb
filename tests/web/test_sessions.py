from __future__ import annotations

import errno
import io
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.settings import Settings
from colpali_demo.web.api import add_endpoints
from colpali_demo.web.engine import Engine
from colpali_demo.web.faults import Refused
from colpali_demo.web.sources import CheckpointSource, Sample
from colpali_demo.web.turns import Places
from colpali_demo.web.uploads import NoRoom
from colpali_demo.web.visitors import Sessions, Visitor

Upload = Callable[..., str]


@pytest.fixture
def engine(encoder, tmp_path) -> Engine:
    """An engine that has loaded, without samples."""
    settings = Settings(render_pixels=200)
    engine = Engine(settings, CheckpointSource(settings), tmp_path / "shared")
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
        with sessions.uploads.new_folder(0) as request:
            folder = request / f"{pages}-{text}"  # which Gradio names after the content
            folder.mkdir()
        canvas = Canvas(str(folder / name), pagesize=(200, 300), invariant=True)
        for number in range(1, pages + 1):
            canvas.drawString(20, 150, f"{text} page {number}")
            canvas.showPage()
        canvas.save()
        return str(folder / name)

    return make


def index_all(visitor: Visitor) -> None:
    for _ in visitor.indexing.run():
        pass


def pages(visitor: Visitor) -> dict[str, int]:
    return {entry["source"]: entry["pages"] for entry in visitor.library()["documents"]}


def codes(visitor: Visitor) -> list[str]:
    return [error["code"] for error in visitor.library()["errors"]]


def test_uploads_become_pages_that_can_be_searched(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 3}
    assert visitor.library()["progress"] is None
    value = visitor.search.find("revenue", top_k=2)
    assert len(value["ranking"]) == 3
    assert len(value["pages"]) == 2
    assert Path(value["pages"][value["focus"]]["image"]["path"]).is_file()


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


def test_progress_counts_the_pages_and_each_can_be_searched_at_once(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=3)])
    seen = []
    for _ in visitor.indexing.run():
        progress = visitor.library()["progress"]
        if "total" in progress:
            found = len(visitor.search.find("revenue", top_k=1)["ranking"]) if visitor.shelf.searchable().indexes else 0
            seen.append((progress["done"], progress["total"], found))
    assert seen == [(0, 3, 0), (1, 3, 1), (2, 3, 2), (3, 3, 3)]


def test_stopping_keeps_what_is_done(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=5), upload(pages=2, text="costs", name="costs.pdf")])
    for _ in visitor.indexing.run():
        if pages(visitor).get("report.pdf") == 2:
            visitor.indexing.stop()
            assert visitor.library()["progress"]["stopping"]
    assert pages(visitor) == {"report.pdf": 2}
    assert visitor.library()["documents"][0]["of"] == 5
    assert len(visitor.search.find("revenue", top_k=5)["ranking"]) == 2
    assert not list(visitor.folder.glob("*.pdf"))


def test_indexing_works_again_after_a_stop(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=3)])
    job = visitor.indexing.run()
    next(job)
    visitor.indexing.stop()
    for _ in job:
        pass
    visitor.receive([upload(pages=2, text="costs", name="costs.pdf")])
    index_all(visitor)
    assert pages(visitor)["costs.pdf"] == 2


def test_files_that_fail_are_named_and_the_others_stay_searchable(sessions, upload, tmp_path):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    empty, text = Path(upload(name="empty.pdf")), Path(upload(name="notes.pdf"))
    empty.write_bytes(b"")
    text.write_text("not a PDF")
    visitor.receive([str(empty), str(text), str(tmp_path / "gone.pdf")])
    index_all(visitor)
    assert sorted(codes(visitor)) == ["empty_file", "not_found", "unsupported_type"]
    assert len(visitor.search.find("revenue", top_k=1)["ranking"]) == 3


def test_the_next_upload_clears_old_errors(sessions, upload, tmp_path):
    visitor = sessions.get("a")
    visitor.receive([str(tmp_path / "gone.pdf")])
    index_all(visitor)
    visitor.receive([upload()])
    assert codes(visitor) == []


def test_a_page_that_cannot_be_embedded_is_left_out(sessions, engine, upload, monkeypatch, caplog):
    visitor = sessions.get("a")
    embed, calls = engine.encoder.embed_pages, []

    def fail_once(images, batch_size=None):
        calls.extend(images)
        if len(calls) == 2:
            raise RuntimeError("boom")
        return embed(images, batch_size)

    monkeypatch.setattr(engine.encoder, "embed_pages", fail_once)
    visitor.receive([upload()])
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 2}
    (error,) = visitor.library()["errors"]
    assert (error["code"], error["page"]) == ("embedding_failed", 2)
    assert "boom" not in error["message"]
    (record,) = [record for record in caplog.records if record.exc_info]
    fault = re.search(r"quote (\w+)", error["message"])[1]
    assert fault in record.message and "boom" in str(record.exc_info[1])


def test_a_full_library_takes_no_more_pages(sessions, engine, upload):
    engine.settings = replace(engine.settings, session_pages=2)
    visitor = sessions.get("a")
    visitor.receive([upload()])
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 2}
    assert codes(visitor) == ["session_full"]


def test_the_same_file_twice_is_indexed_once(sessions, upload):
    visitor = sessions.get("a")
    for name in ("report.pdf", "copy.pdf"):
        visitor.receive([upload(name=name)])
        index_all(visitor)
    assert pages(visitor) == {"report.pdf": 3}
    assert codes(visitor) == ["already_indexed"]


def test_removing_a_document_removes_its_pages_and_pictures(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(), upload(pages=1, text="costs", name="costs.pdf")])
    index_all(visitor)
    document = visitor.library()["documents"][0]["document"]
    visitor.shelf.remove(document)
    assert pages(visitor) == {"costs.pdf": 1}
    assert not list(visitor.folder.glob(f"{document}*"))
    assert [entry["source"] for entry in visitor.search.find("revenue", top_k=5)["ranking"]] == ["costs.pdf"]


def test_leaving_the_page_closes_the_generator_and_frees_the_inbox(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(), upload(pages=2, text="costs", name="costs.pdf")])
    job = visitor.indexing.run()
    for _ in range(3):
        next(job)
    job.close()
    assert visitor.library()["progress"] is None
    visitor.receive([upload(pages=1, text="last", name="last.pdf")])
    index_all(visitor)
    assert pages(visitor)["last.pdf"] == 1
    assert "costs.pdf" not in pages(visitor)


def test_files_that_arrive_while_others_are_indexed_come_next(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    for count, _ in enumerate(visitor.indexing.run()):
        if count == 2:
            visitor.receive([upload(pages=2, text="costs", name="costs.pdf")])
            index_all(visitor)  # the second upload's own event: it has nothing left to do
            assert "costs.pdf" not in pages(visitor)
    assert pages(visitor) == {"report.pdf": 3, "costs.pdf": 2}


def test_removing_a_document_while_it_is_indexed(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload()])
    for _ in visitor.indexing.run():
        documents = visitor.library()["documents"]
        if documents and documents[0]["pages"] == 1:
            visitor.shelf.remove(documents[0]["document"])
    assert visitor.library()["documents"] == []
    assert list(visitor.folder.iterdir()) == []
    assert visitor.shelf.searchable().indexes == []


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


def test_ranks_run_through_all_indexes(sessions, upload, sample):
    visitor = sessions.get("a")
    visitor.shelf.add_sample("sample.pdf")
    visitor.receive([upload()])
    index_all(visitor)
    ranking = visitor.search.find("revenue", top_k=5)["ranking"]
    assert [entry["rank"] for entry in ranking] == [1, 2, 3, 4, 5]
    assert [entry["score"] for entry in ranking] == sorted((entry["score"] for entry in ranking), reverse=True)


def test_removing_a_sample_leaves_it_to_others(sessions, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    for visitor in (anna, ben):
        visitor.shelf.add_sample("sample.pdf")
    anna.shelf.remove(anna.library()["documents"][0]["document"])
    assert anna.library()["documents"] == []
    assert len(ben.search.find("revenue", top_k=1)["ranking"]) == 2


def test_there_is_no_sample_of_another_name(sessions, sample):
    assert sessions.get("a").shelf.add_sample("../../etc/passwd") is None


# ---------------------------------------------------------------------- budgets


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


def test_uploads_nobody_takes_over_are_deleted(sessions, upload):
    kept, orphan = Path(upload()), Path(upload(text="orphan"))
    os.utime(orphan.parents[1], (0, 0))
    sessions.sweep()
    assert kept.exists() and not orphan.exists()


@pytest.mark.parametrize("path", ["/etc/hostname", "../x", "", "report.pdf", "\0", "sessions/uploads"])
def test_only_uploads_are_taken(sessions, upload, tmp_path, path):
    visitor = sessions.get("a")
    visitor.receive([path])
    assert codes(visitor) == ["not_found"]


def test_pictures_links_and_folders_cannot_be_uploaded(sessions, upload, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    anna.receive([upload()])
    index_all(anna)
    (picture, *_) = anna.folder.glob("*.jpg")
    shared = next(iter(sample.pictures.values())).image
    link = Path(upload()).with_name("link.pdf")
    link.symlink_to(picture)
    around = sessions.uploads.folder / "x" / ".." / ".." / anna.folder.name / picture.name
    ben.receive([str(path) for path in (picture, shared, link, around, link.parent)])
    assert codes(ben) == ["not_found"] * 5
    assert picture.exists() and shared.exists()


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


def test_too_many_looks_and_changes_of_the_model_a_minute_are_refused(sessions, engine, upload):
    engine.settings = replace(engine.settings, looks_per_minute=2, models_per_minute=2)
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


def test_too_many_callers_without_a_session_are_refused(sessions, engine, upload):
    with gr.Blocks() as demo:
        add_endpoints(sessions, replace(engine.settings, files_per_minute=1))
    (search_pdf,) = (function.fn for function in demo.fns.values() if function.fn.__name__ == "search_pdf")
    for _ in range(3):  # whoever brings no file keeps nobody else out
        with pytest.raises(Refused, match="Upload a file first"):
            search_pdf(None, "revenue")
        with pytest.raises(Refused, match="Upload a file first"):
            search_pdf({"path": "/etc/hostname"}, "revenue")
    assert search_pdf({"path": upload()}, "revenue")["results"]
    with pytest.raises(Refused, match="Too many ask at once"):
        search_pdf({"path": upload()}, "revenue")
    assert len(sessions) == 0


def test_uploads_that_nobody_takes_fill_no_disk(sessions, upload):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    path = upload()
    with pytest.raises(NoRoom), uploads.new_folder(9_000):
        pass
    sessions.get("a").receive([path])
    with uploads.new_folder(9_000) as folder:
        pass
    folder.rmdir()


def test_uploads_that_arrive_together_do_not_pass_the_limit_together(sessions):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    with uploads.new_folder(4_000) as first, uploads.new_folder(6_000):
        (first / "part").write_bytes(bytes(3_000))  # counted once
        with pytest.raises(NoRoom), uploads.new_folder(1):
            pass
    with uploads.new_folder(7_000):
        pass
    with pytest.raises(NoRoom), uploads.new_folder(7_001):
        pass


def test_an_upload_that_fails_gives_its_room_back(sessions):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    with pytest.raises(RuntimeError), uploads.new_folder(10_000) as folder:
        (folder / "part").write_bytes(bytes(9_000))
        raise RuntimeError
    with uploads.new_folder(10_000):
        assert not folder.exists()


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


def test_documents_wait_for_a_place(sessions, engine, upload):
    engine.places = Places(1)
    anna, ben = sessions.get("anna"), sessions.get("ben")
    for visitor in (anna, ben):
        visitor.receive([upload(pages=2)])
    first, second = anna.indexing.run(), ben.indexing.run()
    for _ in range(3):
        next(first)
    for _ in range(3):
        assert next(second) > 0
    assert ben.library()["progress"]["note"] == "1 document of other visitors before yours …"
    for _ in first:
        pass
    for _ in second:
        pass
    assert pages(anna) == pages(ben) == {"report.pdf": 2}


def test_who_gives_up_waiting_frees_the_place(sessions, engine, upload):
    engine.places = Places(1)
    place = engine.places.enter()
    visitor = sessions.get("a")
    visitor.receive([upload()])
    job = visitor.indexing.run()
    next(job)
    visitor.indexing.stop()
    for _ in job:
        pass
    assert visitor.library()["progress"] is None
    engine.places.leave(place)
    assert engine.places.ahead(engine.places.enter()) == 0


# ---------------------------------------------------------------------- faults


def test_a_model_out_of_memory_takes_smaller_batches_and_costs_one_page(sessions, engine, upload, monkeypatch):
    run, refused = engine.encoder._embed_batch, []
    monkeypatch.setattr(engine.encoder, "batch_size", 4)

    def embed(images):
        if len(images) > 2 or any(image.getpixel((0, 0)) == (0, 0, 0) for image in images):
            refused.append(len(images))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(images)

    monkeypatch.setattr(engine.encoder, "_embed_batch", embed)
    visitor = sessions.get("a")
    path = upload(pages=6)
    Path(path).write_bytes(with_black_page(6, black=2))
    visitor.receive([path])
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 5}
    (error,) = visitor.library()["errors"]
    assert (error["page"], error["code"]) == (2, "model_memory")
    assert refused[0] == 4 and refused[-1] == 1
    visitor.search.find("revenue", top_k=1)
    assert not list(visitor.folder.glob("*-2.*"))


def with_black_page(count: int, black: int) -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(200, 300))
    for number in range(1, count + 1):
        if number == black:
            canvas.rect(0, 0, 200, 300, fill=1)
        canvas.drawString(20, 150, f"page {number}")
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def test_a_full_disk_ends_the_document_and_keeps_what_is_in(sessions, upload, monkeypatch):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=4)])
    write = Path.write_bytes

    def full(path, data):
        if path.name.endswith("-3.jpg"):
            write(path, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    index_all(visitor)
    assert pages(visitor) == {"report.pdf": 2}
    assert codes(visitor) == ["disk_full"]
    assert not list(visitor.folder.glob("*-3.*"))
    assert len(visitor.search.find("revenue", top_k=1)["ranking"]) == 2


def test_a_renderer_that_is_killed_costs_its_page(sessions, upload):
    visitor = sessions.get("a")
    visitor.receive([upload(pages=4)])
    for _ in visitor.indexing.run():
        if pages(visitor).get("report.pdf") == 2 and not codes(visitor):
            (process,) = visitor.indexing._document._processes.values()
            os.kill(process._process.pid, signal.SIGKILL)
    assert pages(visitor) == {"report.pdf": 3}
    assert codes(visitor) == ["page_memory"]


def test_closing_frees_everybody(sessions, upload):
    sessions.get("a").receive([upload()])
    sessions.get("b")
    sessions.close()
    assert len(sessions) == 0
    assert not sessions._root.exists()


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
