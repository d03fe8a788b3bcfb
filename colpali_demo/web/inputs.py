"""What the inputs of events may be: text, numbers and switches, and for upload boxes files that were uploaded.

Gradio takes a file, or the address of one, for the value of any component, and downloads what lies at the address.
"""

from __future__ import annotations

import os
from typing import Any

from gradio.components import Component

from colpali_demo.web.faults import Refused

MAX_FILES = 1000  # files of one call, as many as Gradio uploads at once
MALFORMED = "This request is malformed; reload the page."
ONLY_UPLOADS = "Only uploaded files are taken."
_FILE = {"_type": "gradio.FileData"}  # the mark of a file in Gradio


def checked(component: Component, value: Any) -> Any:
    """Return the value that a client sent for a component: a scalar, or for an upload box the paths of files alone.

    An upload box is a component with `accepts_uploads`. Raises Refused for any other.
    """
    if getattr(component, "accepts_uploads", False):
        return _files(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise Refused("Not understood", MALFORMED)


def _files(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > MAX_FILES:
            raise Refused("Too many files", f"At most {MAX_FILES} files are taken at once.")
        return [_file(each) for each in value]
    return None if value is None else _file(value)


def _file(value: Any) -> dict[str, Any]:
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or "://" in path or not _can_exist(path):
        raise Refused("No upload", ONLY_UPLOADS)
    return {"path": path, "meta": _FILE}


def _can_exist(path: str) -> bool:
    """Return whether a file can have this path; the system refuses to look for others."""
    try:
        encoded = os.fsencode(path)
    except UnicodeError:
        return False
    return len(encoded) < 4096 and b"\0" not in encoded and max(map(len, encoded.split(b"/"))) < 256
