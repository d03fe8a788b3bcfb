"""Names of files as they may be shown: they come from strangers, and are only ever text."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_CHARS = 120
_JOINERS = "\u200c\u200d"  # invisible, but Persian, Hindi and many emoji are misspelled without them


def display_name(name: str) -> str:
    """Return the last part of a path, safe to show on one line; never use it to open a file.

    Control characters, line breaks, lone surrogates and invisible marks (such as the overrides that make `gpj.exe` look
    like `exe.jpg`) become U+FFFD. A name over 120 characters loses its middle, so that the extension stays. What has no
    name at all is called "document".
    """
    parts = [part for part in re.split(r"[/\\]", name) if part.strip() not in ("", ".", "..")]
    # A name of megabytes is cut before anything else looks at it.
    text = parts[-1] if parts else ""
    text = text if len(text) <= 4096 else text[:2048] + text[-2048:]
    text = unicodedata.normalize("NFC", text)
    text = "".join("\ufffd" if _is_unsafe(char) else char for char in text)
    text = " ".join(text.split())
    if len(text) > MAX_NAME_CHARS:
        tail = MAX_NAME_CHARS // 3
        text = f"{text[: MAX_NAME_CHARS - tail - 1]}…{text[-tail:]}"
    return text or "document"


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS
