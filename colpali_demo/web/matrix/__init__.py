"""The matrix: the whole computation behind a score, tokens x vectors, row maxima ringed, sums at the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.export.browser import DRAWING
from colpali_demo.web.component import Component


class Matrix(Component):
    """Shows what the lens with the element id `of` shows, and moves it; it has no value of its own."""

    def __init__(self, of: str, **props: Any) -> None:
        super().__init__(Path(__file__).parent, of=of, **DRAWING, **props)
