from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colpali_demo.documents import DocumentError, open_document
from colpali_demo.settings import Settings
from tests.documents.pdf_files import BLACK_SQUARE, pages_pdf, slow_shading, text

Save = Callable[..., Path]

# Poppler goes by the cross-reference table, PDFium by the header that is missing here.
HEADLESS = pages_pdf([text("1"), BLACK_SQUARE]).replace(b"%PDF-1.7", b"%XYZ-1.7")


@pytest.fixture
def forced(settings: Settings) -> Settings:
    return replace(settings, pdf_renderer="pdf2image")


@pytest.mark.parametrize(
    "attributes", [b"", b"/Rotate 90", b"/CropBox[50 50 350 350]", b"/Rotate 180/CropBox[0 90 500 400]"]
)
def test_poppler_and_pdfium_draw_the_same(save: Save, settings: Settings, attributes: bytes) -> None:
    path = save(pages_pdf([BLACK_SQUARE + b" 1 0 0 rg 250 250 90 20 re f"], attributes=attributes))
    (one,) = open_document(path, settings=settings)
    (other,) = open_document(path, settings=replace(settings, pdf_renderer="pdf2image"))
    assert other.words == () and not other.blank
    assert abs(one.width - other.width) <= 1 and abs(one.height - other.height) <= 1
    size = (one.width, one.height)
    difference = np.asarray(one.image, dtype=int) - np.asarray(other.image.resize(size), dtype=int)
    assert np.abs(difference).mean() < 3


def test_a_file_that_pdfium_cannot_open_gets_a_second_opinion(save: Save, settings: Settings) -> None:
    path = save(HEADLESS)
    with pytest.raises(DocumentError) as caught:
        open_document(path, settings=replace(settings, pdf_renderer="pdfium"))
    assert caught.value.code == "damaged"
    document = open_document(path, settings=settings)
    assert [page.number for page in document] == [1, 2] and document.errors == []


def test_without_poppler_there_is_one_opinion(
    save: Save, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for renderer, code in (("auto", "damaged"), ("pdf2image", "renderer_missing")):
        with pytest.raises(DocumentError) as caught:
            open_document(save(HEADLESS), settings=replace(settings, pdf_renderer=renderer))
        assert caught.value.code == code


def test_pages_are_limited(save: Save, forced: Settings) -> None:
    document = open_document(save(pages_pdf([BLACK_SQUARE] * 4)), settings=replace(forced, max_pages=3))
    assert [page.number for page in document] == [1, 2, 3]
    (error,) = document.errors
    assert error.code == "too_many_pages"
    assert error.message.startswith("The first 3 of 4 pages were read")


def test_forged_metadata_adds_no_pages(save: Save, forced: Settings) -> None:
    pdf = pages_pdf([BLACK_SQUARE]).replace(
        b"/Root 1 0 R", b"/Root 1 0 R/Info<</Title(x\\nPages: 30\\nPage 30 size: 9 x 9)>>"
    )
    document = open_document(save(pdf), settings=forced)
    assert [page.number for page in document] == [1]
    assert all(error.code == "page_failed" for error in document.errors)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")
def test_poppler_is_under_the_same_memory_limit(save: Save, forced: Settings) -> None:
    # A line of 90 million dashes, which PDFium does not draw one by one.
    patient = replace(forced, page_seconds=300.0, document_seconds=600.0)
    document = open_document(save(pages_pdf([b"[.00001] 0 d 0 0 m 600 700 l S", BLACK_SQUARE])), settings=patient)
    assert [page.number for page in document] == [2]
    assert [(error.page, error.code) for error in document.errors] == [(1, "page_failed")]


def living_members(group: int) -> list[int]:
    """Return processes of a process group that are not zombies (which wait for the system to collect them)."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, pgrp = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(pgrp) == group and state != "Z":
                members.append(int(entry.name))
    return members


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are listed in /proc")
def test_slow_pages_are_stopped_with_all_their_processes(save: Save, forced: Settings) -> None:
    assert shutil.which("pdftoppm")
    document = open_document(
        save(pages_pdf([slow_shading(), BLACK_SQUARE])), settings=replace(forced, page_seconds=2.0)
    )
    group = document._processes["pdf2image"]._process.pid
    assert living_members(group) == [group]
    assert [page.number for page in document] == [2]
    assert [(error.page, error.code) for error in document.errors] == [(1, "page_timeout")]
    assert living_members(group) == []
