"""The messages between the renderer process and its parent.

The parent writes page numbers, one a line. The child answers each with one message: two lengths (32 bit, big-endian),
then that many bytes of JSON and that many bytes of JPEG. Before the first page it says
`{"ready": true, "given_up": [...]}`, once its limits are set, with what `isolation` gave up, and then `{"pages": n}`.
From then on it has read a hostile file, so the parent believes nothing: lengths are checked before memory is spent, and
every field before it is used.
"""

from __future__ import annotations

import io
import json
import math
import struct
from typing import Any, BinaryIO

from colpali_demo.documents.errors import RendererLost
from colpali_demo.documents.page import MIN_SIDE, Word

LENGTHS = struct.Struct(">II")
MAX_JSON_BYTES = 4 << 20  # `words.MAX_CHARS` one-letter words take about 2.5 MB
MAX_WORD_CHARS = 1000


def max_jpeg_bytes(render_pixels: int) -> int:
    """Return no JPEG of ours is larger than its raw pixels and a header."""
    return 3 * render_pixels**2 + (64 << 10)


def write_message(stream: BinaryIO, header: dict[str, Any], jpeg: bytes = b"") -> None:
    body = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    stream.write(LENGTHS.pack(len(body), len(jpeg)) + body)
    stream.write(jpeg)
    stream.flush()


def parse_header(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a message; raises RendererLost if it is none."""
    try:
        header = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RendererLost("page_crashed", f"header: {error}") from None
    if not isinstance(header, dict):
        raise RendererLost("page_crashed", "header is no object")
    return header


def parse_image(header: dict[str, Any], jpeg: bytes, render_pixels: int) -> tuple[int, int]:
    """Read the width and height of a page off its JPEG; RendererLost unless it is sound and of exactly that size."""
    from PIL import Image  # importing the package stays cheap

    size = (header.get("width"), header.get("height"))
    if not all(type(side) is int and MIN_SIDE <= side <= render_pixels for side in size):
        raise RendererLost("page_crashed", "page size")
    try:
        image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        sound = image.format == "JPEG" and image.size == size and image.mode == "RGB"
        # A progressive file may repeat its scans for minutes; ours never is one.
        if not sound or "progressive" in image.info:
            raise RendererLost("page_crashed", "not the JPEG announced")
        image.draft("RGB", (size[0] // 8, size[1] // 8))  # reads the whole file, at an eighth of the work
        image.load()
    except RendererLost:
        raise
    except Exception as error:  # Pillow raises nearly anything for bytes made to break it
        raise RendererLost("page_crashed", f"JPEG: {error}") from None
    return size


def parse_words(items: Any) -> tuple[Word, ...]:
    """Return words from `[[text, left, top, right, bottom], ...]`; raises RendererLost unless each lies on the page."""
    if not isinstance(items, list):
        raise RendererLost("page_crashed", "words")
    return tuple(_word(item) for item in items)


def _word(item: Any) -> Word:
    if not isinstance(item, list) or len(item) != 5 or not isinstance(item[0], str) or len(item[0]) > MAX_WORD_CHARS:
        raise RendererLost("page_crashed", "word")
    text, *box = item
    if not all(type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 1 for value in box):
        raise RendererLost("page_crashed", "word box")
    left, top, right, bottom = map(float, box)
    if left >= right or top >= bottom:
        raise RendererLost("page_crashed", "word box")
    return Word(text.encode("utf-8", "replace").decode(), left, top, right, bottom)
