"""Sets of vectors made beforehand: explanations by a large checkpoint for those who have not got its weights.

`python -m colpali_demo precompute --model vidore/colpali-v1.3-hf --out assets/precomputed/colpali-v1.3.colpali` embeds
the pages and queries of the samples once. What it stores is what the model computed, pages and queries as
multi-vectors, so that ranking, ledger and maps are worked out from them as always, and no model is loaded. Queries that
are not in the set cannot be asked.

A set is a folder, or one file, NAME.colpali, which is the folder as an uncompressed ZIP archive:

    SET/set.json               who made it, and what every vector is
    SET/queries.safetensors    one tensor a query, (tokens, dim), and one of a blank and of each reference page
    SET/DOCUMENT.safetensors   one tensor a page, (vectors, dim)
    SET/DOCUMENT-PAGE.jpg      the page as it was embedded
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from colpali_demo.documents import Page, Word
from colpali_demo.encoder.calibration import blank_page
from colpali_demo.encoder.files import CheckpointError, read_json
from colpali_demo.encoder.interface import Calibration, Capabilities, ModelInfo
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken

if TYPE_CHECKING:
    from PIL import Image

    from colpali_demo.encoder.interface import AnyEncoder

LISTING = "set.json"
SUFFIX = ".colpali"  # of a set in one file
QUERIES = "queries.safetensors"
# Since 2, a vector has a list of cells, and a patch of ColQwen2 its place; since 3, there are reference pages.
SCHEMA = 3


@dataclass(frozen=True)
class SetDocument:
    """A document of a set, with the queries suggested for it. `document_id` is its content hash."""

    document_id: str
    source: str
    title: str
    description: str
    queries: tuple[str, ...]


def is_set(place: Path) -> bool:
    """Return whether a set lies there, whole or not."""
    return place.suffix == SUFFIX if place.is_file() else (place / LISTING).is_file()


def find_sets(folder: Path) -> list[Path]:
    """Return the sets in a folder."""
    return sorted(place for place in folder.glob("*") if is_set(place))


def set_files(place: Path) -> Path | zipfile.Path:
    """Return the files of a set, as a folder. Raises CheckpointError(checkpoint_corrupt) for a file that holds none."""
    if not place.is_file():
        return place
    try:
        return zipfile.Path(place)
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckpointError("checkpoint_corrupt", f"The set {place.name} cannot be read: {error}") from error


def read_listing(place: Path) -> dict[str, Any]:
    """Read who made a set and what is in it, without its vectors.

    Raises CheckpointError: checkpoint_missing where there is no listing, checkpoint_corrupt where it cannot be read.
    """
    listing = set_files(place) / LISTING
    if not listing.is_file():
        raise CheckpointError("checkpoint_missing", f"{place.name} holds no precomputed set: no {LISTING}.")
    try:
        return read_json(listing)
    except zipfile.BadZipFile as error:
        raise CheckpointError("checkpoint_corrupt", f"The set {place.name} cannot be read: {error}") from error


def save_set(
    place: Path,
    encoder: AnyEncoder,
    documents: Iterable[tuple[SetDocument, Iterable[Page]]],
    progress: Callable[[Page], None] | None = None,
) -> None:
    """Embed the pages and queries of some documents and write them; `progress(page)` is called for each page.

    `place` is a new file if its name ends in `SUFFIX`, else a new folder. Every query of any document can then be asked
    of all of them. Raises FileExistsError if there is anything, ValueError if there is no page or no query.
    """
    if place.exists() and (place.is_file() or any(place.iterdir())):
        raise FileExistsError(
            f"{place} is there already; name a new file"
            if place.is_file()
            else f"{place} is not empty; name a new folder"
        )
    if place.suffix != SUFFIX:
        place.mkdir(parents=True, exist_ok=True)
        _save_folder(place, encoder, documents, progress)
        return
    with TemporaryDirectory() as name:
        _save_folder(Path(name), encoder, documents, progress)
        place.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(place, "x", zipfile.ZIP_STORED) as archive:  # vectors and JPEGs do not get smaller
            for file in sorted(Path(name).iterdir()):
                archive.write(file, file.name)


def _save_folder(
    folder: Path,
    encoder: AnyEncoder,
    documents: Iterable[tuple[SetDocument, Iterable[Page]]],
    progress: Callable[[Page], None] | None,
) -> None:
    layouts: dict[PageLayout, int] = {}  # pages often share one
    entries, texts = [], []
    for document, pages in documents:
        vectors, listed = {}, []
        for page in pages:
            (embedding,) = encoder.embed_pages([page.image])
            vectors[str(page.number)] = _smallest(embedding.vectors)
            layout = layouts.setdefault(embedding.layout, len(layouts))
            listed.append(_page_entry(page, layout))
            (folder / f"{document.document_id}-{page.number}.jpg").write_bytes(page.jpeg)
            if progress is not None:
                progress(page)
        if not listed:
            raise ValueError(f"{document.source} has no pages")
        save_file(vectors, folder / f"{document.document_id}.safetensors")
        entries.append({**asdict(document), "pages": listed})
        texts += document.queries
    if not texts:
        raise ValueError("there are no queries")
    queries = [encoder.embed_query(text) for text in dict.fromkeys(texts)]
    (blank,) = encoder.embed_pages([blank_page()])
    save_file(
        {
            "blank": _smallest(blank.vectors),
            **{f"reference {number}": _smallest(page.vectors) for number, page in enumerate(encoder.reference_pages)},
            **{str(index): _smallest(query.vectors) for index, query in enumerate(queries)},
        },
        folder / QUERIES,
    )
    blank_layout = layouts.setdefault(blank.layout, len(layouts))
    listing = {
        "schema": SCHEMA,
        "model": encoder.model_info,
        "calibration": asdict(encoder.calibration),
        "documents": entries,
        "blank": blank_layout,
        "reference": [layouts.setdefault(page.layout, len(layouts)) for page in encoder.reference_pages],
        "layouts": [layout.to_json() for layout in layouts],
        "queries": [_query_entry(query) for query in queries],
    }
    (folder / LISTING).write_text(json.dumps(listing, ensure_ascii=False) + "\n", encoding="utf-8")


def _outdated(place: Path, schema: Any) -> str:
    return (
        f"The set {place.name} was made by another version of this package (schema {schema}, not {SCHEMA}). "
        "Make it anew with `python -m colpali_demo precompute`."
    )


def _smallest(vectors: torch.Tensor) -> torch.Tensor:
    """Return the vectors in 16 bits where that loses nothing, as for those that a model computed in bfloat16."""
    for dtype in (torch.bfloat16, torch.float16):
        if torch.equal(vectors.to(dtype).float(), vectors):
            return vectors.to(dtype)
    return vectors.contiguous()


def _page_entry(page: Page, layout: int) -> dict[str, Any]:
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "blank": page.blank,
        "layout": layout,
        "words": [[word.text, word.left, word.top, word.right, word.bottom] for word in page.words],
    }


def _query_entry(query: QueryEmbedding) -> dict[str, Any]:
    return {
        "text": query.text,
        "prefix": query.prefix,
        "augmentation": query.augmentation,
        "divisor": query.divisor,
        "words": query.words,
        "unknown": query.unknown,
        "tokens": [[token.text, token.kind, token.word, token.id] for token in query.tokens],
    }


class PrecomputedSet:
    """An opened set: its `documents`, and the `blank` page to compare maps with.

    The vectors of pages are read when they are asked for.
    """

    def __init__(self, place: Path) -> None:
        """Open the set in a folder or a file.

        Raises CheckpointError: checkpoint_missing without a listing, checkpoint_corrupt for a damaged set.
        """
        self._name = place.name
        self._listing = read_listing(place)
        self._files = set_files(place)
        try:
            if self._listing["schema"] != SCHEMA:
                raise CheckpointError("checkpoint_corrupt", _outdated(place, self._listing["schema"]))
            self.documents = [
                SetDocument(
                    *(entry[name] for name in ("document_id", "source", "title", "description")),
                    tuple(entry["queries"]),
                )
                for entry in self._listing["documents"]
            ]
            self._layouts = [PageLayout.from_json(entry) for entry in self._listing["layouts"]]
            vectors = self._tensors(QUERIES)
            self.blank = PageEmbedding(vectors["blank"], self._layouts[self._listing["blank"]])
            reference = [
                PageEmbedding(vectors[f"reference {number}"], self._layouts[layout])
                for number, layout in enumerate(self._listing["reference"])
            ]
            self.encoder = PrecomputedEncoder(self._listing, vectors, reference)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError("checkpoint_corrupt", f"The set {place.name} is damaged: {error!r}") from error

    def _tensors(self, name: str) -> dict[str, torch.Tensor]:
        data = self._read(name)
        try:
            return {key: value.float() for key, value in load(data).items()}
        except SafetensorError as error:
            raise CheckpointError("checkpoint_corrupt", f"{name} of the set {self._name}: {error}") from error

    def _read(self, name: str) -> bytes:
        try:
            return (self._files / name).read_bytes()
        except (OSError, zipfile.BadZipFile) as error:
            raise CheckpointError("checkpoint_corrupt", f"{name} of the set {self._name}: {error}") from error

    def pages(self, document: SetDocument) -> Iterator[tuple[Page, PageEmbedding]]:
        """Read the pages of a document with what was computed for them."""
        vectors = self._tensors(f"{document.document_id}.safetensors")
        (listed,) = (entry for entry in self._listing["documents"] if entry["document_id"] == document.document_id)
        for entry in listed["pages"]:
            number = entry["number"]
            page = Page(
                document_id=document.document_id,
                source=document.source,
                number=number,
                width=entry["width"],
                height=entry["height"],
                jpeg=self._read(f"{document.document_id}-{number}.jpg"),
                words=tuple(Word(*word) for word in entry["words"]),
                blank=entry["blank"],
            )
            yield page, PageEmbedding(vectors[str(number)], self._layouts[entry["layout"]])


class PrecomputedEncoder:
    """Stands for the checkpoint that made a set: knows the vectors of the queries in the set, and can embed nothing."""

    capabilities = Capabilities(embeds_pages=False, embeds_queries=False, has_model=False)
    batch_size = 1

    def __init__(
        self,
        listing: Mapping[str, Any],
        vectors: Mapping[str, torch.Tensor],
        reference_pages: Sequence[PageEmbedding],
    ) -> None:
        self.model_info: ModelInfo = {**listing["model"], "precomputed": True}
        self.calibration = Calibration.from_json(listing["calibration"])
        self.reference_pages = tuple(reference_pages)
        self._queries = {
            entry["text"]: QueryEmbedding(
                text=entry["text"],
                vectors=vectors[str(position)],
                tokens=tuple(QueryToken(index, *token) for index, token in enumerate(entry["tokens"])),
                words=tuple(entry["words"]),
                unknown=tuple(entry["unknown"]),
                prefix=entry["prefix"],
                augmentation=entry["augmentation"],
                divisor=entry.get("divisor", 1.0),  # sets made before any family scored by a mean have none
            )
            for position, entry in enumerate(listing["queries"])
        }

    @property
    def queries(self) -> list[str]:
        """What can be asked."""
        return list(self._queries)

    def embed_query(self, text: str, *, prefix: str | None = None, augmentation: int | None = None) -> QueryEmbedding:
        """Return the stored vectors of a query. Raises CheckpointError(not_precomputed) for any other."""
        query = self._queries.get(text.strip())
        if query is None or prefix not in (None, query.prefix) or augmentation not in (None, query.augmentation):
            raise CheckpointError(
                "not_precomputed",
                f"These explanations were computed beforehand by {self.model_info['name']}, for {len(self._queries)} "
                "queries, and this is none of them. Choose one of the examples, or another model for your own queries.",
            )
        return query

    def embed_pages(self, images: Sequence[Image.Image], batch_size: int | None = None) -> list[PageEmbedding]:
        """Refuse with CheckpointError(not_precomputed): there is no model."""
        raise CheckpointError(
            "not_precomputed",
            f"These explanations were computed beforehand by {self.model_info['name']}, which is not loaded here. "
            "Choose another model for pages of your own.",
        )

    def vocabulary_fit(self, words: Iterable[str]) -> None:  # noqa: ARG002
        """Return None: a set has no tokenizer."""
