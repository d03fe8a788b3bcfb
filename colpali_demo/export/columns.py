"""How wide a text is where every character has the same width, as in a terminal or in the ledger of a figure."""

from __future__ import annotations

import unicodedata


def width_in_columns(text: str) -> int:
    """Return the columns that a text takes: East Asian characters two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
