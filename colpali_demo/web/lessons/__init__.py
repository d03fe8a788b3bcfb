"""How it works: guided cards that teach late interaction on one page and one query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colpali_demo.export.browser import DRAWING, as_function, bundle
from colpali_demo.web.component import Component

HERE = Path(__file__).parent
FOLLOW_LINKS = as_function(bundle(HERE / "follow.js"))  # runs on the page before the cards are there


class Lessons(Component):
    """Shows the value that `value.lesson_value` makes; or a message, {"title", "message"}, where there is none.

    `frame.js` has the frame around the cards, `study.js` what they are about; each card has a file of its own.

    Its event `open_lesson` asks for the `source` "example" or "own", and for the page `key` of the visitor's last
    search; `measure` for the milliseconds of this machine; `erase_winners` for the page without its winners.
    """

    def __init__(self, value: dict[str, Any] | None = None, **props: Any) -> None:
        super().__init__(HERE, value, **DRAWING, **props)
