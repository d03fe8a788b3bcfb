"""The searches of one visitor, and what the lens shows of them."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from colpali_demo.encoder.files import CheckpointError
from colpali_demo.export.lens_value import LensValue, ShownErasure, Strength, file_data, lens_value
from colpali_demo.export.pictures import page_id, write_erased
from colpali_demo.retrieval import rank_together
from colpali_demo.web.faults import Refused
from colpali_demo.web.visitors.downloads import file_bytes, file_name
from colpali_demo.web.visitors.erasures import Erasing, erased_anew, next_step

if TYPE_CHECKING:
    from pathlib import Path

    from colpali_demo.documents import Page
    from colpali_demo.encoder.layout import QueryEmbedding
    from colpali_demo.encoder.vocabulary import VocabularyFit
    from colpali_demo.evidence import Erasure
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import Hit, Ranking
    from colpali_demo.settings import Settings
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.payload import DownloadValue
    from colpali_demo.web.visitors.erasures import Target
    from colpali_demo.web.visitors.quota import Quota
    from colpali_demo.web.visitors.shelf import Searchable, Shelf

MAX_EXPLAINED = 10  # pages of one search
MAX_SENT = 30  # pages of one search in the lens, those opened besides included; then the oldest are left out
QUERIES = 8  # remembered for the lessons
ERASED = "erased-"  # begins the names of the files of a page of which parts are erased


@dataclass(frozen=True)
class Question:
    """A query, and how many pages to explain."""

    text: str
    top_k: int


@dataclass(frozen=True)
class Result:
    """The last search that the lens shows.

    name: no other search has it
    engine: whose model embedded the query
    samples: file names of the samples searched; None where other pages were searched, too
    strength: whether the best match is weak; None while the checkpoint is not calibrated
    explanations: those sent so far, by page key, the oldest first; of whole pages
    fits: how well the vocabulary fits the words of these pages, by key
    erasing: what is erased of one of these pages; None where all are whole
    """

    name: str
    engine: Engine
    ranking: Ranking
    top_k: int
    samples: list[str] | None
    strength: Strength | None
    explanations: dict[str, Explanation]
    fits: dict[str, VocabularyFit | None]
    erasing: Erasing | None = None

    def hit(self, key: str) -> Hit | None:
        """Return the hit of a page by its key; None if it was not searched."""
        return next((hit for hit in self.ranking if page_id(hit.page) == key), None)

    def with_page(self, key: str) -> Result:
        """Return the same with the explanation of one more page, the latest. Raises KeyError if it was not searched."""
        hit = self.hit(key)
        if hit is None:
            raise KeyError(key)
        sent = {other: explanation for other, explanation in self.explanations.items() if other != key}
        kept = list(sent.items())[-(MAX_SENT - 1) :]
        erasing = self.erasing if self.erasing and self.erasing.key in {*dict(kept), key} else None
        fits = {**self.fits, key: vocabulary_fit(self.engine, hit.page)}
        return replace(self, explanations={**dict(kept), key: hit.explain()}, fits=fits, erasing=erasing)

    def steps(self, key: str) -> tuple[Erasure, ...]:
        """Return the steps by which parts of a page were erased; none of a whole one."""
        return self.erasing.steps if self.erasing and self.erasing.key == key else ()

    def shown(self, key: str) -> tuple[Explanation, int]:
        """Return the explanation of a page as the lens shows it, and its rank. Raises KeyError if it was not sent."""
        if steps := self.steps(key):
            return steps[-1].after, steps[-1].rank_after
        explanation = self.explanations[key]
        return explanation, self.ranking.hit(explanation.page).rank


def vocabulary_fit(engine: Engine, page: Page) -> VocabularyFit | None:
    """Return how well the vocabulary of an engine's model fits the words of a page."""
    return engine.encoder.vocabulary_fit(word.text for word in page.words)


class Search:
    """The searches of one visitor over what is on their shelf; the last question and its result are kept.

    folder: takes what the browser fetches
    make_room: frees others for what explanations take

    Threads may share it. The model runs for one search of a visitor at a time, see `turn`.
    """

    def __init__(
        self, shelf: Shelf, quota: Quota, settings: Settings, folder: Path, make_room: Callable[[], bool]
    ) -> None:
        self._shelf = shelf
        self._quota = quota
        self._settings = settings
        self._folder = folder
        self._make_room = make_room
        self._question: Question | None = None
        self._queries: deque[str] = deque(maxlen=QUERIES)
        self._result: Result | None = None
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory that the explanations of the last search take: their cosines, once more as maps."""
        result = self._result
        if result is None:
            return 0
        erased = result.erasing.nbytes if result.erasing else 0
        return erased + sum(2 * each.similarities.nbytes for each in result.explanations.values())

    @property
    def question(self) -> Question | None:
        """What was asked last, whether or not it has been answered."""
        return self._question

    @property
    def result(self) -> Result | None:
        """The last search that the lens shows; None before the first."""
        return self._result

    @property
    def queries(self) -> list[str]:
        """The last few queries that the lens has answered, the last one first."""
        with self._lock:
            return list(self._queries)

    def ask(self, question: Question) -> None:
        """Remember what is asked now."""
        with self._lock:
            self._question = question

    def suggest(self, question: Question) -> None:
        """Remember a question that the visitor has not asked, unless they have asked one."""
        with self._lock:
            self._question = self._question or question

    def forget_result(self) -> None:
        """Show no search any more."""
        with self._lock:
            self._result = None

    def adapt_question(self) -> None:
        """Replace the last question where the shelf's model cannot embed it, by one of the first sample's."""
        engine = self._shelf.engine
        if engine.capabilities.embeds_queries or not engine.samples:
            return
        known = {query for sample in engine.samples for query in sample.queries}
        with self._lock:
            if self._question is not None and self._question.text not in known:
                sample = (self._shelf.samples or engine.samples)[0]
                self._question = Question(sample.queries[0], self._question.top_k)

    @contextmanager
    def turn(self, engine: Engine) -> Iterator[None]:
        """Wait for a turn of this visitor at the model of an engine, and hold it."""
        with engine.turns.search(self):
            yield

    # ------------------------------------------------------------------ ranking

    def find(self, text: str, top_k: int, *, prefix: str | None = None, augmentation: int | None = None) -> LensValue:
        """Rank every page for a query; the value of the lens. Raises Refused.

        `prefix` and `augmentation` are the checkpoint's unless given, see `Encoder.embed_query`.
        """
        searchable = self._checked(text)
        explained = min(max(1, top_k), max(MAX_EXPLAINED, self._settings.top_k))
        with self.turn(searchable.engine):
            query = self._embed(searchable, text, prefix, augmentation)
            ranking = rank_together(searchable.indexes, query, self._settings.ranker, explained)
            return self._show(searchable, ranking, explained)

    def rank(self, text: str, explained: int) -> Ranking:
        """Rank every page, for others than the lens, who will explain so many of the best. Raises Refused."""
        searchable = self._checked(text)
        with self.turn(searchable.engine):
            query = self._embed(searchable, text)
            return rank_together(searchable.indexes, query, self._settings.ranker, explained)

    def _checked(self, text: str) -> Searchable:
        limit = self._settings.max_query_chars
        if not text.strip():
            raise Refused("Nothing to search for", "Type a query.")
        if len(text) > limit:
            raise Refused("Too long", f"A query may have {limit} characters; this one has {len(text)}.")
        searchable = self._shelf.searchable()
        if not searchable.indexes:
            raise Refused("No pages to search", "Pick a sample or drop in a PDF, then ask it something.")
        self._quota.count_search()
        return searchable

    def _embed(
        self, searchable: Searchable, text: str, prefix: str | None = None, augmentation: int | None = None
    ) -> QueryEmbedding:
        try:
            query = searchable.engine.encoder.embed_query(text, prefix=prefix, augmentation=augmentation)
        except CheckpointError as error:
            if error.code == "not_precomputed":
                raise Refused("No model for this query", error.message) from None
            raise
        limit, count = self._settings.max_query_tokens, len(query.tokens)
        if count > limit:
            raise Refused("Too long", f"A query may have {limit} tokens; this one has {count}. Ask in fewer words.")
        return query

    # ------------------------------------------------------------------ the lens

    def _show(self, searchable: Searchable, ranking: Ranking, top_k: int) -> LensValue:
        for old in (*self._folder.glob("*.maps"), *self._folder.glob(f"{ERASED}*")):
            old.unlink(missing_ok=True)
        documents = dict.fromkeys(hit.page.document_id for hit in ranking)
        samples = [searchable.samples.get(document_id) for document_id in documents]
        result = Result(
            name=secrets.token_hex(6),
            engine=searchable.engine,
            ranking=ranking,
            top_k=top_k,
            samples=None if None in samples else samples,
            strength=searchable.indexes[0].strength(ranking[0]) if searchable.engine.calibrated else None,
            explanations={page_id(hit.page): hit.explain() for hit in ranking[:top_k]},
            fits={page_id(hit.page): vocabulary_fit(searchable.engine, hit.page) for hit in ranking[:top_k]},
        )
        text = ranking.query.text
        with self._lock:
            self._result = result
            if text in self._queries:
                self._queries.remove(text)
            self._queries.appendleft(text)
        return self._lens(result, page_id(ranking[0].page))

    def open_page(self, key: str) -> LensValue:
        """Return the value of the lens with one more page of the last search.

        Raises KeyError if that has no such page, and Refused where pages are opened too often.
        """
        self._quota.count_page()
        with self._lock:
            if self._result is None:
                raise KeyError(key)
            self._result = result = self._result.with_page(key)
        return self._lens(result, key)

    # ------------------------------------------------------------------ erasing

    def erase(self, key: str, target: Target) -> LensValue:
        """Erase one thing more of a page of the last search, and embed the page anew; the value of the lens.

        What was erased of another page is forgotten. Raises KeyError if the lens has no such page, and Refused.
        """
        result = self._result
        if result is None:
            raise KeyError(key)
        explanation, steps = result.shown(key)[0], result.steps(key)
        with self._model_for_pages(result.engine):
            steps = next_step(result.ranking, explanation, steps, target)
        return self._after(result, key, steps)

    def erase_once(self, hit: Hit, target: Target, *, only: bool) -> Erasure:
        """Erase something of a page of any search, for others than the lens; nothing is kept. Raises Refused."""
        explanation = hit.explain()
        boxes = target.boxes(explanation)
        with self._model_for_pages(self._shelf.engine):
            return erased_anew(hit.ranking, explanation, boxes, only=only)

    @contextmanager
    def _model_for_pages(self, engine: Engine) -> Iterator[None]:
        """Wait for a turn at a model that can embed a page anew. Raises Refused where there is none, or too often."""
        if not engine.capabilities.embeds_pages:
            raise Refused("No model for this page", "This set was computed beforehand. Choose a model that runs here.")
        self._quota.count_erasure()
        with engine.turns.batch():
            yield

    def restore(self, key: str, undone: int | None = None) -> LensValue:
        """Undo the last steps of erasing parts of a page, or all; the value of the lens. Raises as `erase`."""
        self._quota.count_page()
        result = self._result
        if result is None or key not in result.explanations:
            raise KeyError(key)
        steps = result.steps(key)
        return self._after(result, key, () if undone is None else steps[:-undone])

    def _after(self, result: Result, key: str, steps: tuple[Erasure, ...]) -> LensValue:
        """Keep steps of the search that is still the last, and return the lens with them."""
        for old in self._folder.glob(f"*{ERASED}*"):
            old.unlink(missing_ok=True)
        erasing = None
        if steps:
            name = f"{ERASED}{secrets.token_hex(6)}"
            page, size = steps[-1].after.page, result.engine.public_model_info["input"]
            erasing = Erasing(key, steps, write_erased(page, name, self._folder, size))
        with self._lock:
            if self._result is None or self._result.name != result.name:
                raise KeyError(key)
            self._result = result = replace(self._result, erasing=erasing)
        return self._lens(result, key)

    def _lens(self, result: Result, focus: str) -> LensValue:
        self._make_room()
        return lens_value(
            search=result.name,
            model=result.engine.public_model_info,
            choice=result.engine.choice,
            ranking=result.ranking,
            explanations=list(result.explanations.values()),
            top_k=result.top_k,
            focus=focus,
            strength=result.strength,
            pictures=self._shelf.pictures(),
            blank=result.engine.blank,
            samples=result.samples,
            fits=result.fits,
            save=self.save,
            shown=_shown(result.erasing),
        )

    def save(self, name: str, data: bytes) -> Path:
        """Write a file for the browser into the visitor's folder."""
        path = self._folder / name
        path.write_bytes(data)
        return path

    # ------------------------------------------------------------------ downloads

    def download(self, kind: str, key: str, token: int | None, scale: str, measure: str, start: str) -> DownloadValue:
        """Make a file, one of `downloads.KINDS`, about a page of the last search. Raises Refused.

        `token` is the one that a figure shows, on one of `downloads.SCALES`. Where it shows all, it places one of
        `downloads.MEASURES` on winners. `start` is what a file of the lens shows first.
        """
        result = self._result
        if result is None or key not in result.explanations:
            raise Refused("This page is gone", "Search again.")
        (explanation, rank), steps = result.shown(key), result.steps(key)
        if token is not None and token >= len(explanation.tokens):
            raise Refused("This page is gone", "Search again.")
        self._quota.count_download()
        with self.turn(result.engine):
            data = file_bytes(
                kind,
                explanation,
                rank=rank,
                erasure=steps[-1] if steps else None,
                model=result.engine.public_model_info,
                weak=bool(result.strength and result.strength["weak"]),
                token=token,
                scale=scale,
                measure=measure,
                cosines=result.ranking.cosines.including(explanation.maps),
                others=[explanation if other == key else each for other, each in result.explanations.items()],
                start=start,
                lens=lambda: self._lens(result, key),
            )
        folder = self._folder / "taken"
        shutil.rmtree(folder, ignore_errors=True)  # only the last download is kept
        id, name = secrets.token_hex(6), file_name(explanation, kind)
        (folder / id).mkdir(parents=True)
        (folder / id / name).write_bytes(data)
        return {"id": id, "name": name, "file": file_data(folder / id / name)}


def _shown(erasing: Erasing | None) -> ShownErasure | None:
    return None if erasing is None else ShownErasure(erasing.last, len(erasing.steps), erasing.pictures)
