"""Where an engine has its encoder and its samples from: a checkpoint that runs here, or a set computed beforehand."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from colpali_demo.documents import open_document
from colpali_demo.encoder.calibration import blank_page
from colpali_demo.encoder.files import CheckpointError
from colpali_demo.encoder.interface import Capabilities
from colpali_demo.encoder.precomputed import PrecomputedSet, read_listing, set_files
from colpali_demo.export.pictures import Pictures, write_pictures, write_thumbnail
from colpali_demo.samples import SampleDocument, read_samples
from colpali_demo.web.faults import log_fault

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.interface import AnyEncoder
    from colpali_demo.encoder.layout import PageEmbedding
    from colpali_demo.retrieval import PageIndex
    from colpali_demo.settings import Settings

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# For visitors; the messages of CheckpointError, which the log has, may name folders of the server.
_LOADING_FAILURES = {
    "checkpoint_missing": "there is no such checkpoint",
    "checkpoint_corrupt": "its files are damaged or incomplete",
    "unknown_family": "it is no checkpoint of a family that this demo knows, in the format of transformers",
    "torchvision_missing": "its image processor needs torchvision, which is not installed",
    "not_downloaded": "it is not on this server, and was not or could not be downloaded from the Hub",
    "out_of_memory": "it does not fit into the memory of this server",
}


@dataclass(eq=False)
class Sample(SampleDocument):
    """A document that everybody may search. Its pages are embedded once; visitors only read them.

    document_id: its content hash, known once it has been opened
    total: number of pages
    cover: file with a thumbnail of the first page
    pictures: those of the pages that are in `index`, by page key
    finished: set when all pages are in `index`, or when `error` says why they are not
    """

    document_id: str = ""
    total: int = 0
    cover: Path | None = None
    index: PageIndex | None = None
    pictures: dict[str, Pictures] = field(default_factory=dict)
    error: str = ""
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def indexed_pages(self) -> int:
        """How many of its pages can be searched."""
        return len(self.index) if self.index is not None else 0


class Source(Protocol):
    """What an engine is made from.

    name: what visitors are told is loading
    is_bundled: whether it is the checkpoint that comes with the demo
    capabilities: those of the encoder that `load` returns, known before it is called
    """

    name: str
    is_bundled: bool
    capabilities: Capabilities

    def samples(self) -> list[Sample]:
        """Return new samples, none of them embedded."""
        ...

    def load(self, progress: Progress) -> tuple[AnyEncoder | None, str]:
        """Load the encoder; `progress(done, total)` is called with the bytes of a download.

        Also returns a sentence for visitors where the encoder could not be loaded, with None or another encoder in its
        place, else "".
        """
        ...

    def draw_cover(self, sample: Sample, folder: Path) -> None:
        """Set the cover of a sample, its `document_id` and its `total`. Raises OSError or DocumentError."""
        ...

    def pages(self, sample: Sample) -> Iterator[tuple[Page, PageEmbedding | None]]:
        """Read the pages of a sample, each with its vectors where they are known."""
        ...

    def embed_blank_page(self, encoder: AnyEncoder) -> PageEmbedding:
        """Return the vectors of a blank page."""
        ...


class CheckpointSource:
    """A checkpoint that is loaded here, and the samples that come with the demo.

    The bundled checkpoint stands in for one that cannot be loaded.
    """

    capabilities = Capabilities(embeds_pages=True, embeds_queries=True, has_model=True)

    def __init__(self, settings: Settings, *, download: bool = False) -> None:
        """`settings.model` names the checkpoint."""
        self.name = _public_name(settings)
        self.is_bundled = settings.model_is_bundled
        self._settings = settings
        self._download = download

    def samples(self) -> list[Sample]:
        return [Sample(**vars(document)) for document in read_samples()]

    def load(self, progress: Progress) -> tuple[AnyEncoder | None, str]:
        encoder, error = self._load(self._settings.model, progress)
        if encoder is None and not self.is_bundled:
            encoder, _ = self._load("tiny", progress)
        return encoder, error

    def _load(self, model: str, progress: Progress) -> tuple[AnyEncoder | None, str]:
        from colpali_demo.encoder import load_encoder  # takes seconds to import

        device = None if self._settings.device == "auto" else self._settings.device
        try:
            return load_encoder(model, device=device, download=self._download, progress=progress), ""
        except CheckpointError as error:
            logger.error("%s: %s", error.code, error.message)
            return None, f"{self.name} could not be loaded: {_LOADING_FAILURES.get(error.code, error.code)}."
        except Exception:
            fault = log_fault("loading")
            return None, f"{self.name} could not be loaded; the server’s log says why, under {fault}."

    def draw_cover(self, sample: Sample, folder: Path) -> None:
        with open_document(sample.path, settings=self._settings) as document:
            sample.document_id = document.document_id
            sample.total = document.page_count
            first = next(iter(document), None)
            if first is not None:
                sample.cover = write_pictures(first, folder).thumbnail

    def pages(self, sample: Sample) -> Iterator[tuple[Page, None]]:
        with open_document(sample.path, settings=self._settings) as document:
            for page in document:
                yield page, None

    def embed_blank_page(self, encoder: AnyEncoder) -> PageEmbedding:
        return encoder.embed_pages([blank_page()])[0]


class SetSource:
    """A precomputed set: its samples come with their vectors, and no model is loaded."""

    is_bundled = False
    capabilities = Capabilities(embeds_pages=False, embeds_queries=False, has_model=False)

    def __init__(self, place: Path) -> None:
        self.name = place.stem if place.is_file() else place.name
        self._place = place
        self._listing = read_listing(place)  # the page shows the listing before the set is opened
        self._set: PrecomputedSet | None = None

    def samples(self) -> list[Sample]:
        return [
            Sample(
                Path(entry["source"]),
                entry["title"],
                entry["description"],
                tuple(entry["queries"]),
                document_id=entry["document_id"],
                total=len(entry["pages"]),
            )
            for entry in self._listing["documents"]
        ]

    def load(self, progress: Progress) -> tuple[AnyEncoder | None, str]:  # noqa: ARG002
        try:
            self._set = PrecomputedSet(self._place)
        except Exception:
            fault = log_fault("opening a set")
            return None, f"This set could not be opened; the server’s log says why, under {fault}."
        return self._set.encoder, ""

    def draw_cover(self, sample: Sample, folder: Path) -> None:
        entries = {entry["document_id"]: entry for entry in self._listing["documents"]}
        name = f"{sample.document_id}-{entries[sample.document_id]['pages'][0]['number']}"
        cover = folder / f"{name}.webp"
        with Image.open(io.BytesIO((set_files(self._place) / f"{name}.jpg").read_bytes())) as image:
            write_thumbnail(image, cover)
        sample.cover = cover

    def pages(self, sample: Sample) -> Iterator[tuple[Page, PageEmbedding]]:
        (document,) = (each for each in self._set.documents if each.document_id == sample.document_id)
        return self._set.pages(document)

    def embed_blank_page(self, encoder: AnyEncoder) -> PageEmbedding:  # noqa: ARG002
        return self._set.blank


def _public_name(settings: Settings) -> str:
    """Name a model before visitors, who need not know where folders lie."""
    model = settings.model
    if settings.model_is_bundled:
        return "The model"
    is_folder = model.startswith(("/", ".", "~")) or Path(model).is_dir()
    return Path(model).name if is_folder else model
