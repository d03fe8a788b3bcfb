from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from colpali_demo.documents import DocumentError, Page, open_document
from colpali_demo.settings import Settings
from tests.documents.outcomes import assert_pages_or_named_errors

Save = Callable[..., Path]
WHITE, RED = (255, 255, 255), (255, 0, 0)
ORIENTATION = 0x0112


def marked(mode: str = "RGB", background: Any = "white") -> Image.Image:
    """Return a landscape image with a red top left quarter."""
    image = Image.new("RGBA" if mode in ("RGBA", "LA") else "RGB", (200, 100), background)
    image.paste((255, 0, 0), (0, 0, 100, 50))
    return image.convert(mode)


def read_one(path: Path, settings: Settings) -> Page:
    document = open_document(path, settings=settings)
    (page,) = document
    assert document.errors == [] and document.page_count == 1
    assert page.image.size == (page.width, page.height)
    return page


def assert_colors(page: Page, **expected: tuple[int, int, int]) -> None:
    """Compare pixels in the middle of quarters: `top_left`, `top_right`, `bottom_left`, `bottom_right`."""
    for quarter, color in expected.items():
        vertical, horizontal = quarter.split("_")
        x = page.width * (3 if horizontal == "right" else 1) // 4
        y = page.height * (3 if vertical == "bottom" else 1) // 4
        assert np.allclose(page.image.getpixel((x, y)), color, atol=6), quarter


@pytest.mark.parametrize("name", ["scan.png", "scan.jpg", "scan.webp", "scan.tif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_images_are_pages_the_right_way_up(tmp_path: Path, settings: Settings, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    marked().save(tmp_path / name, exif=exif)
    page = read_one(tmp_path / name, settings)
    assert page.words == () and not page.blank and page.source == name
    if orientation == 1:
        assert (page.width, page.height) == (200, 100)
        assert_colors(page, top_left=RED, top_right=WHITE, bottom_left=WHITE, bottom_right=WHITE)
    else:  # turned a quarter clockwise
        assert (page.width, page.height) == (100, 200)
        assert_colors(page, top_left=WHITE, top_right=RED, bottom_left=WHITE, bottom_right=WHITE)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("cmyk.jpg", "CMYK", {}),
        ("cmyk.tif", "CMYK", {}),
        ("palette.png", "P", {}),
        ("palette.tif", "P", {"compression": "tiff_lzw"}),
        ("jpeg.tif", "RGB", {"compression": "jpeg"}),
        ("lossless.webp", "RGB", {"lossless": True}),
        ("progressive.jpg", "RGB", {"progressive": True}),
    ],
)
def test_color_modes(tmp_path: Path, settings: Settings, name: str, mode: str, options: dict[str, Any]) -> None:
    marked(mode).save(tmp_path / name, **options)
    assert_colors(read_one(tmp_path / name, settings), top_left=RED, bottom_right=WHITE)


@pytest.mark.parametrize("name", ["alpha.png", "alpha.tif", "alpha.webp"])
def test_transparent_becomes_white(tmp_path: Path, settings: Settings, name: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = marked("RGBA", (0, 0, 0, 0))
    image.putpixel((150, 75), (0, 0, 0, 1))
    image.save(tmp_path / name, exif=exif)
    page = read_one(tmp_path / name, settings)
    assert (page.width, page.height) == (100, 200)
    assert_colors(page, top_left=WHITE, top_right=RED, bottom_right=WHITE)


def test_a_transparent_palette_entry_becomes_white(tmp_path: Path, settings: Settings) -> None:
    image = marked(background="blue").quantize(2)
    image.save(tmp_path / "palette.png", transparency=image.getpixel((199, 99)))
    assert_colors(read_one(tmp_path / "palette.png", settings), top_left=RED, bottom_right=WHITE)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("ramp.png", np.uint16), ("ramp.tif", np.uint16), ("ramp.tif", np.int32), ("ramp.tif", np.float32)],
)
def test_wide_samples_keep_their_range(tmp_path: Path, settings: Settings, name: str, dtype: type) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256), (64, 1)).astype(dtype)
    Image.fromarray(ramp).save(tmp_path / name)
    row = np.asarray(read_one(tmp_path / name, settings).image.convert("L"))[32].astype(int)
    assert np.abs(row - np.arange(256)).max() <= 4


def test_bits_are_black_and_white(tmp_path: Path, settings: Settings) -> None:
    image = Image.new("1", (200, 100), 1)
    image.paste(0, (0, 0, 100, 50))
    image.save(tmp_path / "fax.tif", compression="group4")
    assert_colors(read_one(tmp_path / "fax.tif", settings), top_left=(0, 0, 0), bottom_right=WHITE)


def test_large_images_are_shrunk_and_small_ones_are_not_blown_up(tmp_path: Path, settings: Settings) -> None:
    for size, shown in (((3000, 1500), (800, 400)), ((90, 60), (90, 60)), ((700, 801), (699, 800))):
        Image.new("RGB", size, "teal").save(tmp_path / "image.png")
        page = read_one(tmp_path / "image.png", settings)
        assert (page.width, page.height) == shown and page.blank


def test_every_image_of_a_tiff_is_a_page(tmp_path: Path, settings: Settings) -> None:
    first, *others = (Image.new("RGB", (60 + i, 50), color) for i, color in enumerate(("red", "lime", "blue", "white")))
    first.save(tmp_path / "fax.tif", save_all=True, append_images=others)
    pages = list(open_document(tmp_path / "fax.tif", settings=settings))
    assert [(page.number, page.width) for page in pages] == [(1, 60), (2, 61), (3, 62), (4, 63)]
    assert np.allclose([page.image.getpixel((9, 9)) for page in pages[:3]], np.eye(3) * 255, atol=6)

    document = open_document(tmp_path / "fax.tif", settings=replace(settings, max_pages=2))
    assert [page.number for page in document] == [1, 2]
    (error,) = document.errors
    assert error.code == "too_many_pages"
    assert error.message.startswith("The first 2 of more than 2 pages were read")


@pytest.mark.parametrize("name", ["animation.webp", "animation.png"])
def test_an_animation_shows_its_first_frame(tmp_path: Path, settings: Settings, name: str) -> None:
    first, second = (Image.new("RGB", (60, 50), color) for color in ("red", "blue"))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    assert_colors(read_one(tmp_path / name, settings), top_left=RED)


def test_content_counts_and_names_do_not(tmp_path: Path, settings: Settings) -> None:
    marked().save(tmp_path / "renamed.pdf", "PNG")
    assert_colors(read_one(tmp_path / "renamed.pdf", settings), top_left=RED, bottom_right=WHITE)


def png_of(width: int, height: int, data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Return a PNG that claims to be an RGB image of this size, with right checksums, and any data and more chunks."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), *more, (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def encoded(format: str, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (60, 50), "red").save(data, format, **options)
    return data.getvalue()


def lying(format: str) -> bytes:
    """Return a picture of 60 x 50 pixels whose header claims millions or billions."""
    data = bytearray(encoded(format, **({"lossless": True} if format == "WEBP" else {})))
    if format == "JPEG":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = struct.pack(">HH", 65535, 65535)
    elif format == "TIFF":
        for tag in (256, 257):  # width and height
            place = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
            data[place : place + 4] = struct.pack("<I", 2**31 - 1)
    else:
        place = data.index(b"VP8L") + 9
        data[place : place + 4] = struct.pack("<I", 16383 | 16383 << 14)
    return bytes(data)


@pytest.mark.parametrize("size", [(80_001, 1000), (2**31 - 1, 2**31 - 1)])
def test_images_of_too_many_pixels_are_refused(save: Save, settings: Settings, size: tuple[int, int]) -> None:
    with pytest.raises(DocumentError) as caught:
        open_document(save(png_of(*size, b"")), settings=settings)
    assert caught.value.code == "image_too_large"


def test_a_page_of_too_many_pixels_costs_only_itself(tmp_path: Path, settings: Settings) -> None:
    small, large = Image.new("1", (90, 80), 1), Image.new("1", (9000, 9000), 1)
    small.save(tmp_path / "fax.tif", save_all=True, append_images=[large, small], compression="group4")
    document = open_document(tmp_path / "fax.tif", settings=settings)
    assert [page.number for page in document] == [1, 3]
    assert [(error.page, error.code) for error in document.errors] == [(2, "image_too_large")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (png_of(7000, 9000, bytes(1000)), "page_memory"),  # more than the 256 MB that the renderer has here
        (png_of(300, 300, bytes(1000)), "page_failed"),
        (png_of(0, 0, b""), "damaged"),
        (png_of(5, 5, bytes(80)), "page_too_small"),
        (png_of(5000, 10, bytes(5000 * 10 * 3 + 10)), "page_too_small"),
        (png_of(60, 50, bytes(9050), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300_000_000)))), "damaged"),
        (png_of(60, 50, bytes(9050), (b"iCCP", b"profile\0\0" + zlib.compress(bytes(300_000_000)))), "damaged"),
        (lying("JPEG"), "image_too_large"),
        (lying("TIFF"), "image_too_large"),
        (lying("WEBP"), "damaged"),
    ],
    ids=["bomb", "lying PNG", "no pixels", "speck", "sliver", "text bomb", "profile bomb", "JPEG", "TIFF", "WebP"],
)
def test_hostile_images(save: Save, settings: Settings, data: bytes, code: str) -> None:
    settings = replace(settings, page_seconds=60.0, document_seconds=60.0)
    try:
        document = open_document(save(data, "image.png"), settings=settings)
    except DocumentError as error:
        assert error.code == code
    else:
        assert list(document) == []
        assert [(error.page, error.code) for error in document.errors] == [(1, code)]


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.webp", "cut.tif"])
def test_truncated_images_are_named_errors(tmp_path: Path, save: Save, settings: Settings, name: str) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    path = save((tmp_path / name).read_bytes()[:3000], name)
    try:
        document = open_document(path, settings=settings)
    except DocumentError as error:
        assert error.code == "damaged"
    else:
        assert list(document) == []
        assert [error.code for error in document.errors] == ["page_failed"]


def test_malformed_exif_is_ignored(tmp_path: Path, save: Save, settings: Settings) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    marked().save(tmp_path / "photo.jpg", exif=exif)
    data = (tmp_path / "photo.jpg").read_bytes()
    path = save(
        data.replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\0\xff").replace(b"Exif\0\0II*\0", b"Exif\0\0II\xff\0"), "photo.jpg"
    )
    assert path.read_bytes() != data
    page = read_one(path, settings)
    assert (page.width, page.height) == (200, 100)


@hypothesis_settings(
    max_examples=24, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.sampled_from([encoded(format) for format in ("PNG", "JPEG", "WEBP", "TIFF")]),
    cut=st.none() | st.integers(1, 2000),
    changes=st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), max_size=8),
)
def test_damage_anywhere_ends_in_a_page_or_a_named_error(
    save: Save, settings: Settings, data: bytes, cut: int | None, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    assert_pages_or_named_errors(save(bytes(damaged[:cut]), "image"), settings)
