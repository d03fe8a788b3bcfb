"""Pages and vectors in the memory of this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colpali_demo.retrieval.stores.base import PageKey, StoredPage


class MemoryStore:
    """A dictionary under a lock."""

    def __init__(self) -> None:
        self._pages: dict[PageKey, StoredPage] = {}
        self._lock = threading.Lock()

    def add(self, stored: StoredPage) -> bool:
        with self._lock:
            return self._pages.setdefault(stored.key, stored) is stored

    def __contains__(self, key: PageKey) -> bool:
        with self._lock:
            return key in self._pages

    def pages(self) -> list[StoredPage]:
        with self._lock:
            return list(self._pages.values())

    def remove(self, document_id: str) -> int:
        with self._lock:
            keys = [key for key in self._pages if key[0] == document_id]
            for key in keys:
                del self._pages[key]
        return len(keys)
