"""What the server sends the browser beside the lens: the samples, the library and the model, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

from colpali_demo.export.lens_value import FileData, file_data

if TYPE_CHECKING:
    from colpali_demo.documents import DocumentError, PageError
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.models import Offer
    from colpali_demo.web.sources import Sample

LEVELS_OF_READING = {
    "sketch": "ready · for demonstration only",
    "large_print": "ready · reads large print",
    "reads": "ready · reads body text",
    "unmeasured": "ready · reading not measured",
}


class Message(TypedDict):
    """What a component shows in place of a value."""

    title: str
    message: str


class SampleEntry(TypedDict):
    """A sample that can be put on the shelf; `file` names it."""

    file: str
    title: str
    description: str
    note: str
    thumb: FileData | None


class SamplesValue(TypedDict):
    """What `samples_value` makes."""

    samples: list[SampleEntry]


class DocumentEntry(TypedDict):
    """A document of the library.

    document: content hash
    pages, of: how many pages can be searched, and how many there are
    sample: file name of a sample, None for a document of the visitor's own
    searched: whether the visitor has chosen it to be searched
    """

    document: str
    source: str
    pages: int
    of: int
    sample: str | None
    searched: NotRequired[bool]


class ErrorEntry(TypedDict):
    """What could not be read. `page` is None where it is not about one page."""

    source: str
    page: int | None
    code: str
    message: str


class Progress(TypedDict, total=False):
    """How far indexing is: a `note` alone, or pages `done` of a `total`.

    rate: pages a second; `left` is in seconds; both None before the first page
    cancel: False where there is nothing that the visitor could stop
    """

    note: str
    source: str
    done: int
    total: int
    rate: float | None
    left: float | None
    stopping: bool
    cancel: bool


class LibraryValue(TypedDict):
    """What `library_value` makes.

    Later values of a visitor have a higher `version`, for answers may overtake one another.
    """

    documents: list[DocumentEntry]
    errors: list[ErrorEntry]
    progress: Progress | None
    version: NotRequired[int]


class ModelValue(TypedDict):
    """What `model_value` makes: the line about the model in use, and what else may be chosen."""

    state: str
    name: str
    text: str
    sentence: str
    facts: list[list[str]]
    others: list[Offer]


class DownloadValue(TypedDict):
    """A file that the browser is to download; `id` differs from file to file."""

    id: str
    name: str
    file: FileData


def samples_value(samples: Sequence[Sample]) -> SamplesValue:
    """Make the value of the samples."""
    return {
        "samples": [
            {
                "file": sample.source,
                "title": sample.title,
                "description": sample.description,
                "note": f"{sample.total} pages" if sample.total else "",
                "thumb": file_data(sample.cover) if sample.cover else None,
            }
            for sample in samples
        ]
    }


def library_value(
    documents: Sequence[DocumentEntry],
    errors: Iterable[PageError | DocumentError],
    progress: Progress | None = None,
) -> LibraryValue:
    """Make the value of the library."""
    return {
        "documents": [*documents],
        "errors": [
            {"source": error.source, "page": error.page, "code": error.code, "message": error.message}
            for error in errors
        ],
        "progress": progress or None,
    }


def model_value(engine: Engine, offers: Sequence[Offer] = ()) -> ModelValue:
    """Make the value of the line about the model in use."""
    if engine.encoder is None:
        return {
            "state": engine.state,
            "name": engine.source.name,
            "text": _loading_text(engine) if engine.state == "loading" else "could not be loaded",
            "sentence": engine.error,
            "facts": [],
            "others": [*offers],
        }
    info = engine.encoder.model_info
    return {
        "state": "ready",
        "name": info["name"],
        "text": _ready_text(engine),
        "sentence": " ".join(filter(None, [engine.error, info["reads"]["sentence"]])),
        "facts": _facts(info, "runs on" if engine.capabilities.has_model else "ran on"),
        "others": [*offers],
    }


def _ready_text(engine: Engine) -> str:
    if engine.error:
        return f"stands in for {engine.source.name}, which could not be loaded"
    if not engine.capabilities.has_model:
        return "precomputed · no model loaded"
    return LEVELS_OF_READING.get(engine.encoder.model_info["reads"].get("level"), "ready")


def _loading_text(engine: Engine) -> str:
    if engine.downloaded:
        done, total = (size / 1e9 for size in engine.downloaded)
        return f"is being downloaded: {done:.1f} of {total:.1f} GB"
    return "is loading; you can look around meanwhile"


def _facts(info: ModelInfo, device_label: str) -> list[list[str]]:
    return [
        ["family", info["family"]],
        ["parameters", f"{info['parameters'] / 1e6:,.1f} million"],
        [device_label, f"{info['device']}, {info['dtype']}"],
        ["pages", info["input"]["text"]],
        ["vectors", f"{info['dim']} numbers each"],
        ["query", _frame_text(info)],
        *([["prefix in doubt", info["prefix_source"]]] if info.get("prefix_doubted") else []),
    ]


def _frame_text(info: ModelInfo) -> str:
    """Return what stands around a typed query, in one line."""
    frame: Mapping[str, str] = info["frame"]
    end = "newline" if frame["end"] == "\n" else frame["end"]
    text = f"{frame['start']}{info['prefix']}… + {info['augmentation']} × {frame['augmentation']}"
    return f"{text} + {end}" if end else text
