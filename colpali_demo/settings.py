"""Every limit and switch of the demo, each with an environment variable `COLPALI_<FIELD>`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Settings:
    """Limits and switches; `Settings.from_env()` lets the environment override the defaults below."""

    # Encoder
    model: str = "auto"  # "auto" and "tiny" are the bundled checkpoint; else a Hub id or a folder
    precomputed: str = ""  # folder with precomputed sets, "" is assets/precomputed
    device: str = "auto"  # "auto", "cuda", "mps" or "cpu"
    dtype: str = "auto"  # "auto" is what is faster on the device; else "float32" or "bfloat16"

    # Documents
    render_pixels: int = 1600  # pixels of the long side of a rendered page
    image_megapixels: int = 80  # megapixels: an A3 scan at 600 dpi has 70; must fit into `child_memory_mb`
    pdf_renderer: str = "auto"  # "auto", "pdfium" or "pdf2image"
    max_file_mb: int = 20  # megabytes of a file
    max_pages: int = 40  # pages of a document
    page_seconds: float = 10.0  # seconds for rendering a page
    document_seconds: float = 120.0  # seconds for rendering a document
    child_memory_mb: int = 1024  # megabytes of address space of the process that renders a document
    child_deaths: int = 3  # times that this process may die before the document is given up

    # Search
    max_query_chars: int = 500  # characters of a query
    max_query_tokens: int = 256  # tokens: 500 characters of English are about 125; each has a map of every page
    top_k: int = 5  # pages explained, unless the visitor chooses another number
    ranker: str = "maxsim"  # orders the pages of visitors; a name in `retrieval.RANKERS` that gives terms of tokens

    # Web: what one visitor may take
    session_pages: int = 200  # pages of their own at a time
    session_mb: int = 400  # megabytes of memory and disk for these pages; also the largest upload
    session_minutes: float = 60.0  # without a click, until what they have is freed
    reload_seconds: float = 20.0  # seconds after leaving, until their documents are deleted: a reload brings them back
    searches_per_minute: int = 60  # rate limit: searches in any minute
    opened_pages_per_minute: int = 240  # rate limit: pages of a search that are opened one by one
    lessons_per_minute: int = 30  # rate limit: pages that the lessons are opened on
    erasures_per_minute: int = 20  # rate limit: parts of a page erased, each of which embeds a page anew
    measures_per_minute: int = 6  # rate limit: timings, and erasures on card 11: a dozen runs of the model each
    models_per_minute: int = 6  # rate limit: changes of the model, each of which embeds the visitor's pages again
    files_per_minute: int = 60  # rate limit: files, and as many drops of files, whatever they name
    events_per_minute: int = 900  # rate limit: requests of all kinds together, each of which takes some time at least
    session_events: int = 8  # requests at a time that wait, run, or are answered and not yet fetched
    session_unread: int = 3  # answers not yet fetched; with so many, no other request of theirs is begun

    # Web: what all visitors may take together
    sessions: int = 500  # visitors; beyond these, and beyond `total_mb`, the one idle for longest is freed
    total_mb: int = 4000  # megabytes of memory and disk
    documents_at_once: int = 16  # being read, each by a process of its own, whatever the model; others wait in line
    unread_answers: int = 100  # answers not yet fetched, about 1.5 MB each; beyond these, the oldest are dropped
    large_bodies_mb: int = 256  # memory of requests beyond 64 KB each: names of many files, and files over MCP
    queue_length: int = 200  # searches and uploads that wait; more are refused

    # Web: where
    mcp: str = "off"  # "on" offers search_pdf to assistants over the Model Context Protocol
    host: str = "127.0.0.1"
    port: int = 7860

    @property
    def model_is_bundled(self) -> bool:
        """Whether `model` is the checkpoint that comes with the demo."""
        return self.model in ("auto", "tiny")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the defaults, each field `x` replaced by the variable `COLPALI_X` where that is set and not empty.

        Raises ValueError, naming the variable, for a number that is not one or is not positive.

        >>> Settings.from_env({"COLPALI_TOP_K": "3"}).top_k
        3
        >>> Settings.from_env({"COLPALI_TOP_K": "few"})
        Traceback (most recent call last):
        ValueError: COLPALI_TOP_K must be a number, not 'few'
        """
        environ = os.environ if environ is None else environ
        changes = {}
        for field in fields(cls):
            variable = f"COLPALI_{field.name.upper()}"
            text = environ.get(variable, "").strip()
            if text:
                changes[field.name] = _parse(variable, text, type(field.default))
        return cls(**changes)


def _parse(variable: str, text: str, kind: type) -> str | int | float:
    if kind is str:
        return text
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"{variable} must be a number, not {text!r}") from None
    if not 0 < value < float("inf"):
        raise ValueError(f"{variable} must be a positive number, not {text!r}")
    return value


def on_zero_gpu() -> bool:
    """Return whether this runs on a Space with ZeroGPU, as the environment says."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")
