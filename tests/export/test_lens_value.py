from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colpali_demo import maxsim
from colpali_demo.documents import Word
from colpali_demo.encoder.calibration import blank_page
from colpali_demo.explain import explanation_dict
from colpali_demo.export import lens_value as room
from colpali_demo.export.pictures import Pictures, page_id
from colpali_demo.retrieval import PageIndex

HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} {{alert(1)}} <image> \u202egnp.exe 🦊"
cosines = st.floats(-1, 1, width=32)


def dequantize(data: bytes, shape: tuple[int, ...], lo: float, hi: float) -> np.ndarray:
    """Return what the browser makes of `quantize`: float64 cosines of the given shape."""
    return lo + np.frombuffer(data, dtype="<u2").astype(np.float64).reshape(shape) * ((hi - lo) / room.LEVELS)


@given(st.lists(cosines, min_size=1, max_size=60), cosines, cosines)
def test_quantized_maps_are_off_by_at_most_half_a_step(values, low, high):
    maps = np.array(values, dtype=np.float32).reshape(1, 1, -1)
    lo, hi = min(low, *values), max(high, *values)
    restored = dequantize(room.quantize(maps, lo, hi), maps.shape, lo, hi)
    assert np.abs(restored - maps).max() <= (hi - lo) / room.LEVELS / 2 + 1e-12


def test_levels_are_little_endian_row_by_row():
    maps = np.array([[[0.0, 1.0], [0.5, 0.25]]])
    assert room.quantize(maps, 0.0, 1.0) == bytes.fromhex("0000 ffff 0080 0040")


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    words = (Word(HOSTILE, 0.1, 0.2, 0.300001, 0.4), Word("plain", 0.5, 0.5, 0.6, 0.55))
    for number in (1, 2, 3):
        index.add_page(make_page(number, words=words))
    return index


def lens_value(index: PageIndex, query: str, folder: Path, top_k: int = 2, opened: int | None = None) -> dict:
    """Return the value for a search, with the page of rank `opened` in it besides the hits."""

    def save(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    hits = index.rank(query, explained=top_k)
    explained = [*hits[:top_k], *([hits[opened - 1]] if opened else [])]
    return room.lens_value(
        search="s1",
        model=index.encoder.model_info,
        ranking=hits,
        explanations=[hit.explain() for hit in explained],
        top_k=top_k,
        focus=page_id(explained[-1].page),
        strength=index.strength(hits[0]),
        pictures={
            key: Pictures(key, folder / f"{key}.jpg", folder / f"{key}.webp", folder / f"{key}.input.webp")
            for key in map(page_id, index.pages)
        },
        blank=index.encoder.embed_pages([blank_page()])[0],
        samples=["d0c.pdf"],
        fits={page_id(hit.page): index.encoder.vocabulary_fit(()) for hit in explained},
        save=save,
    )


def test_the_value_holds_the_explanations_themselves(index, tmp_path):
    value = lens_value(index, "revenue by region", tmp_path)
    assert json.loads(json.dumps(value)) == value
    assert value["model"] == {**index.encoder.model_info, "choice": None}
    for hit in index.search("revenue by region", top_k=2):
        entry = value["pages"][page_id(hit.page)]
        for name, expected in explanation_dict(hit.explain(), hit.rank).items():
            assert entry[name] == expected
        assert sum(token["maxsim"] for token in entry["tokens"]) == pytest.approx(entry["score"], abs=1e-4)


def test_maps_come_back_within_half_a_step(index, tmp_path):
    value = lens_value(index, "revenue by region", tmp_path)
    lo, hi = value["range"]["lo"], value["range"]["hi"]
    for hit in index.search("revenue by region", top_k=2):
        maps = hit.explain().maps
        sent = dequantize(b64decode(value["pages"][page_id(hit.page)]["maps"]["data"]), maps.shape, lo, hi)
        assert np.abs(sent - maps).max() <= (hi - lo) / room.LEVELS / 2 + 1e-9


def test_ledgers_of_every_page_are_exact(index, tmp_path):
    value = lens_value(index, "revenue by region", tmp_path, top_k=1)
    ledgers = np.frombuffer(b64decode(value["ledgers"]["data"]), "<f4").reshape(3, -1)
    for terms, hit, entry in zip(ledgers, index.rank("revenue by region"), value["ranking"], strict=True):
        assert terms.tolist() == list(hit.terms)
        assert sum(terms.tolist()) == entry["score"]


def test_vectors_that_are_no_patches_come_exactly(index, tmp_path):
    value = lens_value(index, "revenue", tmp_path, top_k=1)
    why = index.search("revenue", top_k=1)[0].explain()
    others = value["pages"][value["focus"]]["others"]
    for slot in others["slots"]:
        assert why.layout.slots[slot["vector"]] == (slot["slot"], (), slot["slot_text"])
    sent = np.frombuffer(b64decode(others["data"]), "<f4").reshape(len(why.tokens), -1)
    assert (sent == why.similarities[:, [slot["vector"] for slot in others["slots"]]]).all()


def test_a_blank_page_comes_with_the_maps(index, tmp_path):
    value = lens_value(index, "revenue", tmp_path)
    background = value["background"]
    blank = index.encoder.embed_pages([blank_page()])[0]
    vectors = blank.vectors[blank.layout.patch_vectors.ravel()]
    maps = maxsim.similarities(index.encoder.embed_query("revenue").vectors, vectors).numpy()
    sent = dequantize(b64decode(background["maps"]["data"]), maps.shape, background["lo"], background["hi"])
    assert np.abs(sent - maps).max() <= 1e-5


def test_one_scale_covers_every_page_and_token(index, tmp_path):
    value = lens_value(index, "revenue by region", tmp_path, top_k=1)
    every = np.concatenate([hit.explain().maps.ravel() for hit in index.rank("revenue by region")])
    expected = {"lo": every.min(), "median": np.median(every), "hi": every.max(), "sample": every.size}
    assert value["range"] == pytest.approx(expected)


def test_every_page_is_in_the_ranking_and_only_hits_have_maps(index, tmp_path):
    value = lens_value(index, "revenue", tmp_path)
    assert [entry["rank"] for entry in value["ranking"]] == [1, 2, 3]
    assert [entry["hit"] for entry in value["ranking"]] == [True, True, False]
    scores = [entry["score"] for entry in value["ranking"]]
    assert scores == sorted(scores, reverse=True)
    assert set(value["pages"]) == {entry["key"] for entry in value["ranking"] if entry["hit"]}


def test_a_page_that_is_no_hit_comes_with_its_true_rank(index, tmp_path):
    value = lens_value(index, "revenue", tmp_path, top_k=1, opened=3)
    assert value["focus"] == value["ranking"][2]["key"]
    assert value["pages"][value["focus"]]["rank"] == 3


def test_text_is_sent_as_it_is(index, tmp_path):
    value = lens_value(index, HOSTILE, tmp_path)
    assert value["query"]["text"] == HOSTILE
    page = value["pages"][value["focus"]]
    assert page["words"] == [[HOSTILE, 0.1, 0.2, 0.3, 0.4], ["plain", 0.5, 0.5, 0.6, 0.55]]


def test_maps_that_would_make_the_value_too_large_go_into_files(index, tmp_path, monkeypatch):
    inline = lens_value(index, "revenue", tmp_path)
    monkeypatch.setattr(room, "INLINE_BYTES", len(json.dumps(inline)) - 1500)
    value = lens_value(index, "revenue", tmp_path)
    assert len(json.dumps(value)) < len(json.dumps(inline))
    first, second = value["pages"]
    assert value["pages"][first]["maps"] == inline["pages"][first]["maps"]
    file = value["pages"][second]["maps"]["file"]
    assert file["meta"] == {"_type": "gradio.FileData"}
    assert Path(file["path"]).read_bytes() == b64decode(inline["pages"][second]["maps"]["data"])
    assert "file" in value["background"]["maps"]
