"""The bundled example: what is shown before any model is loaded, made beforehand by the bundled checkpoint.

`python -m colpali_demo.web.example` makes `assets/example` again, which a new bundled checkpoint calls for. It holds
`lens.json` and `lesson.json`, values of the lens and of the lessons as `export.lens_value` and `lessons.value` make
them for any search, and the files that they name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from colpali_demo.bundled import ASSETS
from colpali_demo.encoder.files import BUNDLED_FOLDER
from colpali_demo.export.lens_value import FileData, LensValue, file_data, lens_value, with_files
from colpali_demo.samples import SAMPLES
from colpali_demo.settings import Settings

EXAMPLE = ASSETS / "example"
DOCUMENT = SAMPLES / "annual-report.pdf"
QUERY = "energy from hydropower"  # short, one word of several pieces; the page that answers it comes first by far
LENS = "lens.json"
LESSON = "lesson.json"


def fingerprint(checkpoint: Path) -> str:
    """Return the SHA-256 of whatever in a checkpoint's folder has a say in its vectors."""
    digest = hashlib.sha256()
    for file in sorted([*checkpoint.glob("*.safetensors"), checkpoint / "config.json", checkpoint / "tokenizer.json"]):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def load_example(name: str, into: Path, folder: Path = EXAMPLE) -> dict[str, Any]:
    """Load the value `name` of the example; its files are copied `into` a folder from which the browser may fetch."""

    def copied(file: FileData) -> dict[str, Any]:
        return file_data(shutil.copyfile(folder / file["path"], into / f"{Path(name).stem}-{file['path']}"))

    return with_files(json.loads((folder / name).read_text("utf-8")), copied)


def save_example(folder: Path, checkpoint: Path, document: Path = DOCUMENT) -> None:
    """Make the example anew: `QUERY` over the document, and the batch of the samples.

    The lens gets the maps of every page, so that none has to be asked of a server whose model is not there.
    """
    from colpali_demo import PageIndex, load_encoder, open_document
    from colpali_demo.encoder.calibration import blank_page
    from colpali_demo.evidence import erase_winners
    from colpali_demo.export.pictures import page_id, write_pictures
    from colpali_demo.lessons.batch import labelled_batch
    from colpali_demo.samples import read_questions
    from colpali_demo.web.engine import public_model_info
    from colpali_demo.web.lessons.value import MOST_ERASED, lesson_value

    _, questions = read_questions()  # questions about this document
    encoder = load_encoder(str(checkpoint), device="cpu", dtype="float32")  # the same numbers on every machine
    index = PageIndex(encoder)
    with open_document(document) as opened:
        index.add(opened)
    ranking = index.rank(QUERY, explained=len(index))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pictures = {page_id(page): write_pictures(page, folder) for page in index.pages}

    def save(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    lens: LensValue = lens_value(
        search="example",
        model=public_model_info(encoder),
        ranking=ranking,
        explanations=[hit.explain() for hit in ranking],
        top_k=Settings().top_k,
        focus=page_id(ranking[0].page),
        strength=index.strength(ranking[0]),
        pictures=pictures,
        blank=encoder.embed_pages([blank_page()])[0],
        samples=[document.name],
        fits={page_id(page): encoder.vocabulary_fit(word.text for word in page.words) for page in index.pages},
        save=save,
    )
    lesson = lesson_value(
        name="example",
        encoder=encoder,
        ranking=ranking,
        hit=ranking[0],
        batch=labelled_batch(index.rank, questions),
        asked=None,
        pictures=pictures,
        save=save,
        erased=erase_winners(ranking, ranking[0].page, MOST_ERASED),
    )
    lesson["fingerprint"] = fingerprint(checkpoint)

    def named(file: FileData) -> dict[str, Any]:
        return file_data(Path(file["path"]).name)

    for name, value in ((LENS, lens), (LESSON, lesson)):
        (folder / name).write_text(json.dumps(with_files(value, named), ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    save_example(EXAMPLE, BUNDLED_FOLDER)
    print(f"wrote {EXAMPLE}")
