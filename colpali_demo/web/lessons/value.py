"""What the server sends the cards: one JSON value for one page and one query, with files beside it."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colpali_demo.export.lens_value import file_data
from colpali_demo.export.pictures import page_id
from colpali_demo.lessons.lesson import input_image, lesson_dict

if TYPE_CHECKING:
    from torch import Tensor

    from colpali_demo.encoder import Encoder
    from colpali_demo.evidence import ErasedWinner
    from colpali_demo.export.pictures import Pictures
    from colpali_demo.lessons.batch import Batch
    from colpali_demo.retrieval import Hit, Ranking

MOST_ERASED = 6  # winners, on card 11: each takes two embeddings of the page
SHOWN = 8  # pages of the rankings on card 8


def lesson_value(
    *,
    name: str,
    encoder: Encoder,
    ranking: Ranking,
    hit: Hit,
    batch: Batch | None,
    asked: Batch | None,
    pictures: Mapping[str, Pictures],
    save: Callable[[str, bytes], Path],
    erased: Sequence[ErasedWinner] | None = None,
) -> dict[str, Any]:
    """Return the value of the lessons for the page of `hit`.

    name: names the lesson, and its files
    batch: of the samples, for the card of the training; None while they are not embedded
    asked: of the visitor's own queries, which that card shows when they choose so; None where there are none
    pictures: the picture files of every page of the ranking and of the batches, by key
    save: writes bytes under a name and returns the path
    erased: winners of the page, erased one at a time; None while nobody has asked for that
    """
    value = lesson_dict(encoder, ranking, hit)
    value["lesson"] = name
    value["erased"] = None if erased is None else [winner.to_json() for winner in erased]
    value["batch"], value["asked"] = (_with_thumbnails(each, pictures) for each in (batch, asked))
    value["query"]["vectors"] = b64encode(_bytes(hit.query.vectors)).decode()
    value["page"] |= {
        "key": page_id(hit.page),
        "image": file_data(pictures[page_id(hit.page)].image),
        "input": None,
        "vectors_file": file_data(save(f"{name}.f32", _bytes(ranking.stored(hit.page).kept.vectors))),
    }
    picture = input_image(encoder, hit.page)
    if picture is not None:
        pixels = io.BytesIO()
        picture.save(pixels, "WEBP", lossless=True)
        images = encoder.processor.image_processor
        value["page"]["input"] = {
            "resample": encoder.model_info["input"]["resample"],
            "scale": images.rescale_factor,
            "mean": list(images.image_mean),
            "std": list(images.image_std),
            "width": picture.width,
            "height": picture.height,
            "image": file_data(save(f"{name}-input.webp", pixels.getvalue())),
        }
    # Of a long ranking only what some card shows: the best pages by each of the two scores.
    kept = {hit.rank - 1} | {
        at for at, entry in enumerate(value["ranking"]) if min(entry["rank"], entry["mean_rank"]) <= SHOWN
    }
    value["pages"] = len(ranking)
    for at, entry in enumerate(value["ranking"]):
        key = page_id(ranking[at].page)
        entry |= {"key": key, "thumb": file_data(pictures[key].thumbnail) if at in kept else None}
    value["ranking"] = [entry for at, entry in enumerate(value["ranking"]) if at in kept]
    return value


def _with_thumbnails(batch: Batch | None, pictures: Mapping[str, Pictures]) -> dict[str, Any] | None:
    if batch is None:
        return None
    value = batch.as_dict()
    for entry, page in zip(value["pages"], batch.pages, strict=True):
        entry["thumb"] = file_data(pictures[page_id(page)].thumbnail)
    return value


def _bytes(vectors: Tensor) -> bytes:
    """Return vectors as little-endian float32, row by row: the very numbers that are compared."""
    return vectors.numpy().astype("<f4").tobytes()
