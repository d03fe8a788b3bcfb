"""What all visitors share: a model, loaded while the page is already up, and the samples."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from colpali_demo.documents import DocumentError
from colpali_demo.export.pictures import write_pictures
from colpali_demo.retrieval import PageIndex
from colpali_demo.settings import Settings, on_zero_gpu
from colpali_demo.web.faults import log_fault
from colpali_demo.web.turns import Places, Turns

if TYPE_CHECKING:
    from colpali_demo.encoder.interface import AnyEncoder, Capabilities, ModelInfo
    from colpali_demo.encoder.layout import PageEmbedding
    from colpali_demo.web.sources import Sample, Source

logger = logging.getLogger(__name__)


def public_model_info(encoder: AnyEncoder) -> ModelInfo:
    """Return `model_info` of an encoder without the folder of the checkpoint."""
    return {**encoder.model_info, "checkpoint": encoder.model_info["name"]}


class Engine:
    """Loads the encoder of a source and embeds its samples in a thread of its own.

    source: what to load
    folder: takes the pictures of the samples
    choice: the name under which a visitor chose it; None for the model of the settings
    places: where documents are read, those of all engines of a process; its own unless given

    `state` is "loading", "ready" or "failed"; `settled` is set when it is no longer "loading", and then `encoder` is
    there or `error` says in a sentence for visitors why it is not. There is both where another encoder stands in.
    `blank` is a blank page, to compare maps with; `calibrated` says whether weak matches can be told; `downloaded` has
    the bytes done and in all while there is a download.

    Whoever runs the model waits for `turns`, whoever reads a document for one of the `places`.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        folder: Path,
        *,
        choice: str | None = None,
        places: Places | None = None,
    ) -> None:
        self.settings = settings
        self.source = source
        self.choice = choice
        self.samples = source.samples()
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.settled = threading.Event()
        self.encoder: AnyEncoder | None = None
        self.blank: PageEmbedding | None = None
        self.calibrated = False
        self.downloaded: tuple[int, int] | None = None
        self.error = ""
        self.turns = Turns()
        self.places = places or Places(settings.documents_at_once)
        self._folder = folder
        self._queue = deque(self.samples)
        self._queue_lock = threading.Lock()
        self._awaits_visitor = source.capabilities.has_model and on_zero_gpu()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def capabilities(self) -> Capabilities:
        """What the encoder can do, known before it is loaded."""
        return self.encoder.capabilities if self.encoder is not None else self.source.capabilities

    @property
    def public_model_info(self) -> ModelInfo:
        """What visitors may know of the model, see the function."""
        return public_model_info(self.encoder)

    def start(self) -> None:
        """Start loading; returns at once.

        Not on ZeroGPU: there the model has to be in place before the server is, and a GPU is lent to requests only, so
        that the samples have to wait until a visitor comes, see `note_visitor`.
        """
        if self._awaits_visitor:
            self._load()
        else:
            self._thread.start()

    def note_visitor(self) -> None:
        """Note that a visitor has come; call this from within their request."""
        with self._queue_lock:
            if not self._awaits_visitor:
                return
            self._awaits_visitor = False
        # In the context of the request, by which it will be known.
        threading.Thread(target=copy_context().run, args=(self._run,), name="engine", daemon=True).start()

    def embed_next(self, sample: Sample) -> None:
        """Embed this sample next, if it is not embedded yet."""
        with self._queue_lock:  # without the lock the engine might find the queue empty between these lines, and end
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
        if self.encoder is None:
            return
        self._embed_blank_page()
        if not self.capabilities.has_model:
            self._calibrate()  # nothing has to be measured
        while (sample := self._next()) is not None:
            self._embed(sample)
            if not self.calibrated:
                self._calibrate()

    def _draw_cover(self, sample: Sample) -> None:
        try:
            self.source.draw_cover(sample, self._folder)
        except (DocumentError, OSError) as error:
            logger.error("sample %s: %s", sample.path, error)

    def _load(self) -> None:
        self.encoder, self.error = self.source.load(self._note_download)
        self.state = "ready" if self.encoder else "failed"
        self.settled.set()

    def _note_download(self, done: int, total: int) -> None:
        self.downloaded = done, total

    def _embed_blank_page(self) -> None:
        try:
            self.blank = self.source.embed_blank_page(self.encoder)
        except Exception:
            logger.exception("the blank page")

    def _embed(self, sample: Sample) -> None:
        sample.index = PageIndex(self.encoder)
        try:
            for page, embedding in self.source.pages(sample):
                pictures = write_pictures(page, self._folder, self.encoder.model_info["input"])
                sample.pictures[pictures.key] = pictures
                if embedding is not None:
                    sample.index.add_embedded(page, embedding)
                    continue
                with self.turns.batch():
                    sample.index.add_page(page)
        except Exception:
            fault = log_fault(f"sample {sample.path}")
            sample.error = f"This sample could not be read; the server’s log says why, under {fault}."
        sample.finished.set()

    def _calibrate(self) -> None:
        try:
            _ = self.encoder.calibration  # measured here, not in somebody's first search
            self.calibrated = True
        except Exception:
            logger.exception("calibration")
