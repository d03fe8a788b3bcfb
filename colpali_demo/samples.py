"""The sample documents that come with the demo, and the queries suggested for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from colpali_demo.bundled import ASSETS

SAMPLES = ASSETS / "samples"
LISTING = "samples.json"
BATCH = "batch.json"


@dataclass(eq=False)
class SampleDocument:
    """A document with what to call it, a sentence about it, and queries that it can answer."""

    path: Path
    title: str
    description: str
    queries: tuple[str, ...]

    @property
    def source(self) -> str:
        """The name of its file, by which links and visitors name it."""
        return self.path.name


def read_samples(folder: Path = SAMPLES) -> list[SampleDocument]:
    """Return the samples that a folder's listing names; none without a listing."""
    listing = folder / LISTING
    if not listing.is_file():
        return []
    return [
        SampleDocument(folder / entry["file"], entry["title"], entry["description"], tuple(entry["queries"]))
        for entry in json.loads(listing.read_text("utf-8"))
    ]


def read_questions(folder: Path = SAMPLES) -> tuple[str, list[tuple[str, int]]]:
    """Return the name of a sample's file, and queries with the numbers of its pages that answer them."""
    batch = json.loads((folder / BATCH).read_text("utf-8"))
    return batch["file"], [(question["query"], question["page"]) for question in batch["questions"]]
