"""What can go wrong with a document, each with a code for programs and a sentence for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from colpali_demo.settings import Settings

# Each sentence says what is wrong and what to do about it; braces are filled from the settings.
MESSAGES = {
    "not_found": "There is no file here that can be read; check its name, or choose the file again.",
    "empty_file": "This file is empty; download or export it again.",
    "too_large": "This file is larger than {max_file_mb} MB; split it, or save it with smaller pictures.",
    "image_too_large": "This picture has more than {image_megapixels} million pixels; save a smaller copy of it.",
    "unsupported_type": "This is not a PDF, PNG, JPEG, WebP or TIFF, whatever its name says; save it as one of these.",
    "password_protected": "This PDF is locked with a password; save a copy without the password and use that.",
    "damaged": "This file is damaged or incomplete; download or export it again.",
    "no_pages": "This PDF has no pages; export it again from the program that made it.",
    "renderer_missing": "The PDF renderer of the settings is not installed; install it (for pdf2image, poppler-utils).",
    "renderer_failed": "The server could not start reading this file; try again in a moment.",
    "too_many_pages": "The first {max_pages} of {total} pages were read: up to {max_pages} pages a document are taken; "
    "split it to read the rest.",
    "page_too_small": "This page is too small or too narrow to show anything; crop or rescale it.",
    "page_timeout": "This page took longer than {page_seconds:g} s to draw and was left out; print it to a new PDF.",
    "page_memory": "This page takes too much memory to draw and was left out; save it with smaller pictures.",
    "page_crashed": "This page stopped the renderer and was left out; save or print it to a new file and use that.",
    "page_failed": "This page could not be drawn and was left out; save or print it to a new file and use that.",
    "document_timeout": "Reading this document took too long, so its last pages were left out; split it.",
    "document_memory": "Opening this document takes too much memory; save it with smaller pictures, or split it.",
    "gave_up": "Too many pages stopped the renderer, so the remaining pages were left out; print it to a new PDF.",
}


class DocumentError(Exception):
    """The whole file is unusable.

    Attributes: `source`, the display name; `code`, a key of `MESSAGES`; `message`, a sentence for a visitor that says
    what to do. `page` is always None, so that it can stand in a list of `PageError`.
    """

    page = None

    def __init__(self, source: str, code: str, settings: Settings) -> None:
        self.source = source
        self.code = code
        self.message = message(code, settings)
        super().__init__(f"{source}: {self.message}")


@dataclass(frozen=True, slots=True)
class PageError:
    """A page that is missing, and why; `page` counts from 1 and is None where the error is about the whole file."""

    source: str
    page: int | None
    code: str
    message: str


class RenderFailure(Exception):
    """Inside this package: a file or a page failed with this code and the renderer lives."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)


class RendererLost(RenderFailure):
    """Inside this package: the renderer died, was too slow, or cannot be believed; it has to be replaced."""


def message(code: str, settings: Settings, stated_pages: int | None = None) -> str:
    """Return the sentence for a visitor that belongs to `code`; the file says that it has `stated_pages`."""
    total = stated_pages or f"more than {settings.max_pages}"
    return MESSAGES[code].format_map({**asdict(settings), "total": total})
