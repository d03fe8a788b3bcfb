"""The lens: the component that shows, on the page itself, what every query token found."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colpali_demo.export.browser import DRAWING
from colpali_demo.export.result import result_lens
from colpali_demo.web.component import COLORS, Component
from colpali_demo.web.visitors.erasures import HOT_PATCHES

if TYPE_CHECKING:
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import Hit, Ranking

__all__ = ["COLORS", "Lens"]


class Lens(Component):
    """Shows an explanation, a hit or a ranking; the value that `export.lens_value` makes; or a message.

    A message, {"title", "message"}, stands where there is nothing to show. The lens is an output only: never make it an
    input of an event. With `offline=True` it offers nothing that needs an answer to its events, which are:

    `open_page` asks for a page whose maps are not in the value; the data are its `key` and the `search`.
    `encode_again` asks for the same search with another `prefix` and number of `augmentation` tokens.
    `erase` asks for a page, by its `key`, without something more: `what` says whether of some `tokens` the places of
    the winners, "winner", the hottest patches, "hot", or everything but those, "rest"; or a "box" of the page in
    shares of it; or "undo" and "reset".
    `take_away` asks for a file: its `kind`, the page's `key`, the `search`, the `token` on show ("" for all) on a
    `scale`, and with `start` what a file of the lens should show first.
    """

    def __init__(
        self, value: Explanation | Hit | Ranking | dict[str, Any] | None = None, *, offline: bool = False, **props: Any
    ) -> None:
        super().__init__(Path(__file__).parent, value, offline=offline, hot_patches=HOT_PATCHES, **DRAWING, **props)

    def postprocess(self, value: Explanation | Hit | Ranking | Mapping[str, Any] | None) -> Any:
        """Return what the browser is sent. The pictures of a result go into a folder of Gradio's, named by chance."""
        if value is None or isinstance(value, Mapping):
            return value
        folder = Path(self.GRADIO_CACHE) / secrets.token_urlsafe(24)
        folder.mkdir(parents=True, mode=0o700)
        return result_lens(value, folder)
