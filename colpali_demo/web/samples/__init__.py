"""The samples: documents that are one click away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.web.component import Component


class Samples(Component):
    """Shows the value that `payload.samples_value` makes. Its event `open_sample` has the data `file`."""

    def __init__(self, value: dict[str, Any] | None = None, **props: Any) -> None:
        super().__init__(Path(__file__).parent, value, **props)
