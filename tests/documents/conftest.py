from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from colpali_demo.settings import Settings


@pytest.fixture
def settings() -> Settings:
    """Limits low enough for hostile files to reach them soon."""
    return Settings(render_pixels=800, page_seconds=5.0, document_seconds=30.0, child_memory_mb=256)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write bytes to a file, `document.pdf` if it is not named."""

    def write(data: bytes, name: str = "document.pdf") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
