"""The value of the lens: what a browser needs to show why the pages of one search matched, as plain JSON values.

The lens and the matrix draw from one value per search. Its numbers are those of `explanation_dict` and of the ranking,
exact; only the similarity maps, which are looked at and not added up, are rounded to 16 bits on one scale for all.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypedDict

import numpy as np

from colpali_demo.explain import explanation_dict, similarity_maps, token_dict, words_list
from colpali_demo.export.pictures import Pictures, page_id

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import Page
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
    from colpali_demo.encoder.vocabulary import VocabularyFit
    from colpali_demo.evidence import Erasure
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import CosineRange

LEVELS = 65535  # levels of a quantized cosine: a step is 1.5e-5 of the range
INLINE_BYTES = 900_000  # bytes of a value's JSON: Gradio compares values as text at every change, so they stay small


class FileData(TypedDict):
    """A file that Gradio turns into an address the browser can fetch."""

    path: str
    meta: dict[str, str]


class Packed(TypedDict):
    """An array: in base64 as `data`, or in a `file`."""

    data: NotRequired[str]
    file: NotRequired[FileData]


class Slot(TypedDict):
    """A vector of a page that is no patch."""

    vector: int
    slot: str
    slot_text: str | None


class OtherVectors(TypedDict):
    """The vectors of a page that are no patches.

    slots: in the page's order
    data: base64 of their cosines with every token, exact: float32 (tokens, slots), little-endian
    """

    slots: list[Slot]
    data: str


class RankedHit(Protocol):
    """A page of a ranking, as `Hit`."""

    @property
    def rank(self) -> int: ...
    @property
    def page(self) -> Page: ...
    @property
    def score(self) -> float: ...


class Ranked(Protocol):
    """What the lens shows of a ranking, as `Ranking`: its pages, best first."""

    query: QueryEmbedding
    cosines: CosineRange
    terms: np.ndarray

    def __iter__(self) -> Iterator[RankedHit]: ...
    def hit(self, page: Page) -> RankedHit: ...


class LensQuery(TypedDict):
    """The query of a search; `tokens` has `token_dict` of each."""

    text: str
    words: list[str]
    unknown: list[str]
    prefix: str
    augmentation: int
    tokens: list[dict[str, Any]]


class Strength(TypedDict):
    """Whether the best match is weak, as `Ranking.strength` says."""

    weak: bool
    word_mean: float | None
    threshold: float
    sentence: str | None


class Extent(TypedDict):
    """Where the cosines of a search lie; `median` is that of a sample of so many."""

    lo: float
    median: float
    hi: float
    sample: int


class RankedPage(TypedDict):
    """A page of the ranking. `hit` says whether it is one of those that were asked for."""

    key: str
    rank: int
    source: str
    page: int
    score: float
    hit: bool
    thumb: FileData | None


class Background(TypedDict):
    """The similarity maps of a blank page, quantized between `lo` and `hi`."""

    lo: float
    hi: float
    maps: Packed


class LensValue(TypedDict):
    """What `lens_value` makes.

    search: a name that no other search has
    model: `ModelInfo`, and as `choice` what chooses the model in a link, or None for the usual one
    samples: the file names of the samples searched; None where other pages were searched, too
    ledgers: what each token adds to each score: float32 (pages, tokens), little-endian, in the order of `ranking`
    focus: key of the page to show
    pages: by key, `explanation_dict` with "image", "input", "others", "words", "vocabulary" and "maps" of a page; with
        "whole" where parts of it are erased: `explanation_dict` of the page as it was. The ranking and its ledgers are
        of whole pages
    opening: whose the value is, where it was made beforehand
    """

    schema: int
    search: str
    model: dict[str, Any]
    query: LensQuery
    samples: list[str] | None
    strength: Strength | None
    range: Extent
    focus: str
    ranking: list[RankedPage]
    ledgers: Packed
    pages: dict[str, dict[str, Any]]
    background: Background | None
    opening: NotRequired[str]


@dataclass(frozen=True)
class ShownErasure:
    """A page of the search of which parts are erased, in the place of the whole one.

    steps: how many led to it
    pictures: of the page as it is now; no other page's have the same names
    """

    erasure: Erasure
    steps: int
    pictures: Pictures


def file_data(path: Path | str) -> FileData:
    """Name a file for the browser."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def with_files(value: Any, replace: Callable[[FileData], Any]) -> Any:
    """Return a copy of a value with every file in it, as `file_data` makes them, replaced."""
    if isinstance(value, Mapping):
        if "path" in value and "meta" in value:
            return replace(value)
        return {key: with_files(inner, replace) for key, inner in value.items()}
    return [with_files(inner, replace) for inner in value] if isinstance(value, list) else value


def quantize(maps: np.ndarray, lo: float, hi: float) -> bytes:
    """Pack cosines in [lo, hi] as little-endian uint16 levels, in C order; off by at most half a step."""
    shares = (maps.astype(np.float64) - lo) / (hi - lo) if hi > lo else np.zeros(maps.shape)
    return np.rint(np.clip(shares, 0, 1) * LEVELS).astype("<u2").tobytes()


def other_vectors(explanation: Explanation) -> OtherVectors:
    """Collect the vectors of a page that are no patches."""
    slots: list[Slot] = [
        {"vector": vector, "slot": slot.kind, "slot_text": slot.text}
        for vector, slot in enumerate(explanation.layout.slots)
        if slot.kind != "patch"
    ]
    cosines = explanation.similarities[:, [slot["vector"] for slot in slots]]
    return {"slots": slots, "data": b64encode(cosines.astype("<f4").tobytes()).decode()}


def page_entry(explanation: Explanation, rank: int, pictures: Pictures) -> dict[str, Any]:
    """Return one explained page without its maps: `explanation_dict`, its pictures, its words with their boxes."""
    return {
        **explanation_dict(explanation, rank),
        "image": file_data(pictures.image),
        "input": file_data(pictures.input) if pictures.input else None,
        "others": other_vectors(explanation),
        "words": words_list(explanation.page.words),
    }


def erased_entry(shown: ShownErasure) -> dict[str, Any]:
    """One page of which parts are erased, as `page_entry` has it, with the `steps` and the page as it was `whole`."""
    erasure = shown.erasure
    return {
        **page_entry(erasure.after, erasure.rank_after, shown.pictures),
        "steps": shown.steps,
        "whole": explanation_dict(erasure.before, erasure.rank_before),
    }


def lens_value(
    *,
    search: str,
    model: ModelInfo,
    choice: str | None = None,
    ranking: Ranked,
    explanations: Sequence[Explanation],
    top_k: int,
    focus: str,
    strength: Strength | None,
    pictures: Mapping[str, Pictures],
    blank: PageEmbedding | None,
    samples: Sequence[str] | None,
    save: Callable[[str, bytes], Path] | None,
    fits: Mapping[str, VocabularyFit | None] | None = None,
    shown: ShownErasure | None = None,
) -> LensValue:
    """Make the value of the lens for one search; most arguments are described at `LensValue`.

    ranking: every page searched, best first, by a method that gives terms of tokens
    explanations: the pages whose maps to send; the first `top_k` of the ranking and any that was opened besides
    strength: None while the checkpoint is not calibrated
    pictures: the picture files of pages, by key: of all that are explained, and of others as far as there are any
    blank: a blank page, whose maps can be subtracted in the browser
    save: writes bytes under a name and returns the path; called for arrays that would make the value too large. None
        keeps them all in the value
    fits: how well the vocabulary fits the words of each explained page, by key; None where that is not known
    shown: takes the place of the explanation of its page
    """
    cosines = ranking.cosines if shown is None else ranking.cosines.including(shown.erasure.after.maps)
    value: LensValue = {
        "schema": 2,
        "search": search,
        "model": {**model, "choice": choice},
        "query": _query(ranking.query),
        "samples": list(samples) if samples is not None else None,
        "strength": dict(strength) if strength else None,
        "range": {
            "lo": cosines.lowest,
            "median": cosines.median,
            "hi": cosines.highest,
            "sample": cosines.sample,
        },
        "focus": focus,
        "ranking": [_ranked_page(hit, top_k, pictures) for hit in ranking],
        "pages": {},
    }
    # Browsers keep files by their address, and what is erased may change the range that all maps are packed in.
    stem = search if shown is None else f"{search}-{shown.pictures.image.stem}"
    arrays = _Arrays(len(json.dumps(value)), save and (lambda name, array: save(f"{stem}-{name}.maps", array)))
    value["ledgers"] = arrays.pack("ledgers", ranking.terms.astype("<f4").tobytes())  # exact: terms are float32
    for explanation in sorted(explanations, key=lambda each: page_id(each.page) != focus):
        key = page_id(explanation.page)
        if shown is not None and shown.pictures.key == key:
            explanation = shown.erasure.after
            entry = erased_entry(shown)
        else:
            entry = page_entry(explanation, ranking.hit(explanation.page).rank, pictures[key])
        fit = fits.get(key) if fits else None
        entry = {**entry, "vocabulary": fit and fit.to_json()}
        arrays.size += len(json.dumps(entry))
        maps = arrays.pack(key, quantize(explanation.maps, cosines.lowest, cosines.highest))
        value["pages"][key] = {**entry, "maps": maps}
    value["background"] = _background(ranking.query, blank, arrays) if blank is not None else None
    return value


def _query(query: QueryEmbedding) -> LensQuery:
    return {
        "text": query.text,
        "words": list(query.words),
        "unknown": list(query.unknown),
        "prefix": query.prefix,
        "augmentation": query.augmentation,
        "tokens": [token_dict(token) for token in query.tokens],
    }


def _ranked_page(hit: RankedHit, top_k: int, pictures: Mapping[str, Pictures]) -> RankedPage:
    key = page_id(hit.page)
    return {
        "key": key,
        "rank": hit.rank,
        "source": hit.page.source,
        "page": hit.page.number,
        "score": hit.score,
        "hit": hit.rank <= top_k,
        "thumb": file_data(pictures[key].thumbnail) if key in pictures else None,
    }


class _Arrays:
    """Puts arrays into a value while it is small, then into files. `size` is that of the value's JSON so far."""

    def __init__(self, size: int, save: Callable[[str, bytes], Path] | None) -> None:
        self.size = size
        self._save = save

    def pack(self, name: str, array: bytes) -> Packed:
        """Return an array as it goes into the value."""
        data = b64encode(array).decode()
        if self._save is not None and self.size + len(data) > INLINE_BYTES:
            return {"file": file_data(self._save(name, array))}
        self.size += len(data)
        return {"data": data}


def _background(query: QueryEmbedding, blank: PageEmbedding, arrays: _Arrays) -> Background:
    """Return the similarity maps of a blank page, on a scale of their own."""
    maps = similarity_maps(query, blank)
    lo, hi = float(maps.min()), float(maps.max())
    return {"lo": lo, "hi": hi, "maps": arrays.pack("blank", quantize(maps, lo, hi))}
