"""The files a browser fetches: a page as it was rendered, as the model sees it, and a thumbnail of it."""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.occlusion import ErasedPage

THUMBNAIL = (264, 360)  # pixels at most; shown half as large, for screens with two device pixels to one


@dataclass(frozen=True)
class Pictures:
    """Where the pictures of the page with this key are; `input` is the page squashed as the model sees it."""

    key: str
    image: Path
    thumbnail: Path
    input: Path | None = None


def page_id(page: Page) -> str:
    """Name a page among all pages of a visitor: two files may have the same name, not the same content."""
    return f"{page.document_id}-{page.number}"


def write_pictures(page: Page, folder: Path, model_input: Mapping[str, Any] | None = None) -> Pictures:
    """Write the pictures of a page into a folder, under its key.

    `model_input` is `Encoder.model_info["input"]`: one with a fixed size has a picture, too.
    """
    pictures = _named(page_id(page), page_id(page), folder, model_input)
    _write(pictures.image, page.jpeg)
    image = page.image
    _write_input(image, pictures.input, model_input)
    write_thumbnail(image, pictures.thumbnail)
    return pictures


def write_erased(page: ErasedPage, name: str, folder: Path, model_input: Mapping[str, Any] | None = None) -> Pictures:
    """Write the pictures of a page without its erased parts into a folder, under a name, as `write_pictures` does."""
    pictures = _named(page_id(page), name, folder, model_input)
    image = page.image
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    _write(pictures.image, data.getvalue())
    _write_input(image, pictures.input, model_input)
    write_thumbnail(image, pictures.thumbnail)
    return pictures


def _named(key: str, name: str, folder: Path, model_input: Mapping[str, Any] | None) -> Pictures:
    squashed = bool(model_input and model_input["width"])
    return Pictures(
        key, folder / f"{name}.jpg", folder / f"{name}.webp", folder / f"{name}.input.webp" if squashed else None
    )


def _write_input(image: Image.Image, file: Path | None, model_input: Mapping[str, Any] | None) -> None:
    if file is None:
        return
    # As the processor does it. Sets computed before there was another way do not say that theirs was bicubic.
    resample = Image.Resampling[model_input.get("resample", "bicubic").upper()]
    _save(image.resize((model_input["width"], model_input["height"]), resample), file, quality=90)


def write_thumbnail(image: Image.Image, file: Path) -> None:
    """Write a small picture of a page; the image given becomes small, too."""
    image.thumbnail(THUMBNAIL)
    _save(image, file, quality=80)


def _save(image: Image.Image, file: Path, quality: int) -> None:
    data = io.BytesIO()
    image.save(data, "WEBP", quality=quality)
    _write(file, data.getvalue())


def _write(file: Path, data: bytes) -> None:
    """Write a file at once: the cover of a sample is drawn first, and again with its page, while browsers fetch it."""
    begun = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    begun.write_bytes(data)
    begun.replace(file)
