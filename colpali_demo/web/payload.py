"""What the server tells the browser: plain JSON values, made from explanations by pure functions.

The lens draws from one value per search. Its numbers are those of `explanation_dict`, exact; only the similarity maps,
which are looked at and not added up, are rounded to 16 bits on one scale for all of them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo import maxsim
from colpali_demo.explain import explanation_dict
from colpali_demo.web.engine import OTHER_CHECKPOINTS
from colpali_demo.web.pictures import page_key

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import DocumentError, PageError
    from colpali_demo.explain import Explanation
    from colpali_demo.index import Hit
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


def file_data(path: Path) -> dict[str, Any]:
    """A file that Gradio turns into an address the browser can fetch."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def cosine_range(hits: Iterable[Hit]) -> dict[str, float]:
    """{"lo", "median", "hi"} of the cosines of every token with every patch of all the pages."""
    every = np.concatenate([_maps(hit).ravel() for hit in hits])
    return {"lo": float(every.min()), "median": float(np.median(every)), "hi": float(every.max())}


def _maps(hit: Hit) -> np.ndarray:
    """The similarity maps of a hit, float32 (tokens, rows * cols), without the rest of an explanation."""
    vectors = hit.embedding.vectors[hit.embedding.layout.patch_vectors.ravel()]
    return maxsim.similarities(hit.query.vectors, vectors).numpy()


def quantize(maps: np.ndarray, lo: float, hi: float) -> bytes:
    """Cosines in [lo, hi] as little-endian uint16 levels, in C order; off by at most half a step."""
    shares = (maps.astype(np.float64) - lo) / (hi - lo) if hi > lo else np.zeros(maps.shape)
    return np.rint(np.clip(shares, 0, 1) * LEVELS).astype("<u2").tobytes()


def dequantize(data: bytes, shape: tuple[int, ...], lo: float, hi: float) -> np.ndarray:
    """What the browser makes of `quantize`: float64 cosines of the given shape."""
    return lo + np.frombuffer(data, dtype="<u2").astype(np.float64).reshape(shape) * ((hi - lo) / LEVELS)


def page_entry(explanation: Explanation, rank: int, pictures: Pictures) -> dict[str, Any]:
    """One explained page, without its maps: `explanation_dict` with its pictures and its words with their boxes."""
    return {
        **explanation_dict(explanation, rank),
        "image": file_data(pictures.image),
        "thumb": file_data(pictures.thumbnail),
        "words": [
            [word.text, *(round(edge, 5) for edge in (word.left, word.top, word.right, word.bottom))]
            for word in explanation.page.words
        ],
    }


def lens_value(
    *,
    search: str,
    model: Mapping[str, Any],
    hits: Sequence[Hit],
    explanations: Sequence[Explanation],
    top_k: int,
    focus: str,
    strength: Mapping[str, Any] | None,
    pictures: Mapping[str, Pictures],
    save: Callable[[str, bytes], Path],
) -> dict[str, Any]:
    """The value of the lens for one search.

    search: a name that no other search has
    model: the encoder's `model_info`
    hits: every page searched, best first
    explanations: the pages whose maps to send; the first `top_k` of the hits and any that was opened besides
    focus: key of the page to show
    strength: what `PageIndex.strength` says of the best page; None while the checkpoint is not calibrated
    pictures: the picture files of every page, by key
    save: writes bytes under a name and returns the path; called for maps that would make the value too large
    """
    query = hits[0].query
    scale = cosine_range(hits)
    value = {
        "schema": 1,
        "search": search,
        "model": dict(model),
        "query": {
            "text": query.text,
            "unknown": list(query.unknown),
            "tokens": [
                {"index": token.index, "text": token.text, "kind": token.kind, "word": token.word}
                for token in query.tokens
            ],
        },
        "strength": dict(strength) if strength else None,
        "range": scale,
        "focus": focus,
        "ranking": [
            {
                "key": page_key(hit.page),
                "rank": hit.rank,
                "source": hit.page.source,
                "page": hit.page.number,
                "score": hit.score,
                "hit": hit.rank <= top_k,
            }
            for hit in hits
        ],
        "pages": {},
    }
    ranks = {page_key(hit.page): hit.rank for hit in hits}
    size = len(json.dumps(value))
    for explanation in explanations:
        key = page_key(explanation.page)
        entry = page_entry(explanation, ranks[key], pictures[key])
        levels = quantize(explanation.maps, scale["lo"], scale["hi"])
        data = b64encode(levels).decode()
        size += len(json.dumps(entry)) + len(data)
        if size > INLINE_BYTES:
            size -= len(data)
            entry["maps"] = {"file": file_data(save(f"{search}-{key}.maps", levels))}
        else:
            entry["maps"] = {"data": data}
        value["pages"][key] = entry
    return value


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


def checkpoint_value(engine: Engine) -> dict[str, Any]:
    """The value of the line about the checkpoint in use."""
    others = [
        {
            "name": name,
            "text": f"{text} It is {'already' if name in engine.present else 'not'} on this machine. To use it, run:",
            "command": f"python app.py --model {name}" + ("" if name in engine.present else " --download"),
        }
        for name, text in OTHER_CHECKPOINTS.items()
        if name != engine.settings.model
    ]
    if engine.encoder is None:
        text = "is loading; you can look around meanwhile" if engine.state == "loading" else "could not be loaded"
        value = {"state": engine.state, "name": engine.wanted, "text": text, "sentence": engine.error}
        return {**value, "facts": [], "others": others}
    info = engine.encoder.model_info
    return {
        "state": "ready",
        "name": info["name"],
        "text": f"stands in for {engine.wanted}, which could not be loaded"
        if engine.error
        else LEVELS_OF_READING.get(info["reads"].get("level"), "ready"),
        "sentence": " ".join(filter(None, [engine.error, info["reads"]["sentence"]])),
        "facts": [
            ["family", info["family"]],
            ["parameters", f"{info['parameters'] / 1e6:,.1f} million"],
            ["runs on", f"{info['device']}, {info['dtype']}"],
            ["pages", info["input"]["text"]],
            ["vectors", f"{info['dim']} numbers each"],
            ["query", _frame_text(info)],
        ],
        "others": others,
    }


def _frame_text(info: Mapping[str, Any]) -> str:
    """What stands around a typed query, in one line."""
    frame = info["frame"]
    end = "newline" if frame["end"] == "\n" else frame["end"]
    text = f"{frame['start']}{info['prefix']}… + {info['augmentation']} × {frame['augmentation']}"
    return f"{text} + {end}" if end else text
