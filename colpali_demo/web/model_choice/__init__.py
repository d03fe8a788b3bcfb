"""The model in use: its name, whether it is ready, what to expect of it, and what else there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.web.component import Component


class ModelChoice(Component):
    """Shows the value that `payload.model_value` makes. Its event `choose_model` has the data `name`."""

    def __init__(self, value: dict[str, Any] | None = None, **props: Any) -> None:
        super().__init__(Path(__file__).parent, value, **props)
