"""The delivery: hands a file that the server has made over to the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.web.component import Component


class Delivery(Component):
    """Downloads its value, {"id", "name", "file": FileData}; a link stays for browsers that would not start it."""

    def __init__(self, **props: Any) -> None:
        super().__init__(Path(__file__).parent, **props)
