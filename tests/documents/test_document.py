from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.documents import Document, DocumentError, open_document
from colpali_demo.documents.errors import MESSAGES
from colpali_demo.settings import Settings
from tests.documents.outcomes import assert_pages_or_named_errors
from tests.documents.pdf_files import (
    BLACK_SQUARE,
    Content,
    exponential_forms,
    giant_image,
    nested_filters,
    nested_operators,
    nested_page_tree,
    object_stream_bomb,
    pages_pdf,
    self_drawing_form,
    slow_shading,
    stream,
    text,
    write_pdf,
)

Save = Callable[..., Path]
SIX_PAGES = pages_pdf([text(f"Page {number}") for number in range(1, 7)])


def read(path: Path, settings: Settings) -> tuple[list[int], list[tuple[int | None, str]]]:
    """Read a whole document: the numbers of its pages, and the errors."""
    document = open_document(path, settings=settings)
    pages = [page.number for page in document]
    assert all(error.source == document.source and error.message for error in document.errors)
    return pages, [(error.page, error.code) for error in document.errors]


def code_of(path: str | Path, settings: Settings) -> str:
    with pytest.raises(DocumentError) as caught:
        open_document(path, settings=settings)
    assert caught.value.message in str(caught.value)
    return caught.value.code


def test_pages_of_a_pdf(save: Save) -> None:
    path = save(SIX_PAGES, "report.pdf")
    settings = Settings()
    document = open_document(path, settings=settings)
    assert document.source == "report.pdf"
    assert document.document_id == hashlib.sha256(SIX_PAGES).hexdigest()[:16]
    assert document.page_count == 6
    pages = list(document)
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]
    assert document.errors == []
    for page in pages:
        assert (page.document_id, page.source) == (document.document_id, "report.pdf")
        assert (page.width, page.height) == page.image.size == (1236, settings.render_pixels)
        assert page.image.mode == "RGB"
        assert [word.text for word in page.words] == ["Page", str(page.number)]
        assert not page.blank
    assert list(document) == []


def test_a_document_may_be_called_something_else(save: Save, settings: Settings) -> None:
    document = open_document(save(SIX_PAGES), name="../x/Annual\nreport.pdf", settings=settings)
    assert document.source == "Annual\ufffdreport.pdf"


@pytest.mark.parametrize(
    "name", ["-v.pdf", "quote'\"$(id).pdf", "new\nline.pdf", "%s{0}.pdf", "n" * 250 + ".pdf", "spaced out .pdf"]
)
@pytest.mark.parametrize("renderer", ["pdfium", "pdf2image"])
def test_hostile_names_are_only_names(save: Save, settings: Settings, name: str, renderer: str) -> None:
    assert read(save(pages_pdf([BLACK_SQUARE]), name), replace(settings, pdf_renderer=renderer)) == ([1], [])


def test_blank_pages_are_flagged(save: Save, settings: Settings) -> None:
    pdf = pages_pdf([b"", BLACK_SQUARE, b"1 0 0 rg 0 0 612 792 re f"])
    assert [page.blank for page in open_document(save(pdf), settings=settings)] == [True, False, True]


def test_form_fields_are_drawn(save: Save, settings: Settings) -> None:
    path = save(b"", "form.pdf")
    canvas = Canvas(str(path))
    canvas.acroForm.textfield(value="Filled in", x=100, y=500, width=300, height=40)
    canvas.showPage()
    canvas.save()
    (page,) = open_document(path, settings=settings)
    assert not page.blank


def test_the_first_pages_of_a_long_document_are_kept(save: Save, settings: Settings) -> None:
    settings = replace(settings, max_pages=4)
    document = open_document(save(SIX_PAGES), settings=settings)
    assert document.page_count == 4
    assert [page.number for page in document] == [1, 2, 3, 4]
    (error,) = document.errors
    assert (error.page, error.code) == (None, "too_many_pages")
    assert error.message.startswith("The first 4 of 6 pages were read: up to 4 pages a document")


@pytest.mark.parametrize("stated", [b"2000000000", b"-3", b"9" * 40], ids=["absurd", "negative", "overflowing"])
@pytest.mark.parametrize("renderer", ["pdfium", "pdf2image"])
def test_a_number_of_pages_that_cannot_be_is_not_repeated(
    save: Save, settings: Settings, renderer: str, stated: bytes
) -> None:
    path = save(SIX_PAGES.replace(b"/Count 6", b"/Count " + stated))
    try:
        document = open_document(path, settings=replace(settings, max_pages=4, pdf_renderer=renderer))
    except DocumentError:
        return  # the renderer takes the lie for damage
    assert len(list(document)) <= 4
    assert all(re.match("The first 4 of (6|more than 4) pages", error.message) for error in document.errors)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"Dear Sir or Madam,\n" * 100, "unsupported_type"),
        (b"GIF89a" + bytes(100), "unsupported_type"),
        (b"%PDF-1.7\n" + b"nothing of the kind\n" * 100, "damaged"),
        (SIX_PAGES[:300], "damaged"),
        (SIX_PAGES[: len(SIX_PAGES) // 2], "damaged"),
        (pages_pdf([]), "no_pages"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged"),
    ],
)
def test_files_without_a_page_are_refused(save: Save, settings: Settings, data: bytes, code: str) -> None:
    assert code_of(save(data), settings) == code


def test_large_files_are_refused_unread(save: Save, settings: Settings) -> None:
    path = save(SIX_PAGES)
    os.truncate(path, 2_000_000)
    assert code_of(path, replace(settings, max_file_mb=1)) == "too_large"


def test_what_is_no_file_is_refused(tmp_path: Path, settings: Settings) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("nowhere.pdf", "nul\0.pdf", "pipe", "."):
        assert code_of(f"{tmp_path}/{path}", settings) == "not_found"


@pytest.mark.parametrize("renderer", ["auto", "pdfium", "pdf2image"])
@pytest.mark.parametrize("strength", [40, 128])
def test_locked_files_are_refused(tmp_path: Path, settings: Settings, renderer: str, strength: int) -> None:
    path = tmp_path / "locked.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret", strength=strength))
    canvas.drawString(100, 500, "hidden")
    canvas.save()
    assert code_of(path, replace(settings, pdf_renderer=renderer)) == "password_protected"


def test_an_unknown_lock_is_a_lock(save: Save, settings: Settings) -> None:
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
        4: b"<</Filter/Bookshop.License/V 1/Length 128>>",
    }
    assert code_of(save(write_pdf(objects, b"/Encrypt 4 0 R/ID[<00><00>]")), settings) == "password_protected"


def test_files_locked_against_changes_alone_can_be_read(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "read-only.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("", ownerPassword="secret", canModify=0))
    canvas.drawString(100, 500, "visible")
    canvas.save()
    (page,) = open_document(path, settings=settings)
    assert [word.text for word in page.words] == ["visible"]


@pytest.mark.parametrize("stated", [b"900000", b"7", b"-7"])
def test_a_false_page_count_costs_no_page(save: Save, settings: Settings, stated: bytes) -> None:
    pdf = pages_pdf([BLACK_SQUARE] * 3).replace(b"/Count 3", b"/Count " + stated)
    assert read(save(pdf), settings) == ([1, 2, 3], [])


@pytest.mark.parametrize("stated", [b"/Count 3", b""])
@pytest.mark.parametrize("renderer", ["auto", "pdfium", "pdf2image"])
def test_a_page_tree_that_bites_its_tail_has_no_pages(
    save: Save, settings: Settings, stated: bytes, renderer: str
) -> None:
    tree = b"<</Type/Pages%s/Kids[2 0 R 2 0 R 2 0 R]>>" % stated
    path = save(write_pdf({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: tree}))
    assert code_of(path, replace(settings, pdf_renderer=renderer)) in ("no_pages", "damaged")


def test_a_missing_page_costs_only_itself(save: Save, settings: Settings) -> None:
    pdf = pages_pdf([BLACK_SQUARE] * 3).replace(b"[3 0 R 5 0 R 7 0 R]", b"[3 0 R 9 0 R 7 0 R]")
    pages, errors = read(save(pdf), settings)
    assert (pages, errors) == ([1, 3], [(2, "page_failed")])


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (b"0 0 612 792", (618, 800)),
        (b"0 0 792 612", (800, 618)),
        (b"0 0 10000000 10000000", (800, 800)),
        (b"0 0 0 0", (618, 800)),  # PDFium takes letter size for a box that it cannot use
        (b"0 0 100 8000", (10, 800)),
        (b"0 0 .01 .01", (800, 800)),
    ],
)
def test_pages_of_any_size_fit_the_pixel_budget(
    save: Save, settings: Settings, box: bytes, size: tuple[int, int]
) -> None:
    (page,) = open_document(save(pages_pdf([BLACK_SQUARE], box=box)), settings=settings)
    assert (page.width, page.height) == page.image.size == size


@pytest.mark.parametrize("renderer", ["pdfium", "pdf2image"])
@pytest.mark.parametrize("box", [b"0 0 612 5", b"0 0 5 612"])
def test_slivers_are_refused(save: Save, settings: Settings, renderer: str, box: bytes) -> None:
    path = save(pages_pdf([b"", b""], box=box))
    pages, errors = read(path, replace(settings, pdf_renderer=renderer))
    assert (pages, errors) == ([], [(1, "page_too_small"), (2, "page_too_small")])


@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        (self_drawing_form(), "page_memory"),
        (exponential_forms(), "page_memory"),
        (slow_shading(), "page_timeout"),
    ],
    ids=["self-drawing form", "exponential forms", "slow shading"],
)
def test_a_bomb_costs_only_its_page(save: Save, settings: Settings, bomb: Content, code: str) -> None:
    pdf = pages_pdf([text("1"), text("2"), bomb, text("4"), text("5")])
    settings = replace(settings, page_seconds=2.0 if code == "page_timeout" else 20.0)
    pages, errors = read(save(pdf), settings)
    assert (pages, errors) == ([1, 2, 4, 5], [(3, code)])


def test_nested_filters_run_out_of_memory(save: Save, settings: Settings) -> None:
    assert read(save(nested_filters()), replace(settings, page_seconds=20.0)) == ([], [(1, "page_memory")])


def test_an_object_stream_that_unpacks_without_end_runs_out_of_memory(save: Save, settings: Settings) -> None:
    assert read(save(object_stream_bomb()), settings) == ([], [(1, "page_memory")])


@pytest.mark.parametrize("renderer", ["pdfium", "pdf2image"])
def test_a_giant_image_does_not_take_the_memory_it_claims(save: Save, settings: Settings, renderer: str) -> None:
    path = save(pages_pdf([text("1"), giant_image(), text("3")]))
    pages, errors = read(path, replace(settings, pdf_renderer=renderer, page_seconds=30.0, document_seconds=60.0))
    assert {1, 3} <= set(pages)
    assert set(pages) | {page for page, _ in errors} == {1, 2, 3}


def test_operators_nested_half_a_million_deep(save: Save, settings: Settings) -> None:
    pages, errors = read(save(pages_pdf([nested_operators(), text("2")])), settings)
    assert 2 in pages
    assert set(pages) | {page for page, _ in errors} == {1, 2}


def test_a_page_below_thousands_of_nodes(save: Save, settings: Settings) -> None:
    path = save(nested_page_tree())
    assert code_of(path, replace(settings, pdf_renderer="pdfium")) == "no_pages"
    assert read(path, settings) == ([1], [])  # poppler follows them all


def test_a_document_of_very_many_pages_costs_no_more_than_those_that_are_read(save: Save, settings: Settings) -> None:
    pages, errors = read(save(pages_pdf([b""] * 20_000)), replace(settings, max_pages=4))
    assert (pages, errors) == ([1, 2, 3, 4], [(None, "too_many_pages")])


def test_too_many_bombs_end_the_document(save: Save, settings: Settings) -> None:
    path = save(pages_pdf([self_drawing_form(), text("2"), self_drawing_form(), text("4"), text("5")]))
    settings = replace(settings, page_seconds=20.0, child_deaths=2)
    assert read(path, settings) == ([2], [(1, "page_memory"), (3, "page_memory"), (None, "gave_up")])


def test_nothing_is_given_up_after_the_last_page(save: Save, settings: Settings) -> None:
    path = save(pages_pdf([text("1"), self_drawing_form()]))
    settings = replace(settings, page_seconds=20.0, child_deaths=1)
    assert read(path, settings) == ([1], [(2, "page_memory")])


def test_the_document_clock_ends_the_document(save: Save, settings: Settings) -> None:
    path = save(pages_pdf([text("1"), slow_shading(), text("3")]))
    settings = replace(settings, page_seconds=60.0, document_seconds=4.0)
    assert read(path, settings) == ([1], [(None, "document_timeout")])


def test_documents_are_read_at_the_same_time(save: Save, settings: Settings) -> None:
    paths = [save(pages_pdf([text(f"file{i}"), text(f"file{i}")]), f"{i}.pdf") for i in range(4)]
    words: dict[int, list[str]] = {}

    def work(i: int) -> None:
        words[i] = [word.text for page in open_document(paths[i], settings=settings) for word in page.words]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words == {i: [f"file{i}"] * 2 for i in range(4)}


def process_of(document: Document) -> int:
    (process,) = document._processes.values()
    return process._process.pid


def is_gone(pid: int) -> bool:
    """Return whether a child is dead and reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_leaving_early_kills_the_renderer(save: Save, settings: Settings) -> None:
    path = save(SIX_PAGES)

    document = open_document(path, settings=settings)
    pid = process_of(document)
    for page in document:
        assert page.number == 1 and not is_gone(pid)
        break
    assert is_gone(pid)

    with open_document(path, settings=settings) as document:
        pid = process_of(document)
    assert is_gone(pid) and list(document) == []

    document = open_document(path, settings=settings)
    pid = process_of(document)
    del document
    assert is_gone(pid)


def test_closing_from_another_thread_ends_a_page_that_takes_long(save: Save, settings: Settings) -> None:
    path = save(pages_pdf([text("1"), slow_shading(), text("3")]))
    document = open_document(path, settings=replace(settings, page_seconds=60.0, document_seconds=60.0))
    pid = process_of(document)
    pages: list[int] = []
    first_page = threading.Event()

    def work() -> None:
        for page in document:
            pages.append(page.number)
            first_page.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert first_page.wait(30)
    document.close()
    thread.join(30)
    assert not thread.is_alive() and is_gone(pid)
    assert pages == [1] and document.errors == []


def test_nothing_is_left_open(save: Save, settings: Settings) -> None:
    def descriptors() -> int:
        return len(os.listdir("/dev/fd"))

    settings = replace(settings, page_seconds=20.0)
    bomb = save(pages_pdf([self_drawing_form(), text("2")]), "bomb.pdf")
    read(bomb, settings)
    before = descriptors()
    read(bomb, settings)
    for data in (b"", b"text", SIX_PAGES[:300]):
        code_of(save(data), settings)
    assert descriptors() == before


def test_every_error_says_what_to_do_without_a_brace_left(settings: Settings) -> None:
    for code in MESSAGES:
        sentence = DocumentError("x.pdf", code, settings).message
        assert sentence.endswith(".") and "{" not in sentence


def test_a_setting_that_names_no_renderer_is_an_error(save: Save, settings: Settings) -> None:
    with pytest.raises(ValueError, match="pdf_renderer"):
        open_document(save(SIX_PAGES), settings=replace(settings, pdf_renderer="mupdf"))


@hypothesis_settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cut=st.none() | st.integers(1, 2000),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
)
def test_damage_anywhere_ends_in_pages_or_a_named_error(
    save: Save, settings: Settings, cut: int | None, changes: list[tuple[int, int]]
) -> None:
    image = stream(
        bytes(range(48)), b"/Type/XObject/Subtype/Image/Width 4/Height 4/ColorSpace/DeviceRGB/BitsPerComponent 8"
    )
    content = Content(text("Page") + b"q 90 0 0 90 90 90 cm /I Do Q", b"/XObject<</I 1000 0 R>>", {1000: image})
    data = bytearray(pages_pdf([content, text("Two")]))
    for position, value in changes:
        data[position % len(data)] = value
    assert_pages_or_named_errors(save(bytes(data[:cut])), settings)
