"""The shelf: one line about what is searched, which opens the samples, the upload and the library below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.web.component import Component


class Shelf(Component):
    """Folds and opens the element with the id `panel`, and takes files from anywhere on the page to the upload box.

    It has no value of its own: events of the document bring what the library shows, and which query was sent.

    panel: id of what it folds
    upload_box: id of the upload box
    query_box: id of the query box
    max_query_chars: longer queries are cut by the query box; the shelf says so
    """

    def __init__(self, *, panel: str, upload_box: str, query_box: str, max_query_chars: int, **props: Any) -> None:
        super().__init__(
            Path(__file__).parent,
            panel=panel,
            upload_box=upload_box,
            query_box=query_box,
            max_query_chars=max_query_chars,
            **props,
        )
