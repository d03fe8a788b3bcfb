"""Do the regions lie where people say the answer is? Boxes of explanations against boxes of annotators.

For every question the page that holds the answer is given, as in the Snappy paper, so that only the place is judged:

- pointing game (Zhang et al. 2018): is the center of the cell with the largest lead inside one of the boxes?
- the best region: the highest IoU of a region with the union of the boxes, and whether it reaches 0.25, 0.5 and 0.7
- words saved: the share of the page's words outside all regions, which a reader of the regions alone need not see

Georgiou, "Spatially-Grounded Document Retrieval via Patch-to-Region Relevance Propagation", 2025.
https://arxiv.org/abs/2512.02660
Zhang et al., "Top-Down Neural Attention by Excitation Backprop", IJCV 2018, section 4.2. https://arxiv.org/abs/1608.00507
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.documents import Page, open_document
from colpali_demo.evidence.faithfulness import Estimate, bootstrap
from colpali_demo.retrieval import PageIndex

if TYPE_CHECKING:
    from PIL import Image

    from colpali_demo.encoder import AnyEncoder
    from colpali_demo.explain import Explanation
    from colpali_demo.occlusion import Box
    from colpali_demo.settings import Settings

HITS = (0.25, 0.5, 0.7)
OWN, BBOX_DOCVQA = "boxes.json", "BBox_DocVQA_Bench.jsonl"


class NotADataSet(ValueError):
    """A folder holds no data set in a layout that is known; the message says which are."""


@dataclass(frozen=True)
class Question:
    """A question, the page that answers it, and where: boxes in shares of the page."""

    text: str
    page: Page
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Grounded:
    """How well the regions of one question lie.

    pointed: whether the cell with the largest lead has its center in a box
    iou_best, iou_first: of the best region, and of the one with the largest lead; 0 where there is no region
    words_saved: share of the page's words outside all regions; None without a text layer
    """

    query: str
    source: str
    page: int
    pointed: bool
    iou_best: float
    iou_first: float
    words_saved: float | None


@dataclass(frozen=True)
class Grounding:
    """What was measured, for one checkpoint."""

    model: str
    questions: tuple[Grounded, ...]

    def summary(self) -> dict[str, Estimate]:
        """Return the means over questions by name, with bootstrap intervals."""
        best = [each.iou_best for each in self.questions]
        found = {
            "pointing game": bootstrap([float(each.pointed) for each in self.questions]),
            "IoU of the best region": bootstrap(best),
            "IoU of the first region": bootstrap([each.iou_first for each in self.questions]),
        }
        found |= {
            f"best region hits at IoU {least}": bootstrap([float(iou >= least) for iou in best]) for least in HITS
        }
        if saved := [each.words_saved for each in self.questions if each.words_saved is not None]:
            found["words saved"] = bootstrap(saved)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "schema": 1,
            "model": self.model,
            "questions": [asdict(each) for each in self.questions],
            "summary": {name: asdict(estimate) for name, estimate in self.summary().items()},
        }


def measure_grounding(
    encoder: AnyEncoder, questions: Sequence[Question], progress: Callable[[Question], None] | None = None
) -> Grounding:
    """Measure how well regions lie; leads are over the other pages of all the questions.

    `progress` is called with each question once it is measured. Raises ValueError without questions.
    """
    if not questions:
        raise ValueError("there are no questions")
    index = PageIndex(encoder)
    for question in questions:
        index.add_page(question.page)
    grounded = []
    for question in questions:
        why = index.rank(question.text).explain(question.page)
        grounded.append(ground(why, question.boxes))
        if progress is not None:
            progress(question)
    return Grounding(encoder.model_info["name"], tuple(grounded))


def ground(why: Explanation, boxes: Sequence[Box]) -> Grounded:
    """Compare the regions that typed words won with boxes of people."""
    typed = {token.index for token in why.tokens if token.kind == "word"}
    regions = [region for region in why.regions() if typed & set(region.tokens)]
    overlaps = [overlap(region.box, boxes) for region in regions]
    words = why.page.words
    outside = [word for word in words if not any(_holds(region.box, _center(word)) for region in regions)]
    return Grounded(
        query=why.query.text,
        source=why.page.source,
        page=why.page.number,
        pointed=any(_holds(box, point) for box in boxes for point in _leading_point(why)),
        iou_best=max(overlaps, default=0.0),
        iou_first=overlaps[0] if overlaps else 0.0,
        words_saved=len(outside) / len(words) if words else None,
    )


def _leading_point(why: Explanation) -> list[tuple[float, float]]:
    """Return the center of the cell on which typed words lead most; none if all winners are off the page."""
    leads: dict[tuple[int, int], float] = {}
    for token in why.tokens:
        if token.kind == "word":
            for cell in token.cells:
                leads[cell] = leads.get(cell, 0.0) + token.lead
    if not leads:
        return []
    left, top, right, bottom = why.layout.rectangle(*max(leads, key=leads.__getitem__))
    return [((left + right) / 2, (top + bottom) / 2)]


def overlap(box: Box, boxes: Sequence[Box]) -> float:
    """Return the intersection of a box with the union of others over the union of all."""
    edges = np.array([box, *boxes], dtype=np.float64)
    xs, ys = np.unique(edges[:, [0, 2]]), np.unique(edges[:, [1, 3]])
    x, y = (xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2
    areas = np.outer(np.diff(ys), np.diff(xs))

    def covers(edge: np.ndarray) -> np.ndarray:
        left, top, right, bottom = edge
        return np.outer((top <= y) & (y <= bottom), (left <= x) & (x <= right))

    ours = covers(edges[0])
    theirs = np.any([covers(edge) for edge in edges[1:]], axis=0)
    union = areas[ours | theirs].sum()
    return float(areas[ours & theirs].sum() / union) if union else 0.0


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _center(word: Any) -> tuple[float, float]:
    return (word.left + word.right) / 2, (word.top + word.bottom) / 2


# Data sets


def read_questions(folder: Path, settings: Settings | None = None, limit: int | None = None) -> list[Question]:
    """Read the questions of a data set, `limit` of them at most, in whichever of these layouts the folder is:

    - `boxes.json` beside PDFs: [{"query", "file", "page", "boxes": [[left, top, right, bottom], ...]}, ...]
    - BBox-DocVQA as published: `BBox_DocVQA_Bench.jsonl` and page images in CATEGORY/DOCUMENT/
    - ViDoRe V3 as published: Parquet files in `corpus/`, `queries/` and `qrels/`, which need the package pyarrow

    Raises NotADataSet for any other folder.
    """
    if (folder / OWN).is_file():
        questions = _own(folder, settings)
    elif (folder / BBOX_DOCVQA).is_file():
        questions = _bbox_docvqa(folder)
    elif all(any((folder / name).glob("*.parquet")) for name in ("corpus", "queries", "qrels")):
        questions = _vidore_v3(folder)
    else:
        raise NotADataSet(
            f"{folder} holds no data set that is known: it takes {OWN} beside PDFs, {BBOX_DOCVQA} beside folders of "
            "page images, or Parquet files in corpus, queries and qrels (ViDoRe V3)"
        )
    return [question for _, question in zip(range(limit or 10**9), questions, strict=False)]


def _own(folder: Path, settings: Settings | None) -> Iterator[Question]:
    pages: dict[tuple[str, int], Page] = {}
    for entry in json.loads((folder / OWN).read_text("utf-8")):
        key = entry["file"], entry["page"]
        if key not in pages:
            with open_document(folder / entry["file"], settings=settings) as document:
                pages |= {(entry["file"], page.number): page for page in document}
        yield Question(entry["query"], pages[key], tuple(tuple(box) for box in entry["boxes"]))


def _bbox_docvqa(folder: Path) -> Iterator[Question]:
    """One question for each of the pages that an entry names. Boxes are x1, y1, x2, y2 in pixels of the page image."""
    for line in (folder / BBOX_DOCVQA).read_text("utf-8").splitlines():
        entry = json.loads(line)
        text = entry.get("query") or entry["question"]
        for number, (name, boxes) in enumerate(zip(entry["images"], entry["bbox"], strict=True)):
            image = _open_image(folder / name)
            shares = tuple(_shares(box, image.size) for box in boxes)
            yield Question(text, _page(image, Path(name).parent.name, _page_number(name, number)), shares)


def _page_number(name: str, otherwise: int) -> int:
    number = Path(name).stem.rpartition("_")[2]
    return int(number) if number.isdecimal() and int(number) else otherwise + 1


def _vidore_v3(folder: Path) -> Iterator[Question]:
    """One question for each page with boxes. Boxes are x1, y1, x2, y2 in pixels of the page image, by annotators."""
    queries = {row["query_id"]: row for row in _rows(folder / "queries", ("query_id", "query", "language"))}
    wanted: dict[Any, list[dict[str, Any]]] = {}
    for row in _rows(folder / "qrels", ("query_id", "corpus_id", "bounding_boxes")):
        if row["bounding_boxes"]:
            wanted.setdefault(row["corpus_id"], []).append(row)
    for row in _rows(folder / "corpus", ("corpus_id", "image", "doc_id", "page_number_in_doc")):
        if row["corpus_id"] not in wanted:
            continue
        image = _decoded(row["image"]["bytes"])
        page = _page(image, row["doc_id"], int(row["page_number_in_doc"]) + 1)
        for relevant in wanted[row["corpus_id"]]:
            boxes = tuple(
                _shares([box[name] for name in ("x1", "y1", "x2", "y2")], image.size)
                for box in relevant["bounding_boxes"]
            )
            yield Question(queries[relevant["query_id"]]["query"], page, boxes)


def _rows(folder: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise NotADataSet("ViDoRe V3 is read with the package pyarrow: pip install pyarrow") from None
    for path in sorted(folder.glob("*.parquet")):
        for batch in ParquetFile(path).iter_batches(batch_size=16, columns=list(columns)):
            yield from batch.to_pylist()


def _open_image(path: Path) -> Image.Image:
    return _decoded(path.read_bytes())


def _decoded(data: bytes) -> Image.Image:
    from PIL import Image

    return Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")).convert("RGB")


def _page(image: Image.Image, source: str, number: int) -> Page:
    """Return a page of an image, without a text layer."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=95)
    jpeg = data.getvalue()
    hashed = hashlib.sha256(jpeg).hexdigest()[:16]
    return Page(hashed, source, number, image.width, image.height, jpeg, (), False)


def _shares(box: Sequence[float], size: tuple[int, int]) -> Box:
    """Return a box in pixels as shares of an image of this size, its corners in order and within it."""
    (left, right), (top, bottom) = (sorted((box[axis], box[axis + 2])) for axis in (0, 1))
    edges = left / size[0], top / size[1], right / size[0], bottom / size[1]
    return tuple(min(max(float(edge), 0.0), 1.0) for edge in edges)
