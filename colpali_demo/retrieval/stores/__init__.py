"""Where pages and their vectors are kept. A store is one file here and one entry in `STORES`."""

from collections.abc import Callable

from colpali_demo.retrieval.stores.base import PageKey, Store, StoredPage, page_key
from colpali_demo.retrieval.stores.memory import MemoryStore

STORES: dict[str, Callable[[], Store]] = {"memory": MemoryStore}
"""The stores by the name that `PageIndex(store=)` takes."""

__all__ = ["STORES", "PageKey", "Store", "StoredPage", "page_key"]
