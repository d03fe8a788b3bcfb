"""What every encoder offers, whether it runs a model or returns vectors that were computed beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict

from PIL import Image

from colpali_demo.encoder.files import CheckpointError, read_json
from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
from colpali_demo.encoder.vocabulary import VocabularyFit


@dataclass(frozen=True)
class Capabilities:
    """What an encoder can do.

    embeds_pages: any image of a page can be embedded
    embeds_queries: any typed query can be embedded, with any prefix and number of augmentation tokens
    has_model: the model itself is in memory, with weights that can be counted and inputs that can be shown
    """

    embeds_pages: bool
    embeds_queries: bool
    has_model: bool


class PageInput(TypedDict):
    """What a page is made into before the model reads it.

    height, width: in pixels, None where they depend on the page
    resample: Pillow's name for the interpolation, None where the size depends on the page
    text: the same in words
    """

    height: int | None
    width: int | None
    resample: str | None
    text: str


class FrameInfo(TypedDict):
    """What stands around the prefix and the typed text of a query: tokens or plain text, "" for nothing."""

    start: str
    augmentation: str
    end: str


class ModelInfo(TypedDict):
    """Which model an encoder stands for, in plain JSON values.

    name: for people
    checkpoint: what `load_encoder` takes to load it again
    revision: the commit of the Hub's repository; None for what did not come from the Hub
    parameters: number of weights
    dim: numbers in a vector
    format: "transformers" or "colpali_engine", which stored it
    page_prompt: what the model reads beside every page
    prefix, augmentation: of a query, where nothing else is asked for
    prefix_source: where the prefix comes from, for people
    prefix_doubted: whether the checkpoint does not name its prefix, so that it may have been trained with another
    reads: how well the checkpoint reads, as in its `reading.json`: {"schema", "level", "sentence", ...}
    precomputed: True where the vectors come from a set and no model is loaded
    """

    name: str
    checkpoint: str
    revision: str | None
    family: str
    parameters: int
    device: str
    dtype: str
    dim: int
    format: str
    page_prompt: str
    prefix: str
    prefix_source: str
    prefix_doubted: bool
    augmentation: int
    frame: FrameInfo
    input: PageInput
    reads: dict[str, Any]
    precomputed: NotRequired[bool]


CALIBRATION_SCHEMA = 2  # since 2, word means are weighted, see `calibration.word_mean`


@dataclass(frozen=True)
class Calibration:
    """The word mean below which a match is weak, and what it was taken from.

    quantile: the share of `unrelated` below and of `answered` above the two values that the threshold lies between
    unrelated, answered: word means, one a query, on pages that do not hold its words and on one that does
    """

    threshold: float
    quantile: float
    unrelated: tuple[float, ...]
    answered: tuple[float, ...] = ()

    def save(self, path: Path) -> None:
        """Write the calibration as JSON; beside a checkpoint it is called `calibration.json`."""
        path.write_text(json.dumps({"schema": CALIBRATION_SCHEMA, **asdict(self)}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote. Raises CheckpointError(checkpoint_corrupt) for anything else."""
        value = read_json(path)
        try:
            if value["schema"] != CALIBRATION_SCHEMA:
                raise CheckpointError(
                    "checkpoint_corrupt",
                    f"{path.name} was made by another version of this package (schema {value['schema']}, not "
                    f"{CALIBRATION_SCHEMA}). Delete it, and the checkpoint is calibrated when it is first used; or "
                    "make it anew with `python -m colpali_demo calibrate`.",
                )
            return cls.from_json(value)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError("checkpoint_corrupt", f"{path.name} is not a calibration: {error!r}") from error

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """Read the fields from plain JSON values. Raises KeyError, TypeError or ValueError for anything else."""
        unrelated, answered = (tuple(map(float, value[name])) for name in ("unrelated", "answered"))
        return cls(float(value["threshold"]), float(value["quantile"]), unrelated, answered)


class AnyEncoder(Protocol):
    """Makes multi-vectors of pages and queries; what an encoder lacks in `capabilities`, it refuses by name.

    model_info: which model the vectors come from
    batch_size: how many pages are best embedded at once
    calibration: what counts as a weak match
    reference_pages: pages that answer nothing, to compare others with, see `calibration.reference_images`
    """

    capabilities: Capabilities
    model_info: ModelInfo
    batch_size: int

    @property
    def calibration(self) -> Calibration: ...

    @property
    def reference_pages(self) -> Sequence[PageEmbedding]: ...

    def embed_pages(self, images: Sequence[Image.Image], batch_size: int | None = None) -> list[PageEmbedding]:
        """Embed page images. Raises CheckpointError(not_precomputed) without `capabilities.embeds_pages`."""
        ...

    def embed_query(self, text: str, *, prefix: str | None = None, augmentation: int | None = None) -> QueryEmbedding:
        """Embed a query. Without `capabilities.embeds_queries`: CheckpointError(not_precomputed) for an unknown one."""
        ...

    def vocabulary_fit(self, words: Iterable[str]) -> VocabularyFit | None:
        """Return how well the vocabulary fits the words of a page; None where that cannot be told."""
        ...
