"""The lens: the component that shows, on the page itself, what every query token found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.export.browser import DRAWING
from colpali_demo.web.component import Component
from colpali_demo.web.visitors.erasures import HOT_PATCHES


class Lens(Component):
    """Shows the value that `export.lens_value` makes; or a message, {"title", "message"}, where there is none.

    It is an output only: never make it an input of an event.

    Its event `open_page` asks for a page whose maps are not in the value; the data are its `key` and the `search`.
    Its event `encode_again` asks for the same search with another `prefix` and number of `augmentation` tokens.
    Its event `erase` asks for a page, by its `key`, without something more: `what` says whether of some `tokens` the
    places of the winners, "winner", the hottest patches, "hot", or everything but those, "rest"; or a "box" of the page
    in shares of it; or "undo" and "reset".
    Its event `take_away` asks for a file: its `kind`, the page's `key`, the `search`, the `token` on show ("" for all)
    and with `start` what a file of the lens should show first.
    """

    def __init__(self, value: dict[str, Any] | None = None, **props: Any) -> None:
        super().__init__(Path(__file__).parent, value, hot_patches=HOT_PATCHES, **DRAWING, **props)
