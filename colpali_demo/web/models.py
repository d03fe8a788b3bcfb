"""The models that visitors may choose between: checkpoints on this server, and sets computed by others beforehand."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from colpali_demo.settings import on_zero_gpu
from colpali_demo.web.engine import BUNDLED, Engine, Sample
from colpali_demo.web.faults import Refused, log_fault
from colpali_demo.web.pictures import write_pictures, write_thumbnail

if TYPE_CHECKING:
    from colpali_demo.encoder.precomputed import PrecomputedSet
    from colpali_demo.settings import Settings

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[2] / "assets"
TINY = ASSETS / "colpali-tiny"
SETS = ASSETS / "precomputed"
LISTING = "set.json"  # as in colpali_demo.encoder.precomputed, which would import transformers


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint: what `load_encoder` takes, and its price."""

    name: str
    text: str
    facts: tuple[str, ...]  # size, license, speed


CHECKPOINTS = (
    Checkpoint("vidore/colpali-v1.3-hf", "By the authors of ColPali", ("about 6 GB", "Gemma license", "needs a GPU")),
    Checkpoint("vidore/colpali-v1.2-hf", "The one before it", ("about 6 GB", "Gemma license", "needs a GPU")),
    Checkpoint(
        "vidore/colqwen2-v1.0-hf",
        "On Qwen2-VL: pages keep their shape",
        ("about 4.5 GB", "Apache-2.0", "needs a GPU"),
    ),
    Checkpoint(
        "ModernVBERT/colmodernvbert-merged",
        "250 million parameters: pages cut into tiles",
        ("at most 1 GB", "MIT license", "slow but usable on a CPU"),
    ),
)


class SetEngine(Engine):
    """An engine without a model: its samples, with all that was computed for them, come out of a precomputed set."""

    RUNS_MODEL = False

    def __init__(self, settings: Settings, folder: Path, set_folder: Path) -> None:
        super().__init__(replace(settings, model=str(set_folder)), folder)
        self._set_folder = set_folder
        self._set: PrecomputedSet | None = None
        # The listing alone, at once: the page wants to know its samples before the set is opened.
        self.samples = [
            Sample(
                Path(entry["source"]),
                entry["title"],
                entry["description"],
                tuple(entry["queries"]),
                document=entry["document"],
                total=len(entry["pages"]),
            )
            for entry in _listing(set_folder)["documents"]
        ]
        self._queue = deque(self.samples)

    def _draw_cover(self, sample: Sample) -> None:
        (listed,) = (entry for entry in _listing(self._set_folder)["documents"] if entry["document"] == sample.document)
        name = f"{sample.document}-{listed['pages'][0]['number']}"
        cover = self._folder / f"{name}.webp"
        try:
            with Image.open(self._set_folder / f"{name}.jpg") as image:
                write_thumbnail(image, cover)
            sample.cover = cover
        except OSError as error:
            logger.error("sample %s: %s", name, error)

    def _embed_blank_page(self) -> None:
        """It is in the set."""

    def _load(self) -> None:
        from colpali_demo.encoder.precomputed import PrecomputedSet

        try:
            self._set = PrecomputedSet(self._set_folder)
            self.encoder, self.blank, self.calibrated = self._set.encoder, self._set.blank, True
            self.state = "ready"
        except Exception:
            self.error = f"This set could not be opened; the server’s log says why, under {log_fault('opening a set')}."
            self.state = "failed"
        self.settled.set()

    def _embed(self, sample: Sample) -> None:
        from colpali_demo.retrieval import PageIndex

        index = PageIndex(self.encoder)
        try:
            (document,) = (document for document in self._set.documents if document.document == sample.document)
            for page, embedding in self._set.pages(document):
                pictures = write_pictures(page, self._folder, self.encoder.model_info["input"])
                sample.pictures[pictures.key] = pictures
                index.add_embedded(page, embedding)
            sample.index = index
        except Exception:
            sample.error = f"This sample could not be read; the log says why, under {log_fault('a sample of a set')}."
        sample.finished.set()


class Models:
    """One engine for each model, started when somebody first chooses it; `default` is the one of the settings.

    Only what is offered can be chosen: what is on this machine, and with `download` the published checkpoints. On
    ZeroGPU a model has to be loaded before the server starts, so there the only other choices are the sets.
    """

    def __init__(self, settings: Settings, folder: Path, *, download: bool = False) -> None:
        self._settings = settings
        self.folder = folder  # takes a folder for each engine, and what visitors share besides
        self._download = download
        sets = Path(settings.precomputed) if settings.precomputed else SETS
        self._sets = {f"set:{listing.parent.name}": listing.parent for listing in sorted(sets.glob(f"*/{LISTING}"))}
        if (Path(settings.model) / LISTING).is_file():
            self._sets[settings.model] = Path(settings.model)
        self._engines: dict[str, Engine] = {}
        self._present: dict[str, bool] = {}  # of the checkpoints: whether they are on this machine
        self._lock = threading.Lock()
        self.default = self._make(settings.model)
        self._engines[settings.model] = self.default

    def _make(self, name: str) -> Engine:
        pictures = self.folder / str(len(self._engines))
        pictures.mkdir(parents=True, mode=0o700)
        if name in self._sets:
            return SetEngine(self._settings, pictures, self._sets[name])
        return Engine(replace(self._settings, model=name), pictures, download=self._download)

    def get(self, name: str) -> Engine:
        """The engine of an offered model, started. Raises Refused for any other."""
        if name not in {offer["choose"] for offer in self.offers(None)}:
            raise Refused("No such model", "Reload the page and choose one of those that are offered.")
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._make(name)
                self._engines[name].choice = name
                self._engines[name].start()
            return self._engines[name]

    def offers(self, present: Engine | None) -> list[dict[str, Any]]:
        """What there is besides the `present` engine: {"name", "text", "facts", "choose", "command"} each.

        `choose` is what `get` takes, or None; then `command` starts a server that has it.
        """
        offers = []
        own = self._settings.model
        if own not in self._sets:
            offers.append(_offer(self.default.wanted, "The model that this server was started with", choose=own))
        for name, folder in self._sets.items():
            model = _listing(folder)["model"]
            facts = ("no model is loaded",)
            offers.append(_offer(f"{model['name']}, precomputed", "The samples and their queries only", facts, name))
        if own not in BUNDLED and (TINY / "config.json").is_file() and not on_zero_gpu():
            megabytes = sum(file.stat().st_size for file in TINY.glob("*.safetensors")) / 1e6
            facts = (f"{megabytes:.0f} MB", "Apache-2.0", "quick on a CPU")
            offers.append(_offer("colpali-tiny", "Comes with the demo", facts, "tiny"))
        for checkpoint in CHECKPOINTS:
            if checkpoint.name == own:
                continue
            here = self._is_present(checkpoint.name)
            if (here or self._download) and not on_zero_gpu():
                facts = (*checkpoint.facts, "on this machine" if here else "downloaded first")
                offers.append(_offer(checkpoint.name, checkpoint.text, facts, checkpoint.name))
            else:
                command = f"python app.py --model {checkpoint.name}" + ("" if here else " --download")
                offers.append(_offer(checkpoint.name, checkpoint.text, checkpoint.facts, command=command))
        now = next((name for name, engine in list(self._engines.items()) if engine is present), None)
        return [offer for offer in offers if offer["choose"] is None or offer["choose"] != now]

    def _is_present(self, name: str) -> bool:
        if name not in self._present:
            from huggingface_hub import try_to_load_from_cache

            self._present[name] = isinstance(try_to_load_from_cache(name, "config.json"), str)
        return self._present[name]


def _offer(
    name: str, text: str, facts: Sequence[str] = (), choose: str | None = None, command: str | None = None
) -> dict[str, Any]:
    return {"name": name, "text": text, "facts": list(facts), "choose": choose, "command": command}


def _listing(folder: Path) -> dict[str, Any]:
    return json.loads((folder / LISTING).read_text("utf-8"))
