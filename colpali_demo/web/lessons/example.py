"""The bundled lesson: there before any model is loaded, made beforehand by the bundled checkpoint.

`python -m colpali_demo.web.lessons.example` makes `assets/lesson` again, which a new bundled checkpoint calls for. It
holds `lesson.json`, the value of the lessons as `value.lesson_value` makes it, and the files that the value names.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colpali_demo.web.models import ASSETS, TINY
from colpali_demo.web.payload import file_data, with_files

EXAMPLE = ASSETS / "lesson"
DOCUMENT = ASSETS / "samples" / "annual-report.pdf"
QUERY = "copper price risk"  # short, of words in several pieces; the page that answers it comes first by far
LISTING = "lesson.json"


def fingerprint(checkpoint: Path) -> str:
    """SHA-256 of whatever in a checkpoint's folder has a say in its vectors."""
    digest = hashlib.sha256()
    for file in sorted([*checkpoint.glob("*.safetensors"), checkpoint / "config.json", checkpoint / "tokenizer.json"]):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def load_example(into: Path, folder: Path = EXAMPLE) -> dict[str, Any]:
    """The value of the bundled lesson; its files are copied `into` a folder from which the browser may fetch."""

    def copied(file: Mapping[str, Any]) -> dict[str, Any]:
        return file_data(shutil.copyfile(folder / file["path"], into / f"lesson-{file['path']}"))

    return with_files(json.loads((folder / LISTING).read_text("utf-8")), copied)


def save_example(folder: Path, checkpoint: Path, document: Path = DOCUMENT) -> None:
    """Make the lesson anew: the document's best page for `QUERY`, its other queries of the samples for the batch."""
    from colpali_demo import PageIndex, load_encoder, open_document
    from colpali_demo.web.engine import read_samples
    from colpali_demo.web.lessons.value import lesson_value
    from colpali_demo.web.pictures import page_key, write_pictures

    (sample,) = (sample for sample in read_samples(document.parent) if sample.path.name == document.name)
    encoder = load_encoder(str(checkpoint), device="cpu")
    index = PageIndex(encoder)
    with open_document(document) as opened:
        index.add(opened)
    hits = index.rank(QUERY)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def save(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    value = lesson_value(
        name="example",
        encoder=encoder,
        hits=hits,
        hit=hits[0],
        asked=[query for query in sample.queries if query != QUERY],
        pictures={page_key(page): write_pictures(page, folder) for page in index.pages},
        save=save,
    )
    value["fingerprint"] = fingerprint(checkpoint)
    used = {LISTING}

    def named(file: Mapping[str, Any]) -> dict[str, Any]:
        name = Path(file["path"]).name
        used.add(name)
        return file_data(name)

    value = with_files(value, named)
    for file in folder.iterdir():
        if file.name not in used:
            file.unlink()
    (folder / LISTING).write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    save_example(EXAMPLE, TINY)
    print(f"wrote {EXAMPLE}")
