"""The files a browser fetches: a page as it was rendered, and a thumbnail of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colpali_demo.documents import Page

THUMBNAIL = (264, 360)  # pixels at most; shown half as large, for screens with two device pixels to one


@dataclass(frozen=True)
class Pictures:
    """Where the pictures of the page with this key are."""

    key: str
    image: Path
    thumbnail: Path


def page_key(page: Page) -> str:
    """Names a page among all pages of a visitor: two files may have the same name, not the same content."""
    return f"{page.document}-{page.number}"


def write_pictures(page: Page, folder: Path) -> Pictures:
    """Write the pictures of a page into a folder, under its key."""
    key = page_key(page)
    pictures = Pictures(key, folder / f"{key}.jpg", folder / f"{key}.webp")
    pictures.image.write_bytes(page.jpeg)
    thumbnail = page.image
    thumbnail.thumbnail(THUMBNAIL)
    thumbnail.save(pictures.thumbnail, quality=80)
    return pictures
