"""Which lesson a visitor sees: the bundled example, or a page of their own last search."""

from __future__ import annotations

import secrets
import threading
from collections import ChainMap
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from colpali_demo.export.pictures import page_id
from colpali_demo.samples import read_questions
from colpali_demo.web.example import LESSON, load_example
from colpali_demo.web.faults import Refused

if TYPE_CHECKING:
    from colpali_demo.lessons.batch import Batch
    from colpali_demo.retrieval import Hit
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.visitors import Visitor

CHOICES = 40  # pages to choose from
BEFORE_A_SEARCH = "Search in Explore, and the cards are about your own page."
OF_A_SET = "The parts of a precomputed model cannot be shown. Choose another, and the cards are about your own page."


@dataclass(frozen=True)
class LessonOnShow:
    """The last lesson of a visitor; `search` and `hit` are None for the example."""

    value: dict[str, Any]
    search: str | None = None
    hit: Hit | None = None


class Desk:
    """Makes lessons for visitors, and knows the last one of each. `folder` takes the files of the example.

    The cards take the model apart, so where there is none in memory its visitors see the example.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches: WeakKeyDictionary[Engine, Batch] = WeakKeyDictionary()
        self._on_show: WeakKeyDictionary[Visitor, LessonOnShow] = WeakKeyDictionary()
        self._lock = threading.Lock()

    @cached_property
    def _example(self) -> dict[str, Any]:
        return load_example(LESSON, self._folder)

    def arrive(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the tab opens with: the visitor's last search, if they have searched, else the example."""
        result, showing = visitor.search.result, self._showing(visitor)
        if result is None or not visitor.has_acted or not visitor.engine.capabilities.has_model:
            return self.example(visitor)
        if showing is not None and showing.search == result.name:
            return showing.value
        return self.own(visitor, page_id(result.ranking[0].page))

    def example(self, visitor: Visitor) -> dict[str, Any]:
        """Return the bundled lesson."""
        own = _own_pages(visitor)
        hint = "" if own else BEFORE_A_SEARCH if visitor.engine.capabilities.has_model else OF_A_SET
        value = {**self._example, "example": True, "measured": None, "own": own, "hint": hint}
        return self._show(visitor, LessonOnShow(value))

    def own(self, visitor: Visitor, key: str) -> dict[str, Any]:
        """Return the lesson on a page of the visitor's last search; the example where there is no such page any more.

        Raises Refused where lessons are opened too often.
        """
        from colpali_demo.lessons.batch import asked_batch
        from colpali_demo.web.lessons.value import lesson_value

        if not visitor.engine.capabilities.has_model:
            return self.example(visitor)
        result, pictures = visitor.search.result, visitor.shelf.pictures()
        hit = result.hit(key) if result is not None else None
        if hit is None or any(page_id(other.page) not in pictures for other in result.ranking):
            return self.example(visitor)
        visitor.quota.count_lesson()
        for old in visitor.folder.glob("lesson-*"):
            old.unlink(missing_ok=True)
        with visitor.search.turn(result.engine):
            value = lesson_value(
                name=f"lesson-{secrets.token_hex(6)}",
                encoder=result.engine.encoder,
                ranking=result.ranking,
                hit=hit,
                batch=self._batch(result.engine),
                asked=asked_batch(result.engine.encoder, result.ranking, visitor.search.queries),
                pictures=dict(ChainMap(pictures, *(sample.pictures for sample in result.engine.samples))),
                save=visitor.search.save,
            )
        value |= {"example": False, "measured": None, "own": _own_pages(visitor)}
        return self._show(visitor, LessonOnShow(value, result.name, hit))

    def _batch(self, engine: Engine) -> Batch | None:
        """Return the batch of the samples with the model at hand; None while they are not embedded."""
        from colpali_demo.lessons.batch import labelled_batch

        if engine not in self._batches:
            file, questions = read_questions()
            sample = next((sample for sample in engine.samples if sample.source == file), None)
            if sample is None or not sample.finished.is_set() or sample.error:
                return None
            self._batches[engine] = labelled_batch(sample.index.rank, questions)
        return self._batches[engine]

    def erase_winners(self, visitor: Visitor) -> dict[str, Any]:
        """Return the lesson on show with what becomes of it when winners are erased. Raises Refused."""
        from colpali_demo.evidence import erase_winners
        from colpali_demo.web.lessons.value import MOST_ERASED

        showing, result = self._showing(visitor), visitor.search.result
        if showing is None or showing.hit is None or result is None or showing.search != result.name:
            raise Refused("Not this page", "Open the cards on a page of your last search.")
        visitor.quota.count_measurement()
        with result.engine.turns.batch():
            erased = erase_winners(result.ranking, showing.hit.page, MOST_ERASED)
        value = {**showing.value, "erased": [winner.to_json() for winner in erased]}
        return self._show(visitor, replace(showing, value=value))

    def measure(self, visitor: Visitor) -> dict[str, Any]:
        """Measure what embedding and scoring take here and now, and return the lesson with it. Raises Refused."""
        from colpali_demo.lessons.lesson import measure

        if not visitor.engine.capabilities.has_model:
            raise Refused("Nothing to measure", "This set was computed beforehand. Choose a model that runs here.")
        result = visitor.search.result
        if result is None:
            raise Refused("Not yet", "The model is still loading; try again in a few seconds.")
        visitor.quota.count_measurement()
        showing = self._showing(visitor)
        if showing is None or showing.search not in (None, result.name):
            self.arrive(visitor)
            showing = self._showing(visitor)
        with result.engine.turns.batch():
            measured = measure(result.engine.encoder, result.ranking, showing.hit or result.ranking[0])
        return self._show(visitor, replace(showing, value={**showing.value, "measured": measured}))

    def _showing(self, visitor: Visitor) -> LessonOnShow | None:
        with self._lock:
            return self._on_show.get(visitor)

    def _show(self, visitor: Visitor, lesson: LessonOnShow) -> dict[str, Any]:
        with self._lock:
            self._on_show[visitor] = lesson
        return lesson.value


def _own_pages(visitor: Visitor) -> dict[str, Any] | None:
    """Return the visitor's last query and the pages to choose from; None where there is nothing to take apart."""
    result = visitor.search.result
    if result is None or not visitor.engine.capabilities.has_model:
        return None
    return {
        "query": result.ranking.query.text,
        "pages": [[page_id(hit.page), hit.page.source, hit.page.number] for hit in result.ranking[:CHOICES]],
    }
