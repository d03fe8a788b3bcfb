"""From uploaded files to pages that can be searched."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
from pathlib import Path

import torch
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.web.turns import Places
from tests.web.made import codes, index_all, pages


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


def test_the_same_file_twice_is_indexed_once(sessions, upload):
    visitor = sessions.get("a")
    for name in ("report.pdf", "copy.pdf"):
        visitor.receive([upload(name=name)])
        index_all(visitor)
    assert pages(visitor) == {"report.pdf": 3}
    assert codes(visitor) == ["already_indexed"]


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
        if "-3.jpg" in path.name:
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
