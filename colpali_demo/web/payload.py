"""What the server tells the browser: plain JSON values, made from explanations by pure functions.

The lens and the matrix draw from one value per search. Its numbers are those of `explanation_dict` and of the ranking,
exact; only the similarity maps, which are looked at and not added up, are rounded to 16 bits on one scale for all.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.explain import explanation_dict, similarity_maps, token_dict, words_list
from colpali_demo.web.pictures import page_key

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import DocumentError, PageError
    from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import Ranking
    from colpali_demo.web.engine import Engine, Sample
    from colpali_demo.web.pictures import Pictures

LEVELS_OF_READING = {
    "sketch": "ready · a sketch of a reader",
    "large_print": "ready · reads large print",
    "reads": "ready · reads body text",
    "unmeasured": "ready · reading not measured",
}
LEVELS = 65535  # of a quantized cosine: a step is 1.5e-5 of the range
INLINE_BYTES = 900_000  # of the JSON of a value; Gradio compares values as text at every change, so they stay small


def file_data(path: Path | str) -> dict[str, Any]:
    """A file that Gradio turns into an address the browser can fetch."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def with_files(value: Any, replace: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A copy of a value with every file in it, as `file_data` makes them, replaced."""
    if isinstance(value, Mapping):
        if "path" in value and "meta" in value:
            return replace(value)
        return {key: with_files(inner, replace) for key, inner in value.items()}
    return [with_files(inner, replace) for inner in value] if isinstance(value, list) else value


def quantize(maps: np.ndarray, lo: float, hi: float) -> bytes:
    """Cosines in [lo, hi] as little-endian uint16 levels, in C order; off by at most half a step."""
    shares = (maps.astype(np.float64) - lo) / (hi - lo) if hi > lo else np.zeros(maps.shape)
    return np.rint(np.clip(shares, 0, 1) * LEVELS).astype("<u2").tobytes()


def dequantize(data: bytes, shape: tuple[int, ...], lo: float, hi: float) -> np.ndarray:
    """What the browser makes of `quantize`: float64 cosines of the given shape."""
    return lo + np.frombuffer(data, dtype="<u2").astype(np.float64).reshape(shape) * ((hi - lo) / LEVELS)


def other_vectors(explanation: Explanation) -> dict[str, Any]:
    """The vectors of a page that are no patches: {"slots", "data"}.

    slots: {"vector", "slot", "slot_text"} each, in the page's order
    data: base64 of their cosines with every token, exact: float32 (tokens, slots), little-endian
    """
    slots = [
        {"vector": vector, "slot": slot.kind, "slot_text": slot.text}
        for vector, slot in enumerate(explanation.layout.slots)
        if slot.kind != "patch"
    ]
    cosines = explanation.similarities[:, [slot["vector"] for slot in slots]]
    return {"slots": slots, "data": _base64(cosines)}


def _base64(values: np.ndarray) -> str:
    return b64encode(values.astype("<f4").tobytes()).decode()


def page_entry(explanation: Explanation, rank: int, pictures: Pictures) -> dict[str, Any]:
    """One explained page, without its maps: `explanation_dict` with its pictures and its words with their boxes."""
    return {
        **explanation_dict(explanation, rank),
        "image": file_data(pictures.image),
        "input": file_data(pictures.input) if pictures.input else None,
        "others": other_vectors(explanation),
        "words": words_list(explanation.page.words),
    }


def lens_value(
    *,
    search: str,
    model: Mapping[str, Any],
    ranking: Ranking,
    explanations: Sequence[Explanation],
    top_k: int,
    focus: str,
    strength: Mapping[str, Any] | None,
    pictures: Mapping[str, Pictures],
    blank: PageEmbedding | None,
    samples: Sequence[str] | None,
    save: Callable[[str, bytes], Path],
) -> dict[str, Any]:
    """The value of the lens for one search.

    search: a name that no other search has
    model: the encoder's `model_info`, and as `choice` what chooses it in a link, or None for the usual one
    ranking: every page searched, best first
    explanations: the pages whose maps to send; the first `top_k` of the ranking and any that was opened besides
    focus: key of the page to show
    strength: what `PageIndex.strength` says of the best page; None while the checkpoint is not calibrated
    pictures: the picture files of every page, by key
    blank: a blank page, whose maps can be subtracted in the browser
    samples: the file names of the samples searched, if nothing else was: then a link can restore the search
    save: writes bytes under a name and returns the path; called for arrays that would make the value too large
    """
    query, cosines = ranking.query, ranking.cosines
    value: dict[str, Any] = {
        "schema": 2,
        "search": search,
        "model": dict(model),
        "query": {
            "text": query.text,
            "words": list(query.words),
            "unknown": list(query.unknown),
            "prefix": query.prefix,
            "augmentation": query.augmentation,
            "tokens": [token_dict(token) for token in query.tokens],
        },
        "samples": list(samples) if samples is not None else None,
        "strength": dict(strength) if strength else None,
        "range": {
            "lo": cosines.lowest,
            "median": cosines.median,  # of a sample
            "hi": cosines.highest,
            "sample": cosines.sample,
        },
        "focus": focus,
        "ranking": [
            {
                "key": page_key(hit.page),
                "rank": hit.rank,
                "source": hit.page.source,
                "page": hit.page.number,
                "score": hit.score,
                "hit": hit.rank <= top_k,
                "thumb": file_data(pictures[page_key(hit.page)].thumbnail),
            }
            for hit in ranking
        ],
        "pages": {},
    }
    size = len(json.dumps(value))

    def packed(name: str, array: bytes) -> dict[str, Any]:
        """An array, in the value while there is room."""
        nonlocal size
        data = b64encode(array).decode()
        if size + len(data) > INLINE_BYTES:
            return {"file": file_data(save(f"{search}-{name}.maps", array))}
        size += len(data)
        return {"data": data}

    value["ledgers"] = packed("ledgers", ranking.terms.astype("<f4").tobytes())  # exact: terms are float32
    for explanation in sorted(explanations, key=lambda each: page_key(each.page) != focus):
        key = page_key(explanation.page)
        entry = page_entry(explanation, ranking.hit(explanation.page).rank, pictures[key])
        size += len(json.dumps(entry))
        value["pages"][key] = {
            **entry,
            "maps": packed(key, quantize(explanation.maps, cosines.lowest, cosines.highest)),
        }
    value["background"] = _background(query, blank, packed) if blank is not None else None
    return value


def _background(
    query: QueryEmbedding, blank: PageEmbedding, packed: Callable[[str, bytes], dict[str, Any]]
) -> dict[str, Any]:
    """The similarity maps of a blank page, on a scale of their own."""
    maps = similarity_maps(query, blank)
    lo, hi = float(maps.min()), float(maps.max())
    return {"lo": lo, "hi": hi, "maps": packed("blank", quantize(maps, lo, hi))}


def samples_value(samples: Sequence[Sample]) -> dict[str, Any]:
    """The value of the samples."""
    return {
        "samples": [
            {
                "file": sample.source,
                "title": sample.title,
                "description": sample.description,
                "note": f"{sample.total} pages" if sample.total else "",
                "thumb": file_data(sample.cover) if sample.cover else None,
            }
            for sample in samples
        ]
    }


def library_value(
    documents: Sequence[Mapping[str, Any]],
    errors: Iterable[PageError | DocumentError],
    progress: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The value of the library.

    documents: {"document", "source", "pages", "of", "sample"} each: the pages that can be searched, of how many;
        `sample` is the file name of a sample or None
    progress: None or {"source", "done", "total", "rate", "left", "stopping"}, or {"note"} alone
    """
    return {
        "documents": [dict(document) for document in documents],
        "errors": [
            {"source": error.source, "page": error.page, "code": error.code, "message": error.message}
            for error in errors
        ],
        "progress": dict(progress) if progress else None,
    }


def checkpoint_value(engine: Engine, offers: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The value of the line about the model in use; `offers` are those of `Models.offers`."""
    others = [dict(offer) for offer in offers]
    if engine.encoder is None:
        text = _loading_text(engine) if engine.state == "loading" else "could not be loaded"
        value = {"state": engine.state, "name": engine.wanted, "text": text, "sentence": engine.error}
        return {**value, "facts": [], "others": others}
    info = engine.encoder.model_info
    if engine.error:
        text = f"stands in for {engine.wanted}, which could not be loaded"
    elif info.get("precomputed"):
        text = "precomputed · no model loaded"
    else:
        text = LEVELS_OF_READING.get(info["reads"].get("level"), "ready")
    return {
        "state": "ready",
        "name": info["name"],
        "text": text,
        "sentence": " ".join(filter(None, [engine.error, info["reads"]["sentence"]])),
        "facts": [
            ["family", info["family"]],
            ["parameters", f"{info['parameters'] / 1e6:,.1f} million"],
            ["ran on" if info.get("precomputed") else "runs on", f"{info['device']}, {info['dtype']}"],
            ["pages", info["input"]["text"]],
            ["vectors", f"{info['dim']} numbers each"],
            ["query", _frame_text(info)],
        ],
        "others": others,
    }


def _loading_text(engine: Engine) -> str:
    if engine.downloaded:
        done, total = (size / 1e9 for size in engine.downloaded)
        return f"is being downloaded: {done:.1f} of {total:.1f} GB"
    return "is loading; you can look around meanwhile"


def _frame_text(info: Mapping[str, Any]) -> str:
    """What stands around a typed query, in one line."""
    frame = info["frame"]
    end = "newline" if frame["end"] == "\n" else frame["end"]
    text = f"{frame['start']}{info['prefix']}… + {info['augmentation']} × {frame['augmentation']}"
    return f"{text} + {end}" if end else text
