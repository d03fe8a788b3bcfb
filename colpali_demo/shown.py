"""How results are shown in a notebook: drawn by `export`, which the rooms that make results know nothing of."""

from __future__ import annotations

from importlib import import_module

DRAWN_BY = "colpali_demo.export.notebook"


class ShownInNotebooks:
    """Gives a result the live lens in Jupyter, VS Code and Colab.

    What draws it lies to the right of the rooms that make results, so they do not import it: it is looked up by name at
    the moment when a notebook asks. `tests/test_rooms.py` sees to it that nothing else is.
    """

    def _repr_html_(self) -> str | None:
        return import_module(DRAWN_BY).html(self)
