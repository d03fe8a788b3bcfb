"""Documents: a file opened in a renderer process and read page by page, whatever is in it."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from colpali_demo.documents.errors import DocumentError, PageError, RendererLost, RenderFailure, message
from colpali_demo.documents.filetype import SNIFF_BYTES, sniff
from colpali_demo.documents.names import display_name
from colpali_demo.documents.page import Page
from colpali_demo.documents.protocol import parse_image, parse_words
from colpali_demo.documents.sandbox import RendererProcess
from colpali_demo.settings import Settings

logger = logging.getLogger(__name__)

# What a failure before the first page means for the file. Any other reason that the renderer gives is "damaged".
_FILE_CODES = {
    code: code
    for code in (
        "empty_file",
        "too_large",
        "image_too_large",
        "unsupported_type",
        "password_protected",
        "no_pages",
        "renderer_missing",
        "renderer_failed",
        "document_timeout",
    )
} | {"page_timeout": "document_timeout", "page_memory": "document_memory"}
# Any other reason is page_failed.
_PAGE_CODES = ("page_too_small", "page_timeout", "page_memory", "page_crashed", "image_too_large")


def open_document(
    path: str | os.PathLike[str], *, name: str | None = None, settings: Settings | None = None
) -> Document:
    """Open a PDF, PNG, JPEG, WebP or TIFF (by its content, not its name) for reading page by page.

    `name` is what to call the document instead of the name of the file. Raises DocumentError, whose `code` and
    `message` say why, where no page of the file can be read; single pages that fail are in `Document.errors`.
    """
    settings = settings or Settings.from_env()
    source = display_name(os.fsdecode(path) if name is None else name)
    try:
        file = _open_file(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        logger.info("%s: %s", source, error)
        raise DocumentError(source, "not_found", settings) from None
    document = Document(file, source, settings)
    try:
        document._open()
    except RenderFailure as failure:
        document.close()
        logger.info("%s: %s", source, failure)
        raise DocumentError(source, _FILE_CODES.get(failure.code, "damaged"), settings) from None
    except BaseException:
        document.close()
        raise
    return document


class Document:
    """An open document: iterate it, once, for its pages; each is yielded as soon as it is drawn.

    Attributes: `source`, the display name; `document_id`, the first 16 hexadecimal digits of the SHA-256 of the file;
    `page_count`, how many pages iteration will try, at most `settings.max_pages`; `errors`, a list of `PageError` that
    grows while pages are read.

    The page clock stops drawing a page after `settings.page_seconds`. The document clock, `settings.document_seconds`,
    counts the time spent on opening and drawing, not what the caller does between pages. A page that kills the renderer
    costs that page: a new renderer goes on after it, until `settings.child_deaths` have died. A page that PDFium
    refuses to draw is tried with poppler, where that is installed and counts as many pages.

    Use it from one thread. `close` may come from any thread: it kills the renderer and ends the iteration without an
    error. Leaving the loop early, the context manager, and losing the last reference close it too.
    """

    def __init__(self, file: int, source: str, settings: Settings) -> None:
        """Take over the descriptor `file`. Only `open_document` makes documents."""
        self.source = source
        self.document_id = ""
        self.page_count = 0
        self.errors: list[PageError] = []
        self._file = file
        self._size = 0
        self._settings = settings
        self._renderer = ""  # the one that opened the file
        self._others: list[str] = []  # renderers to ask about a page that the first one refuses to draw
        self._processes: dict[str, RendererProcess] = {}  # process by the name of its renderer
        self._deaths = 0
        self._seconds_left = settings.document_seconds
        self._pages = 0  # pages of the file, at most one more than may be read
        self._stated_pages: int | None = None  # how many the file says it has, where that is more; only ever shown
        self._ended = False
        self._in_use = threading.Lock()  # held while the process and the file are used, and to close them

    def __iter__(self) -> Iterator[Page]:
        try:
            for number in range(1, self.page_count + 1):
                page = self._read_page(number)
                if page is not None:
                    yield page
                if self._ended:
                    return
            if self._pages > self.page_count:
                self._add_error(None, "too_many_pages")
        finally:
            self.close()

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Kill the renderer and let go of the file. Pages already read stay as they are."""
        self._ended = True
        for process in list(self._processes.values()):
            process.kill()  # wakes a thread that waits for a page
        with self._in_use:
            for renderer in list(self._processes):
                self._drop(renderer)
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _open(self) -> None:
        """Check the file and open it with the first renderer that can; raises RenderFailure."""
        self._size = os.fstat(self._file).st_size
        if self._size == 0:
            raise RenderFailure("empty_file")
        if self._size > self._settings.max_file_mb << 20:
            raise RenderFailure("too_large")
        head = os.pread(self._file, SNIFF_BYTES, 0)
        kind = sniff(head, os.pread(self._file, SNIFF_BYTES, max(0, self._size - SNIFF_BYTES)))
        if kind is None:
            raise RenderFailure("unsupported_type")
        with open(self._file, "rb", closefd=False) as file:
            self.document_id = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        self._pages = self._start_first_of(_renderers(kind, self._settings))
        self.page_count = min(self._pages, self._settings.max_pages)
        self._stated_pages = self._processes[self._renderer].stated_pages

    def _start_first_of(self, renderers: list[str]) -> int:
        """Start the first renderer that can open the file; raises the first one's RenderFailure where none can."""
        first_failure = None
        for position, renderer in enumerate(renderers):
            self._renderer, self._others = renderer, renderers[position + 1 :]
            try:
                return self._start(renderer)
            except RenderFailure as failure:
                self._drop(renderer)
                if failure.code == "renderer_failed":  # nobody has looked at the file, nor would the next one
                    raise
                first_failure = first_failure or failure
        raise first_failure

    def _start(self, renderer: str) -> int:
        """Start a renderer and have it open the file; the number of pages, at most `max_pages` + 1."""
        try:
            process = RendererProcess(self._file, self._size, renderer, self._settings)
        except OSError as error:
            raise RenderFailure("renderer_failed", str(error)) from None
        self._processes[renderer] = process
        if self._ended:  # closed meanwhile, by somebody who saw no process to kill
            raise RenderFailure("renderer_failed", "closed")
        process.wait_until_ready()
        return self._clocked(process.open)

    def _read_page(self, number: int) -> Page | None:
        """Return the page; None where it failed, which is then in `errors`, or where the document was closed."""
        with self._in_use:
            if self._ended:
                return None
            if self._renderer not in self._processes and not self._restart():
                return None
            try:
                return self._draw(number, self._renderer)
            except RendererLost as lost:
                self._drop(self._renderer)
                if not self._ended:  # a process that `close` killed is no failure
                    self._survive(number, lost)
            except RenderFailure as failure:
                page = self._second_opinion(number) if failure.code == "page_failed" else None
                if page is None and not self._ended:
                    self._add_error(number, failure.code, failure.detail)
                return page
        return None

    def _draw(self, number: int, renderer: str) -> Page:
        """Return the page as a running renderer draws it; raises RenderFailure."""
        header, jpeg = self._clocked(self._processes[renderer].render, number)
        width, height = parse_image(header, jpeg, self._settings.render_pixels)
        words, blank = parse_words(header.get("words")), header.get("blank") is True
        return Page(self.document_id, self.source, number, width, height, jpeg, words, blank)

    def _second_opinion(self, number: int) -> Page | None:
        """Return a page that the first renderer refused, drawn by another; None where there is none that can.

        A renderer that cannot open the file, counts other pages in it, or dies over a page, is not asked again.
        """
        for renderer in list(self._others):
            try:
                # Poppler skips a page that is missing, and then calls the next one by its number.
                if renderer not in self._processes and self._start(renderer) != self._pages:
                    raise RenderFailure("damaged", "another number of pages")
            except RenderFailure as failure:
                logger.info("%s: %s: %s", self.source, renderer, failure)
                self._others.remove(renderer)
                self._drop(renderer)
                continue
            try:
                return self._draw(number, renderer)
            except RendererLost as lost:
                logger.info("%s, page %d: %s: %s", self.source, number, renderer, lost)
                self._others.remove(renderer)
                self._drop(renderer)
            except RenderFailure as failure:
                logger.info("%s, page %d: %s: %s", self.source, number, renderer, failure)
        return None

    def _restart(self) -> bool:
        """Return a new renderer for the pages after the one that killed the last."""
        try:
            self._start(self._renderer)
        except RenderFailure as failure:
            self._drop(self._renderer)
            if not self._ended:
                self._end(failure.code if failure.code == "document_timeout" else "gave_up", failure.detail)
            return False
        return True

    def _survive(self, number: int, lost: RendererLost) -> None:
        """Note what was lost with the renderer, and whether to go on."""
        if lost.code == "document_timeout":
            self._end(lost.code)
            return
        self._add_error(number, lost.code, lost.detail)
        self._deaths += 1
        if self._deaths >= self._settings.child_deaths and number < self.page_count:
            self._end("gave_up")

    def _clocked(self, ask: Callable[..., Any], *arguments: int) -> Any:
        """Ask the renderer, with the time that the page clock and the document clock leave as the last argument."""
        seconds = min(self._settings.page_seconds, self._seconds_left)
        start = time.monotonic()
        try:
            return ask(*arguments, seconds)
        except RendererLost as lost:
            if lost.code == "page_timeout" and seconds < self._settings.page_seconds:
                raise RendererLost("document_timeout") from None
            raise
        finally:
            self._seconds_left -= time.monotonic() - start

    def _drop(self, renderer: str) -> None:
        process = self._processes.pop(renderer, None)
        if process is not None:
            process.close()

    def _end(self, code: str, detail: str = "") -> None:
        self._add_error(None, code, detail)
        self._ended = True

    def _add_error(self, page: int | None, code: str, detail: str = "") -> None:
        if page is not None and code not in _PAGE_CODES:
            code = "page_failed"
        logger.info("%s, page %s: %s %s", self.source, page, code, detail)
        self.errors.append(PageError(self.source, page, code, message(code, self._settings, self._stated_pages)))


def _open_file(path: str | os.PathLike[str]) -> int:
    """Open a regular file for reading; OSError for anything else, without waiting for a pipe's writer."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError("not a regular file")
    return file


def _renderers(kind: str, settings: Settings) -> list[str]:
    """Return the renderers to try, in order. ValueError for a setting that names none."""
    if kind == "image":
        return ["image"]
    if settings.pdf_renderer in ("pdfium", "pdf2image"):
        return [settings.pdf_renderer]
    if settings.pdf_renderer != "auto":
        raise ValueError(f"pdf_renderer must be auto, pdfium or pdf2image, not {settings.pdf_renderer!r}")
    poppler = shutil.which("pdfinfo") and shutil.which("pdftoppm")
    return ["pdfium", "pdf2image"] if poppler else ["pdfium"]
