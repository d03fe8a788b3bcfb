"""The lens on a result in hand: an explanation, a hit or a ranking, outside the demo's own page."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.export.lens_value import LensValue, Ranked, lens_value
from colpali_demo.export.pictures import page_id, write_pictures
from colpali_demo.retrieval import CosineRange, Hit, Ranking

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.explain import Explanation

OPENED = 3  # pages of a ranking whose maps are sent: each takes as much as its picture
NOT_EMBEDDED_HERE = "Nothing was embedded here: what is shown is their product."


@dataclass(frozen=True)
class _Only:
    """An explanation as the only page of a ranking."""

    explanation: Explanation
    rank: int = 1

    @property
    def query(self) -> QueryEmbedding:
        return self.explanation.query

    @property
    def page(self) -> Page:
        return self.explanation.page

    @property
    def score(self) -> float:
        return self.explanation.score

    @property
    def cosines(self) -> CosineRange:
        maps = self.explanation.maps
        return CosineRange(float(maps.min()), float(maps.max()), float(np.median(maps)), maps.size)

    @property
    def terms(self) -> np.ndarray:
        return np.array([[token.maxsim for token in self.explanation.tokens]], dtype=np.float32)

    def __iter__(self) -> Iterator[_Only]:
        yield self

    def hit(self, page: Page) -> _Only:  # noqa: ARG002
        return self


def result_lens(result: Explanation | Hit | Ranking, folder: Path, *, inline: bool = False) -> LensValue:
    """Make the value of the lens for a result; the pictures of its pages are written into a folder.

    Of a ranking the best pages can be opened, of a hit its own; the others are listed with their scores.
    inline: whether large arrays stay in the value and are not written into the folder
    Raises NoLedger for a ranking by a method that gives no terms of tokens, ValueError for one without pages.
    """
    ranking, explanations, model = _parts(result)
    shown = _public(model, ranking.query)
    pictures = [write_pictures(each.page, folder, shown["input"]) for each in explanations]

    def save(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return lens_value(
        search=secrets.token_hex(6),
        model=shown,
        ranking=ranking,
        explanations=explanations,
        top_k=max(len(explanations), 1),
        focus=page_id(explanations[0].page),
        strength=None,
        pictures={each.key: each for each in pictures},
        blank=None,
        samples=None,
        save=None if inline else save,
    )


def _parts(result: Explanation | Hit | Ranking) -> tuple[Ranked, Sequence[Explanation], ModelInfo | None]:
    if isinstance(result, Hit):
        return result.ranking, [result.explain()], result.ranking.model
    if isinstance(result, Ranking):
        if not result:
            raise ValueError("nothing was searched, so there is nothing to show")
        return result, [hit.explain() for hit in result[:OPENED]], result.model
    return _Only(result), [result], result.model


def _public(model: ModelInfo | None, query: QueryEmbedding) -> dict[str, Any]:
    """Return what is told of the model, without the folder that its files lie in."""
    if model is not None:
        return {**model, "checkpoint": model["name"]}
    return {
        "name": "Vectors made elsewhere",
        "prefix": query.prefix,
        "augmentation": query.augmentation,
        "input": {"width": None, "height": None},
        "reads": {"level": "unmeasured", "sentence": NOT_EMBEDDED_HERE},
    }
