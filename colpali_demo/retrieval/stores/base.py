"""What a store keeps, and what it can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.retrieval.codecs import KeptVectors

PageKey = tuple[str, int]
"""The content hash of a document, and the number of a page in it, counted from 1."""


def page_key(page: Page) -> PageKey:
    """Return what names a page: two files may have the same name, not the same content."""
    return page.document_id, page.number


@dataclass(frozen=True, eq=False)
class StoredPage:
    """A page and its vectors as they are kept."""

    page: Page
    kept: KeptVectors

    @property
    def key(self) -> PageKey:
        """What names the page."""
        return page_key(self.page)


class Store(Protocol):
    """Keeps pages in the order in which they came. May be called by several threads at once."""

    def add(self, stored: StoredPage) -> bool:
        """Keep a page; False if one of its key is there already, which stays."""
        ...

    def __contains__(self, key: PageKey) -> bool: ...

    def pages(self) -> list[StoredPage]:
        """Return all pages that are there now, those that came first first."""
        ...

    def remove(self, document_id: str) -> int:
        """Remove the pages of a document, named by its content hash. Returns how many there were."""
        ...
