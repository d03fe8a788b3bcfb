"""Keep the vectors of pages and rank pages for a query: codecs, stores, rankers, and the index that joins them."""

from colpali_demo.retrieval.given import VectorsError, explain_vectors
from colpali_demo.retrieval.index import PageIndex, open_set, rank_together
from colpali_demo.retrieval.rankers import RANKERS, check_explains
from colpali_demo.retrieval.ranking import CosineRange, Hit, NoLedger, Ranking
from colpali_demo.retrieval.stores import StoredPage

__all__ = [
    "RANKERS",
    "CosineRange",
    "Hit",
    "NoLedger",
    "PageIndex",
    "Ranking",
    "StoredPage",
    "VectorsError",
    "check_explains",
    "explain_vectors",
    "open_set",
    "rank_together",
]
