"""The library: the documents that are searched, how far indexing is, and what could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.web.component import Component


class Library(Component):
    """Shows the value that `payload.library_value` makes.

    Its events: `choose_documents` (data: `which`, one of "all", "only", "with" and "without", and `document`),
    `remove_document` (data: `document`), `clear_all`, `cancel_indexing` and `dismiss_errors`.
    """

    def __init__(self, value: dict[str, Any] | None = None, **props: Any) -> None:
        super().__init__(Path(__file__).parent, value, **props)
