"""What a checkpoint says about the prefix that its queries were trained with.

A checkpoint with another prefix than its own finds less, and no error says so. colpali_engine kept the prefix in its
code and changed it over time ("Question: ", then "Query: ", then none), so most of its checkpoints do not name theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from colpali_demo.encoder.files import read_json

PROCESSORS = ("processor_config.json", "preprocessor_config.json")
SENTENCE_TRANSFORMERS = "config_sentence_transformers.json"
COMMIT = "git_hash.txt"


class QueryPrefix(NamedTuple):
    """What stands before a typed query.

    text: the prefix
    source: where it comes from, for people
    doubted: whether the checkpoint itself does not name it, so that it may have been trained with another
    """

    text: str
    source: str
    doubted: bool


def prefix_of(folder: Path, *, engine: bool, usual: str, processor: str) -> QueryPrefix:
    """Return the prefix of the checkpoint in `folder`.

    engine: whether it is stored as colpali_engine does; `usual` is what its family was mostly trained with there
    processor: what its processor in transformers adds, where it is stored as that does
    """
    for name in PROCESSORS:
        if (folder / name).is_file() and isinstance(said := read_json(folder / name).get("query_prefix"), str):
            return QueryPrefix(said, f"{name} of the checkpoint", False)
    if (folder / SENTENCE_TRANSFORMERS).is_file():
        said = (read_json(folder / SENTENCE_TRANSFORMERS).get("prompts") or {}).get("query")
        if isinstance(said, str):
            return QueryPrefix(said, f"{SENTENCE_TRANSFORMERS} of the checkpoint", False)
    if not engine:
        return QueryPrefix(processor, "transformers, for every checkpoint of this family", False)
    source = "usual for this family; the checkpoint does not say what it was trained with"
    if (folder / COMMIT).is_file():
        commit = (folder / COMMIT).read_text(encoding="utf-8", errors="replace").strip()[:12]
        source += f", only that it was trained with commit {commit} of colpali_engine"
    return QueryPrefix(usual, source, True)
