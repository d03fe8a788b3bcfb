"""What all visitors share: the model, loaded while the page is already up, and the samples."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from colpali_demo.documents import DocumentError, open_document
from colpali_demo.samples import SampleDocument, read_samples
from colpali_demo.settings import Settings, on_zero_gpu
from colpali_demo.web.faults import log_fault
from colpali_demo.web.pictures import Pictures, write_pictures
from colpali_demo.web.turns import Places, Turns

if TYPE_CHECKING:
    from colpali_demo.encoder import Encoder
    from colpali_demo.encoder.layout import PageEmbedding
    from colpali_demo.retrieval import PageIndex

logger = logging.getLogger(__name__)

BUNDLED = ("auto", "tiny")  # names of the checkpoint that comes with the demo

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

    `document` is its content hash, known once it has been opened; `total` its number of pages; `finished` is set when
    all pages are in `index`, or when `error` says why they are not.
    """

    document: str = ""
    total: int = 0
    cover: Path | None = None  # thumbnail of the first page
    index: PageIndex | None = None
    pictures: dict[str, Pictures] = field(default_factory=dict)
    error: str = ""
    finished: threading.Event = field(default_factory=threading.Event)


def public_model_info(encoder: Encoder) -> dict[str, Any]:
    """`Encoder.model_info` without the folder of the checkpoint."""
    return {**encoder.model_info, "checkpoint": encoder.model_info["name"]}


class Engine:
    """Loads the encoder and embeds the samples in a thread of its own.

    `state` is "loading", "ready" or "failed"; `settled` is set when it is no longer "loading", and then `encoder` is
    there or `error` says in a sentence for visitors why it is not. A checkpoint that cannot be loaded is replaced by
    the bundled one, and then there is both. `folder` takes the pictures of the samples.

    Whoever runs the model waits for `turns`, whoever reads a document for one of the `places`.
    """

    RUNS_MODEL = True  # else everything there is was computed beforehand

    def __init__(self, settings: Settings, folder: Path, *, download: bool = False) -> None:
        self.settings = settings
        self.choice: str | None = None  # the name under which a visitor chose it; None for the model of the settings
        self.samples = [Sample(**vars(document)) for document in read_samples()]
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.settled = threading.Event()
        self.encoder: Encoder | None = None
        self.blank: PageEmbedding | None = None  # a blank page, to compare maps with
        self.calibrated = False
        self.downloaded: tuple[int, int] | None = None  # bytes, and of how many, while there is a download
        self.error = ""
        self.turns = Turns()
        self.places = Places(settings.documents_at_once)
        self._folder = folder
        self._download = download
        self._queue = deque(self.samples)
        self._queue_lock = threading.Lock()
        self._awaits_visitor = self.RUNS_MODEL and on_zero_gpu()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start loading; returns at once.

        Not on ZeroGPU: there the model has to be in place before the server is, and a GPU is lent to requests only, so
        that the samples have to wait until a visitor calls `welcome`.
        """
        if self._awaits_visitor:
            self._load()
        else:
            self._thread.start()

    def welcome(self) -> None:
        """A visitor has come; call this from within their request."""
        with self._queue_lock:
            if not self._awaits_visitor:
                return
            self._awaits_visitor = False
        # In the context of the request, by which it will be known.
        threading.Thread(target=copy_context().run, args=(self._run,), name="engine", daemon=True).start()

    def want(self, sample: Sample) -> None:
        """Embed this sample next, if it is not embedded yet."""
        with self._queue_lock:  # else the engine may find the queue empty between these lines, and end
            if sample in self._queue:
                self._queue.remove(sample)
                self._queue.appendleft(sample)

    def _next(self) -> Sample | None:
        with self._queue_lock:
            return self._queue.popleft() if self._queue else None

    def _run(self) -> None:
        for sample in self.samples:
            self._draw_cover(sample)
        if not self.settled.is_set():
            self._load()
        if self.encoder:
            self._embed_blank_page()
        while self.encoder and (sample := self._next()):
            self._embed(sample)
            if not self.calibrated:
                self._calibrate()

    @property
    def wanted(self) -> str:
        """What to call the checkpoint of the settings before visitors, who need not know where folders lie."""
        name = self.settings.model
        is_folder = name.startswith(("/", ".", "~")) or Path(name).is_dir()
        return "The model" if name in BUNDLED else Path(name).name if is_folder else name

    @property
    def public_model_info(self) -> dict[str, Any]:
        """What visitors may know of the model, see the function."""
        return public_model_info(self.encoder)

    def _load(self) -> None:
        self.encoder = self._loaded(self.settings.model)
        if self.encoder is None and self.settings.model not in BUNDLED:
            first_error = self.error
            self.encoder = self._loaded("tiny")
            self.error = first_error
        self.state = "ready" if self.encoder else "failed"
        self.settled.set()

    def _loaded(self, name: str) -> Encoder | None:
        """The encoder of this name; None, with the reason in `error`, where it cannot be loaded."""
        from colpali_demo.encoder import CheckpointError, load_encoder  # takes seconds to import

        try:
            device = None if self.settings.device == "auto" else self.settings.device
            return load_encoder(name, device=device, download=self._download, progress=self._note_download)
        except CheckpointError as error:
            logger.error("%s: %s", error.code, error.message)
            self.error = f"{self.wanted} could not be loaded: {_LOADING_FAILURES.get(error.code, error.code)}."
        except Exception:
            self.error = f"{self.wanted} could not be loaded; the server’s log says why, under {log_fault('loading')}."
        return None

    def _note_download(self, done: int, total: int) -> None:
        self.downloaded = done, total

    def _draw_cover(self, sample: Sample) -> None:
        try:
            with open_document(sample.path, settings=self.settings) as document:
                sample.document = document.document
                sample.total = document.page_count
                sample.cover = write_pictures(next(iter(document)), self._folder).thumbnail
        except (DocumentError, StopIteration, OSError) as error:
            logger.error("sample %s: %s", sample.path, error)

    def _embed(self, sample: Sample) -> None:
        from colpali_demo.retrieval import PageIndex

        sample.index = PageIndex(self.encoder)
        try:
            with open_document(sample.path, settings=self.settings) as document:
                for page in document:
                    pictures = write_pictures(page, self._folder, self.encoder.model_info["input"])
                    sample.pictures[pictures.key] = pictures
                    with self.turns.batch():
                        sample.index.add_page(page)
        except Exception:
            logger.exception("sample %s", sample.path)
            sample.error = "This sample could not be read; the server’s log says why."
        sample.finished.set()

    def _embed_blank_page(self) -> None:
        from colpali_demo.encoder.calibration import blank_page

        try:
            self.blank = self.encoder.embed_pages([blank_page()])[0]
        except Exception:
            logger.exception("the blank page")

    def _calibrate(self) -> None:
        try:
            _ = self.encoder.calibration  # measured here, not in somebody's first search
            self.calibrated = True
        except Exception:
            logger.exception("calibration")
