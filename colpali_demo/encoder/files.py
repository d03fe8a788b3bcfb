"""Reading the files of a checkpoint, and the error for whatever is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from colpali_demo.bundled import ASSETS

BUNDLED_FOLDER = ASSETS / "colpali-tiny"


class CheckpointError(Exception):
    """A checkpoint cannot be used.

    `code` is one of checkpoint_missing, checkpoint_corrupt, unknown_family, not_downloaded, torchvision_missing,
    out_of_memory and not_precomputed; `message` is a sentence for people that says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a checkpoint. Raises CheckpointError(checkpoint_corrupt) if it holds none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError("checkpoint_corrupt", f"{path.name} of the checkpoint cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError("checkpoint_corrupt", f"{path.name} of the checkpoint holds no JSON object.")
    return value
