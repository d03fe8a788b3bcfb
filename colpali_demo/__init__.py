"""Search PDFs with ColPali and see why each page matched.

    >>> from colpali_demo import PageIndex, load_encoder, open_document
    >>> index = PageIndex(load_encoder("auto"))
    >>> index.add(open_document("assets/samples/lighthouse-letter.pdf"))
    2
    >>> hit = index.search("fog horn compressor")[0]
    >>> hit.page.source, hit.page.number
    ('lighthouse-letter.pdf', ...)
    >>> why = hit.explain()
    >>> abs(sum(token.maxsim for token in why.tokens) - hit.score) < 1e-4
    True

Importing the package imports nothing else: each public name is loaded when it is first used, so that the process that
renders a PDF starts without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colpali_demo.documents import Document, DocumentError, Page, PageError, Word, open_document
    from colpali_demo.encoder import CheckpointError, Encoder, PageEmbedding, PageLayout, QueryEmbedding, load_encoder
    from colpali_demo.explain import Explanation, explanation_dict, search_dict
    from colpali_demo.retrieval import Hit, PageIndex, Ranking, VectorsError, explain_vectors
    from colpali_demo.settings import Settings

__version__ = "0.1.0"

_HOME = {
    "Document": "documents",
    "DocumentError": "documents",
    "Page": "documents",
    "PageError": "documents",
    "Word": "documents",
    "open_document": "documents",
    "CheckpointError": "encoder",
    "Encoder": "encoder",
    "PageEmbedding": "encoder",
    "PageLayout": "encoder",
    "QueryEmbedding": "encoder",
    "load_encoder": "encoder",
    "Explanation": "explain",
    "explanation_dict": "explain",
    "search_dict": "explain",
    "Hit": "retrieval",
    "PageIndex": "retrieval",
    "Ranking": "retrieval",
    "VectorsError": "retrieval",
    "explain_vectors": "retrieval",
    "Settings": "settings",
}

__all__ = [
    "CheckpointError",
    "Document",
    "DocumentError",
    "Encoder",
    "Explanation",
    "Hit",
    "Page",
    "PageEmbedding",
    "PageError",
    "PageIndex",
    "PageLayout",
    "QueryEmbedding",
    "Ranking",
    "Settings",
    "VectorsError",
    "Word",
    "explain_vectors",
    "explanation_dict",
    "load_encoder",
    "open_document",
    "search_dict",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
