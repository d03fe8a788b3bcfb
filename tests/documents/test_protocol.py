from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from colpali_demo.documents.errors import RendererLost
from colpali_demo.documents.page import Word
from colpali_demo.documents.protocol import LENGTHS, parse_header, parse_image, parse_words, write_message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def jpeg(width: int = 64, height: int = 32, mode: str = "RGB", **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new(mode, (width, height), "white").save(data, "JPEG", **options)
    return data.getvalue()


def test_a_message_survives_the_pipe() -> None:
    pipe = io.BytesIO()
    write_message(pipe, {"words": [["naïve \ud800 年", 0, 0, 1, 1]]}, b"JPEG")
    data = pipe.getvalue()
    lengths = LENGTHS.unpack(data[: LENGTHS.size])
    assert lengths == (len(data) - LENGTHS.size - 4, 4)
    assert data.endswith(b"JPEG")
    assert parse_header(data[LENGTHS.size : -4]) == {"words": [["naïve ? 年", 0, 0, 1, 1]]}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_header_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RendererLost):
        parse_header(body)


def test_a_sound_image_is_taken() -> None:
    assert parse_image({"width": 64, "height": 32}, jpeg(), 64) == (64, 32)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({}, jpeg()),
        ({"width": 64, "height": 33}, jpeg()),
        ({"width": 64, "height": True}, jpeg()),
        ({"width": 64, "height": 32.0}, jpeg()),
        ({"width": "64", "height": "32"}, jpeg()),
        ({"width": 128, "height": 32}, jpeg(128, 32)),
        ({"width": 64, "height": 4}, jpeg(64, 4)),
        ({"width": 64, "height": 32}, jpeg(mode="L")),
        ({"width": 64, "height": 32}, jpeg(progressive=True)),
        ({"width": 64, "height": 32}, jpeg()[:-100]),
        ({"width": 64, "height": 32}, b"GIF89a"),
        ({"width": 64, "height": 32}, b""),
    ],
)
def test_an_image_that_is_not_what_was_announced_is_refused(header: dict[str, Any], data: bytes) -> None:
    with pytest.raises(RendererLost):
        parse_image(header, data, 64)


@given(st.dictionaries(st.sampled_from(["width", "height"]), JSON | st.integers(1, 100)), st.binary())
def test_no_answer_about_an_image_raises_anything_else(header: dict[str, Any], data: bytes) -> None:
    with contextlib.suppress(RendererLost):
        parse_image(header, jpeg()[:300] + data, 64)


def test_words_are_taken() -> None:
    assert parse_words([["year", 0, 0.25, 0.5, 1]]) == (Word("year", 0.0, 0.25, 0.5, 1.0),)
    assert parse_words([]) == ()


@pytest.mark.parametrize(
    "items",
    [
        None,
        {"0": 1},
        ["year"],
        [["year", 0, 0, 1]],
        [["year", 0, 0, 1, 1, 1]],
        [[7, 0, 0, 1, 1]],
        [["year", 0, 0, 1, 1.01]],
        [["year", -0.1, 0, 1, 1]],
        [["year", 0, 0, 1, "1"]],
        [["year", 0, 0, 1, True]],
        [["year", 0.5, 0, 0.5, 1]],
        [["year", 0, float("nan"), 1, 1]],
        [["x" * 1001, 0, 0, 1, 1]],
    ],
)
def test_words_that_are_none_are_refused(items: Any) -> None:
    with pytest.raises(RendererLost):
        parse_words(items)


@given(JSON | st.lists(st.tuples(st.text(), *[st.floats(0, 1)] * 4).map(list)))
def test_any_words_are_words_or_refused(items: Any) -> None:
    items = parse_header(json.dumps({"words": items}).encode())["words"]
    with contextlib.suppress(RendererLost):
        for word in parse_words(items):
            assert 0 <= word.left < word.right <= 1 and 0 <= word.top < word.bottom <= 1
            word.text.encode()
