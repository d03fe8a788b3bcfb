"""The models that visitors may choose between: checkpoints on this server, and sets computed by others beforehand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from colpali_demo.bundled import ASSETS
from colpali_demo.encoder.files import BUNDLED_FOLDER, CheckpointError
from colpali_demo.encoder.precomputed import find_sets, is_set, read_listing
from colpali_demo.settings import on_zero_gpu
from colpali_demo.web.engine import Engine
from colpali_demo.web.faults import Refused
from colpali_demo.web.sources import CheckpointSource, SetSource
from colpali_demo.web.turns import Places

if TYPE_CHECKING:
    from colpali_demo.settings import Settings

logger = logging.getLogger(__name__)

SETS = ASSETS / "precomputed"


class Offer(TypedDict):
    """A model that a visitor may have.

    facts: size, license, speed
    choose: what `Models.get` takes, or None; then `command` starts a server that has the model
    """

    name: str
    text: str
    facts: list[str]
    choose: str | None
    command: str | None


@dataclass(frozen=True)
class PublishedModel:
    """A checkpoint that its authors have published.

    name: what `load_encoder` takes
    facts: size, license, speed
    """

    name: str
    text: str
    facts: tuple[str, ...]


PUBLISHED = (
    PublishedModel(
        "vidore/colpali-v1.3-hf", "By the authors of ColPali", ("about 6 GB", "Gemma license", "needs a GPU")
    ),
    PublishedModel("vidore/colpali-v1.2-hf", "The one before it", ("about 6 GB", "Gemma license", "needs a GPU")),
    PublishedModel(
        "vidore/colqwen2-v1.0-hf",
        "On Qwen2-VL: pages keep their shape",
        ("about 4.5 GB", "Apache-2.0", "needs a GPU"),
    ),
    PublishedModel(
        "ModernVBERT/colmodernvbert-merged",
        "250 million parameters: pages cut into tiles",
        ("at most 1 GB", "MIT license", "slow but usable on a CPU"),
    ),
)


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
        self._sets = {f"set:{place.name}": place for place in find_sets(sets) if _can_be_read(place)}
        if is_set(Path(settings.model)):
            self._sets[settings.model] = Path(settings.model)
        self._places = Places(settings.documents_at_once)
        self._engines: dict[str, Engine] = {}
        self._present: dict[str, bool] = {}  # whether a checkpoint is on this machine, by name
        self._lock = threading.Lock()
        self.default = self._make(settings.model)
        self._engines[settings.model] = self.default

    def _make(self, name: str, choice: str | None = None) -> Engine:
        pictures = self.folder / str(len(self._engines))
        pictures.mkdir(parents=True, mode=0o700)
        if name in self._sets:
            source = SetSource(self._sets[name])
        else:
            source = CheckpointSource(replace(self._settings, model=name), download=self._download)
        return Engine(self._settings, source, pictures, choice=choice, places=self._places)

    def get(self, name: str) -> Engine:
        """Return the engine of an offered model, started. Raises Refused for any other."""
        if name not in {offer["choose"] for offer in self.offers(None)}:
            raise Refused("No such model", "Reload the page and choose one of those that are offered.")
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._make(name, choice=name)
                self._engines[name].start()
            return self._engines[name]

    def offers(self, present: Engine | None) -> list[Offer]:
        """Return what there is besides the `present` engine."""
        offers = [*self._own_offer(), *self._set_offers(), *self._bundled_offer(), *self._published_offers()]
        now = next((name for name, engine in list(self._engines.items()) if engine is present), None)
        return [offer for offer in offers if offer["choose"] is None or offer["choose"] != now]

    def _own_offer(self) -> list[Offer]:
        own = self._settings.model
        text = "The model that this server was started with"
        return [] if own in self._sets else [_offer(self.default.source.name, text, choose=own)]

    def _set_offers(self) -> list[Offer]:
        names = {name: read_listing(place)["model"]["name"] for name, place in self._sets.items()}
        text, facts = "The samples and their queries only", ("no model is loaded",)
        return [_offer(f"{model}, precomputed", text, facts, name) for name, model in names.items()]

    def _bundled_offer(self) -> list[Offer]:
        if self._settings.model_is_bundled or not (BUNDLED_FOLDER / "config.json").is_file() or on_zero_gpu():
            return []
        megabytes = sum(file.stat().st_size for file in BUNDLED_FOLDER.glob("*.safetensors")) / 1e6
        facts = (f"{megabytes:.0f} MB", "Apache-2.0", "quick on a CPU")
        return [_offer(BUNDLED_FOLDER.name, "Comes with the demo", facts, "tiny")]

    def _published_offers(self) -> list[Offer]:
        return [self._published_offer(model) for model in PUBLISHED if model.name != self._settings.model]

    def _published_offer(self, model: PublishedModel) -> Offer:
        here = self._is_present(model.name)
        if (here or self._download) and not on_zero_gpu():
            facts = (*model.facts, "on this machine" if here else "downloaded first")
            return _offer(model.name, model.text, facts, model.name)
        command = f"python app.py --model {model.name}" + ("" if here else " --download")
        return _offer(model.name, model.text, model.facts, command=command)

    def _is_present(self, name: str) -> bool:
        if name not in self._present:
            from huggingface_hub import try_to_load_from_cache

            self._present[name] = isinstance(try_to_load_from_cache(name, "config.json"), str)
        return self._present[name]


def _can_be_read(place: Path) -> bool:
    """Return whether a set says who made it; one that is damaged is not offered, and the log says why."""
    try:
        return bool(read_listing(place)["model"]["name"])
    except (CheckpointError, KeyError, TypeError) as error:
        logger.error("The set %s is not offered: %s", place, error)
        return False


def _offer(
    name: str, text: str, facts: Sequence[str] = (), choose: str | None = None, command: str | None = None
) -> Offer:
    return {"name": name, "text": text, "facts": list(facts), "choose": choose, "command": command}
