"""How long a search takes beside the bare matrix products it cannot do without.

    python benchmarks/search_latency.py [--pages 200] [--vectors 2057] [--tokens 30] [--rounds 5]

Measured from the call of the event's handler to the value for the browser, over made-up pages that are indexed already;
a made-up encoder has the vectors of the query at hand. Beside it, in the same process: query times page, page by page,
for the same matrices. The goal is a ratio of 2 at most.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colpali_demo.documents import Page
from colpali_demo.encoder.interface import Calibration, Capabilities, ModelInfo
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken, patch, prompt_token
from colpali_demo.settings import Settings
from colpali_demo.web.engine import Engine
from colpali_demo.web.handlers import Handlers
from colpali_demo.web.sources import Sample
from colpali_demo.web.visitors import Sessions

DIM = 128
GOAL = 2.0


class MadeUpEncoder:
    """Has vectors for any query of so many tokens, and for pages."""

    capabilities = Capabilities(embeds_pages=True, embeds_queries=True, has_model=True)
    batch_size = 1
    calibration = Calibration(0.5, 0.95, (0.5,))

    def __init__(self, tokens: int, vectors: int) -> None:
        self._chance = torch.Generator().manual_seed(0)
        self._layout = make_layout(vectors)
        self._query = self._unit(tokens)
        self.model_info: ModelInfo = {
            "name": "made up",
            "checkpoint": "made up",
            "family": "none",
            "parameters": 0,
            "device": "cpu",
            "dtype": "float32",
            "dim": DIM,
            "prefix": "",
            "augmentation": 0,
            "frame": {"start": "", "augmentation": "", "end": ""},
            "input": {"height": None, "width": None, "resample": None, "text": "made up"},
            "reads": {"level": "reads", "sentence": ""},
        }
        self.reference_pages = [PageEmbedding(self._unit(len(self._layout.slots)), self._layout) for _ in range(2)]

    def _unit(self, count: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.randn(count, DIM, generator=self._chance), dim=1)

    def embed_pages(self, images: Sequence[Image.Image], batch_size: int | None = None) -> list[PageEmbedding]:  # noqa: ARG002
        """Make up vectors."""
        return [PageEmbedding(self._unit(len(self._layout.slots)), self._layout) for _ in images]

    def embed_query(self, text: str, *, prefix: str | None = None, augmentation: int | None = None) -> QueryEmbedding:  # noqa: ARG002
        """Return the same vectors for any query."""
        tokens = tuple(QueryToken(index, f"token{index}", "word", index, index) for index in range(len(self._query)))
        return QueryEmbedding(text, self._query, tokens, tuple(token.text for token in tokens), (), "", 0)

    def vocabulary_fit(self, words: Iterable[str]) -> None:
        """Return None: there is no vocabulary."""


class MadeUpSource:
    """One sample, with the vectors of its pages."""

    name = "made up"
    is_bundled = False
    capabilities = MadeUpEncoder.capabilities

    def __init__(self, pages: int, encoder: MadeUpEncoder) -> None:
        self._pages = pages
        self._encoder = encoder

    def samples(self) -> list[Sample]:
        """Return the sample."""
        return [Sample(Path("made-up.pdf"), "Made up", "", ("a made-up query",), document_id="made", total=self._pages)]

    def load(self, progress: Any) -> tuple[MadeUpEncoder, str]:  # noqa: ARG002
        """Return the encoder."""
        return self._encoder, ""

    def draw_cover(self, sample: Sample, folder: Path) -> None:
        """Do without."""

    def pages(self, sample: Sample) -> Iterator[tuple[Page, PageEmbedding]]:  # noqa: ARG002
        """Make up the pages, which are all one picture."""
        jpeg = io.BytesIO()
        Image.new("RGB", (600, 800), "white").save(jpeg, "JPEG")
        for number in range(1, self._pages + 1):
            (embedding,) = self._encoder.embed_pages([None])
            yield Page("made", "made-up.pdf", number, 600, 800, jpeg.getvalue(), (), False), embedding

    def embed_blank_page(self, encoder: MadeUpEncoder) -> PageEmbedding:
        """Make one up."""
        return encoder.embed_pages([None])[0]


def make_layout(vectors: int) -> PageLayout:
    """Make the largest square grid of patches that fits, with the other vectors as tokens of a prompt."""
    side = int(vectors**0.5)
    patches = [patch(divmod(cell, side)) for cell in range(side * side)]
    return PageLayout(side, side, (*patches, *(prompt_token("prompt") for _ in range(vectors - side * side))))


def measure(folder: Path, pages: int, vectors: int, tokens: int, rounds: int) -> tuple[float, float]:
    """Measure a search and the bare products, in turn: the median milliseconds of so many rounds."""
    settings = Settings(searches_per_minute=10**6)
    encoder = MadeUpEncoder(tokens, vectors)
    (folder / "shared").mkdir()
    engine = Engine(settings, MadeUpSource(pages, encoder), folder / "shared")
    engine.start()
    (sample,) = engine.samples
    sample.finished.wait()
    sessions = Sessions(engine, folder / "visitors")
    handlers = Handlers(SimpleNamespace(folder=folder, default=engine), sessions, settings)
    request = SimpleNamespace(session_hash="benchmark")
    sessions.get("benchmark").shelf.add_sample(sample.source)
    kept = [stored.kept.vectors for stored in sessions.get("benchmark").search.rank("warm up", 0).stored_pages]
    query = encoder.embed_query("").vectors
    searches, products = [], []
    for round in range(rounds + 1):
        start = time.perf_counter()
        for page in kept:
            query @ page.T
        middle = time.perf_counter()
        value = handlers.search(f"query {round}", settings.top_k, request)
        end = time.perf_counter()
        if len(value.get("ranking", ())) != pages:
            raise RuntimeError(f"the search failed: {value}")
        products.append(1000 * (middle - start))
        searches.append(1000 * (end - middle))
    sessions.close()
    return statistics.median(searches[1:]), statistics.median(products[1:])  # the first round warms up and is left out


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--vectors", type=int, default=2057, help="of a page (default: 2057)")
    parser.add_argument("--tokens", type=int, default=30, help="of the query (default: 30)")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        search, products = measure(Path(folder), given.pages, given.vectors, given.tokens, given.rounds)
    print(f"{given.pages} pages of {given.vectors} vectors, {given.tokens} tokens, {torch.get_num_threads()} threads")
    print(f"search, from the handler's call to the value  {search:7.1f} ms")
    print(f"matrix products, page by page                 {products:7.1f} ms")
    print(f"ratio {search / products:.2f} (goal: at most {GOAL:g})")


if __name__ == "__main__":
    main()
