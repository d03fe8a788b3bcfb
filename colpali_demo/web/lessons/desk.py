"""Which lesson a visitor sees: the bundled example, or a page of their own last search."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from colpali_demo.samples import read_questions
from colpali_demo.web.example import LESSON, load_example
from colpali_demo.web.faults import Refused
from colpali_demo.web.pictures import page_key

if TYPE_CHECKING:
    from colpali_demo.lessons.batch import Batch
    from colpali_demo.retrieval import Hit
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.sessions import Session
    from colpali_demo.web.turns import Rate

CHOICES = 40  # pages to choose from
BEFORE_A_SEARCH = "Search in Explore, and the cards are about your own page."
OF_A_SET = "Your model is precomputed and cannot be taken apart; with any other, the cards are about your own page."


@dataclass(frozen=True)
class LessonOnShow:
    """A visitor's last lesson; `search` and `hit` are None for the example."""

    value: dict[str, Any]
    search: str | None = None
    hit: Hit | None = None


class Desk:
    """Makes lessons for visitors. `folder` takes the files of the example.

    The cards take the model apart, so a set that was computed beforehand has no lesson: its visitors see the example.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches: WeakKeyDictionary[Engine, Batch] = WeakKeyDictionary()

    @cached_property
    def _example(self) -> dict[str, Any]:
        return load_example(LESSON, self._folder)

    def arrive(self, session: Session) -> dict[str, Any]:
        """What is there when the tab is opened: the visitor's last search, if they have searched, else the example."""
        showing = session.lesson
        if session.result is None or not session.touched or not session.engine.RUNS_MODEL:
            return self.example(session)
        if showing is not None and showing.search == session.result.search:
            return showing.value
        return self.own(session, page_key(session.result.ranking[0].page))

    def example(self, session: Session) -> dict[str, Any]:
        """The bundled lesson."""
        own = self._own_pages(session)
        hint = "" if own else BEFORE_A_SEARCH if session.engine.RUNS_MODEL else OF_A_SET
        value = {**self._example, "example": True, "measured": None, "own": own, "hint": hint}
        session.lesson = LessonOnShow(value)
        return value

    def own(self, session: Session, key: str) -> dict[str, Any]:
        """The lesson on a page of the visitor's last search; the example where there is no such page any more.

        Raises Refused where lessons are opened too often.
        """
        from colpali_demo.lessons.batch import asked_batch
        from colpali_demo.web.lessons.value import lesson_value

        if not session.engine.RUNS_MODEL:
            return self.example(session)
        engine, result, pictures = session.engine, session.result, session.pictures()
        hit = next((hit for hit in result.ranking if page_key(hit.page) == key), None) if result else None
        if hit is None or any(page_key(other.page) not in pictures for other in result.ranking):
            return self.example(session)
        _wait(session.lesson_rate)
        for old in session.folder.glob("lesson-*"):
            old.unlink(missing_ok=True)
        with engine.turns.search(session):
            value = lesson_value(
                name=f"lesson-{secrets.token_hex(6)}",
                encoder=engine.encoder,
                ranking=result.ranking,
                hit=hit,
                batch=self._batch(engine),
                asked=asked_batch(engine.encoder, result.ranking, session.queries),
                pictures=pictures | {key: each for sample in engine.samples for key, each in sample.pictures.items()},
                save=session.save,
            )
        value |= {"example": False, "measured": None, "own": self._own_pages(session)}
        session.lesson = LessonOnShow(value, result.search, hit)
        return value

    def _batch(self, engine: Engine) -> Batch | None:
        """The batch of the samples with the model at hand; None while they are not embedded."""
        from colpali_demo.lessons.batch import labelled_batch

        if engine not in self._batches:
            file, questions = read_questions()
            sample = next((sample for sample in engine.samples if sample.source == file), None)
            if sample is None or not sample.finished.is_set() or sample.error:
                return None
            self._batches[engine] = labelled_batch(sample.index.rank, questions)
        return self._batches[engine]

    def _own_pages(self, session: Session) -> dict[str, Any] | None:
        """The visitor's last query and the pages to choose from; None where there is nothing to take apart."""
        if session.result is None or not session.engine.RUNS_MODEL:
            return None
        ranking = session.result.ranking
        return {
            "query": ranking.query.text,
            "pages": [[page_key(hit.page), hit.page.source, hit.page.number] for hit in ranking[:CHOICES]],
        }

    def measure(self, session: Session) -> dict[str, Any]:
        """The lesson on show with the milliseconds that embedding and scoring take here and now. Raises Refused."""
        from colpali_demo.lessons.lesson import measure

        engine, result = session.engine, session.result
        if not engine.RUNS_MODEL:
            raise Refused("Nothing to measure", "This set was computed beforehand. Choose a model that runs here.")
        if engine.encoder is None or result is None:
            raise Refused("Not yet", "The model is still loading; try again in a few seconds.")
        _wait(session.measure_rate)
        showing = session.lesson
        if showing is None or showing.search not in (None, result.search):
            self.arrive(session)
            showing = session.lesson
        with engine.turns.batch():
            measured = measure(engine.encoder, result.ranking, showing.hit or result.ranking[0])
        session.lesson = LessonOnShow({**showing.value, "measured": measured}, showing.search, showing.hit)
        return session.lesson.value


def _wait(rate: Rate) -> None:
    if seconds := rate.wait():
        raise Refused("One moment", f"Too many at once; try again in {seconds:.0f} s.")
