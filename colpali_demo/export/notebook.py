"""The lens in a notebook: Jupyter, VS Code, Colab.

A frame of its own, with the whole page in its `srcdoc`. So any number of them stand in one notebook without sharing
ids, styles or scripts, with the notebook or with one another, and `sandbox` keeps them from reaching into it: no text
of a document can, whatever it holds. A shadow root would part styles alone.
"""

from __future__ import annotations

import html as escaping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from colpali_demo.export.result import result_lens
from colpali_demo.export.standalone import standalone
from colpali_demo.retrieval import Ranking

if TYPE_CHECKING:
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import Hit

# Of the frame, which scrolls, and can be drawn larger by its corner. No share of the window: Colab fits that to it.
HEIGHT = "900px"


def html(result: Explanation | Hit | Ranking) -> str | None:
    """Return the live lens on a result as HTML for a notebook, which fetches nothing.

    None for a ranking that has no terms of tokens, or no pages: there is nothing that a lens could show.
    """
    if isinstance(result, Ranking) and (not result or result.terms is None):
        return None
    with TemporaryDirectory() as folder:
        page = standalone(result_lens(result, Path(folder), inline=True))
    return (
        f'<iframe srcdoc="{escaping.escape(page.decode())}" sandbox="allow-scripts allow-downloads" '
        f'title="Why this page matched" '
        f'style="width: 100%; height: {HEIGHT}; border: 0; resize: vertical; overflow: auto"></iframe>'
    )
