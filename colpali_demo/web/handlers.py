"""What the events of the page call: each finds its visitor, acts for them, and returns values of components."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.context import LocalContext

from colpali_demo.export.lens_value import LensValue
from colpali_demo.occlusion import parse_box
from colpali_demo.web.example import LENS, load_example
from colpali_demo.web.faults import Refused, is_disk_full, log_fault
from colpali_demo.web.lessons.desk import Desk
from colpali_demo.web.payload import DownloadValue, LibraryValue, Message, model_value, samples_value
from colpali_demo.web.visitors.downloads import KINDS, MEASURES, SCALES
from colpali_demo.web.visitors.erasures import Target, What
from colpali_demo.web.visitors.indexing import POLL_SECONDS
from colpali_demo.web.visitors.search import Question
from colpali_demo.web.visitors.shelf import Choice

if TYPE_CHECKING:
    from colpali_demo.settings import Settings
    from colpali_demo.web.engine import Engine
    from colpali_demo.web.models import Models
    from colpali_demo.web.sources import Sample
    from colpali_demo.web.visitors import Sessions, Visitor

TICKET = re.compile(r"[A-Za-z0-9_-]{32}")  # 192 random bits, see TICKETS in page.py
EXAMPLES = 4  # buttons for the example queries of a sample
MAX_PREFIX = 100  # characters
MAX_AUGMENTATION = 50  # tokens
MAX_TOLD_CHARS = 300  # characters of a text that a component sends
LOADING: Message = {
    "title": "The first explanation is on its way",
    "message": "The model is loading in the background. This takes a few seconds.",
}
NOT_ASKED: Message = {"title": "Your pages are ready", "message": "Ask them something."}
NO_PAGES: Message = {"title": "No pages to search", "message": "Pick a sample or drop in a PDF, then ask it something."}
PAGE_GONE: Message = {
    "title": "This page is gone",
    "message": "It is no longer in your library. Search again.",
}
LIBRARY_GONE: Message = {
    "title": "Your library is gone",
    "message": "The server needed the room. Add your documents again.",
}
DISK_FULL: Message = {
    "title": "The server’s disk is full",
    "message": "Search for fewer pages, or try again later.",
}


def _told(event: gr.EventData, name: str) -> str:
    """Return a field of what a component told the server; it comes from the browser, so it may be anything."""
    data = getattr(event, "_data", None)
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str) or len(value) > MAX_TOLD_CHARS:
        raise Refused("Not understood", "This request is malformed; reload the page.")
    return value


class Handlers:
    """The handlers of all events. Visitors are found by the request's session hash.

    What cannot be done raises Refused, which the page turns into an error of Gradio's.
    """

    def __init__(self, models: Models, sessions: Sessions, settings: Settings) -> None:
        self._models = models
        self._sessions = sessions
        self._settings = settings
        self._desk = Desk(models.folder)
        # Threads of their own: searches need not wait for those that index.
        self._indexing = CapacityLimiter(settings.documents_at_once)

    @cached_property
    def _example(self) -> LensValue:
        return load_example(LENS, self._models.folder)

    def _visitor(self, request: gr.Request) -> Visitor:
        if not request.session_hash:
            raise Refused("No session", "Reload the page.")
        visitor = self._sessions.get(request.session_hash)
        visitor.quota.count_event()
        return visitor

    # ------------------------------------------------------------------ arriving and leaving

    def arrive(self, tickets: str | None, request: gr.Request) -> list[Any]:
        """Return what a visitor sees at once: the samples, and on the shelf the first, or those that a link names.

        `tickets` are two, with a space between: of the session that the same tab had before a reload, or nothing, and
        of this one. Who comes back so finds what they had.

        While the model is loading, the first of them with its first query comes from the bundled example.

        A link, `?model=NAME&sample=FILE&q=QUERY`, restores a search over samples; what it says of tokens is for the
        browser.
        """
        visitor = self._visitor(request)
        if self._sessions.come_back(request.session_hash, *_tickets(tickets)):
            visitor = self._visitor(request)
            visitor.indexing.stop_for_return()
            return self._back(visitor)
        choice = request.query_params.get("model")
        if choice and visitor.is_new:
            with suppress(Refused):  # no longer offered: the usual model then
                visitor.start_with(self._models.get(choice))
        samples = visitor.engine.samples
        linked = request.query_params.getlist("sample")
        for sample in [each for each in samples if each.source in linked] or samples[:1]:
            visitor.shelf.add_sample(sample.source)
        asks = [gr.skip()] * (1 + EXAMPLES)
        shelved = visitor.shelf.samples
        if shelved and shelved[0] is not samples[0]:
            asks = _asks(shelved[0])
        query = request.query_params.get("q", "").strip()[: self._settings.max_query_chars]
        if query and shelved and visitor.search.question is None:
            visitor.search.suggest(Question(query, self._settings.top_k))
            asks[0] = query
        return [samples_value(samples), visitor.library(), self._opening(visitor) or gr.skip(), *asks]

    def _back(self, visitor: Visitor) -> list[Any]:
        """Return what `arrive` does to a visitor who has reloaded; `first_look` answers their last question again."""
        question = visitor.search.question
        asks = [question.text if question else gr.skip(), *_buttons(visitor.shelf.queries()[:EXAMPLES])]
        return [samples_value(visitor.engine.samples), visitor.library(), gr.skip(), *asks]

    def _opening(self, visitor: Visitor) -> LensValue | None:
        """The bundled example, with whose it is, where `first_look` would show the same and has to wait; else None."""
        engine, samples = visitor.engine, visitor.shelf.samples
        if visitor.search.question or visitor.has_acted or not engine.capabilities.has_model:
            return None
        if engine.state == "failed" or (engine.encoder is not None and visitor.shelf.samples_ready()):
            return None
        if [sample.source for sample in samples] != self._example["samples"]:
            return None
        if samples[0].queries[0] != self._example["query"]["text"]:
            return None
        if engine.source.is_bundled:
            text = "by this very checkpoint, which is still loading; in a few seconds you can ask something else."
        else:
            maker = self._example["model"]["name"]
            text = f"by {maker}. {engine.source.name} is loading; when it is ready, you see what it finds."
        return {**self._example, "opening": text}

    async def follow_loading(self, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Follow the loading of the model, and then the samples of the visitor until they can be searched."""
        visitor = self._visitor(request)
        while not (visitor.engine.settled.is_set() and visitor.shelf.samples_ready()) or visitor.indexing.is_stopping:
            yield self._surroundings(visitor)
            await asyncio.sleep(POLL_SECONDS)
        yield self._surroundings(visitor)

    def _surroundings(self, visitor: Visitor) -> list[Any]:
        """Return the values of the model, the samples and the library."""
        engine = visitor.engine
        return [model_value(engine, self._models.offers(engine)), samples_value(engine.samples), visitor.library()]

    def choose_model(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Go over to another model."""
        visitor = self._visitor(request)
        visitor.change_model(self._models.get(_told(event, "name")))
        asks = _asks(next(iter(visitor.shelf.samples or visitor.engine.samples), None))
        if visitor.search.question is not None:
            asks[0] = visitor.search.question.text
        return [*self._surroundings(visitor), LOADING, *asks]

    async def embed_again(self, request: gr.Request) -> AsyncIterator[LibraryValue]:
        """Embed the visitor's pages with the model they have chosen; one value of the library a batch of pages."""
        async with aclosing(self._work(lambda visitor: visitor.indexing.embed_again(), request)) as values:
            async for value in values:
                yield value

    def first_look(self, request: gr.Request) -> Any:
        """Return the first sample with its first query, unless the visitor has begun something of their own."""
        visitor = self._visitor(request)
        samples = visitor.shelf.samples
        if samples and not visitor.has_acted:
            visitor.search.suggest(Question(samples[0].queries[0], self._settings.top_k))
        return self._found(visitor)

    async def leave(self, request: gr.Request) -> None:
        """Free what the visitor had."""
        blocks = LocalContext.blocks.get()
        blocks._queue.forget(request.session_hash)
        await to_thread.run_sync(self._sessions.leave, request.session_hash)
        # Gradio keeps the last values of a session, megabytes of them, until a hundred others have come.
        blocks.state_holder.session_data.pop(request.session_hash, None)

    # ------------------------------------------------------------------ the library

    def open_sample(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Add a sample and offer its queries."""
        visitor = self._visitor(request)
        visitor.act()
        sample = visitor.shelf.add_sample(_told(event, "file"))
        return [visitor.library(), *_asks(sample)]

    async def follow_samples(self, request: gr.Request) -> AsyncIterator[LibraryValue]:
        """Follow the samples of the visitor until they can be searched."""
        visitor = self._visitor(request)
        while not visitor.shelf.samples_ready():
            yield visitor.library()
            await asyncio.sleep(POLL_SECONDS)
        yield visitor.library()

    def receive(self, paths: list[str], request: gr.Request) -> tuple[None, LibraryValue]:
        """Take over uploaded files and empty the upload box."""
        visitor = self._visitor(request)
        visitor.receive(paths)
        visitor.shelf.search_next_alone()
        return None, visitor.library()

    async def index(self, request: gr.Request) -> AsyncIterator[LibraryValue]:
        """Index the uploaded files; one value of the library a batch of pages."""
        async with aclosing(self._work(lambda visitor: visitor.indexing.run(), request)) as values:
            async for value in values:
                yield value

    async def _work(
        self, task: Callable[[Visitor], Iterator[float]], request: gr.Request
    ) -> AsyncGenerator[LibraryValue]:
        visitor = self._visitor(request)
        job = task(visitor)
        step = None
        try:
            while True:
                step = asyncio.ensure_future(to_thread.run_sync(next, job, None, limiter=self._indexing))
                if (pause := await asyncio.shield(step)) is None:
                    break
                yield visitor.library()
                await asyncio.sleep(pause)
        except Exception:
            fault = log_fault("index")
            text = f"Something went wrong, so indexing ended. Try again; if it happens again, quote {fault}."
            visitor.shelf.note("Your library", None, "indexing_failed", text)
        finally:
            if step is None or step.done():
                job.close()
            else:  # cancelled while a thread is in it; until it is closed, it holds a place among those that read
                step.add_done_callback(lambda step: (step.exception(), job.close()))
        if visitor.presence.left:
            yield self._visitor(request).library()  # of a new visitor, and it says that this one was freed
        elif self._sessions.find(request.session_hash or "") is visitor:  # no other session has them after a reload
            yield visitor.library()

    def choose_documents(self, event: gr.EventData, request: gr.Request) -> LibraryValue:
        """Search all documents, only one, or one more or less."""
        visitor = self._visitor(request)
        visitor.act()
        which = _told(event, "which")
        if which not in get_args(Choice):
            raise Refused("Not understood", "This request is malformed; reload the page.")
        visitor.shelf.choose(which, _told(event, "document"))
        return visitor.library()

    def offer(self, request: gr.Request) -> list[Any]:
        """Offer queries for what is searched now; the first of them is asked in the place of a sample's own."""
        visitor = self._visitor(request)
        queries = visitor.shelf.queries()[:EXAMPLES]
        question = visitor.search.question
        of_samples = {query for sample in visitor.engine.samples for query in sample.queries}
        asks = _buttons(queries)
        if not queries or (question is not None and question.text not in of_samples - {*queries}):
            return [gr.skip(), *asks]
        visitor.search.ask(Question(queries[0], question.top_k if question else self._settings.top_k))
        return [queries[0], *asks]

    def cancel(self, request: gr.Request) -> LibraryValue:
        """Stop after the page at hand."""
        visitor = self._visitor(request)
        visitor.indexing.stop()
        return visitor.library()

    def dismiss(self, request: gr.Request) -> LibraryValue:
        """Show no more what could not be read."""
        visitor = self._visitor(request)
        visitor.shelf.dismiss_errors()
        return visitor.library()

    def remove(self, event: gr.EventData, request: gr.Request) -> LibraryValue:
        """Take a document off the shelf."""
        visitor = self._visitor(request)
        visitor.shelf.remove(_told(event, "document"))
        return visitor.library()

    def clear(self, request: gr.Request) -> LibraryValue:
        """Take everything off the shelf."""
        visitor = self._visitor(request)
        visitor.clear()
        return visitor.library()

    # ------------------------------------------------------------------ search

    def search(self, text: str | None, top_k: float | None, request: gr.Request) -> Any:
        """Return the value of the lens for a query."""
        visitor = self._visitor(request)
        visitor.act()
        if not (text or "").strip():
            return gr.skip()
        question = Question(text.strip(), int(top_k or self._settings.top_k))
        if len(question.text) > self._settings.max_query_chars:  # no browser sends so many: refused, and not remembered
            return _shown(visitor, lambda: visitor.search.find(question.text, question.top_k))
        visitor.search.ask(question)
        return self._found(visitor)

    def search_again(self, request: gr.Request) -> Any:
        """Return the last search once more, over the pages there are now."""
        return self._found(self._visitor(request))

    def _found(self, visitor: Visitor, **encoding: Any) -> LensValue | Message:
        """Return what the lens shows for the last question: the explanation, or why there is none."""
        question = visitor.search.question
        if not_ready := _not_ready(visitor.engine):
            return not_ready
        if not visitor.shelf.searchable().indexes:
            visitor.search.forget_result()
            return NO_PAGES
        if question is None:
            return NOT_ASKED
        return _shown(visitor, lambda: visitor.search.find(question.text, question.top_k, **encoding))

    def open_page(self, event: gr.EventData, request: gr.Request) -> LensValue | Message:
        """Return the lens with one page more in it."""
        visitor = self._visitor(request)
        key = _told(event, "key")
        return _shown(visitor, lambda: visitor.search.open_page(key))

    def erase(self, event: gr.EventData, request: gr.Request) -> LensValue | Message:
        """Return the lens with one thing more erased of a page, which is embedded anew, or with steps undone."""
        visitor = self._visitor(request)
        visitor.act()
        key, what, tokens, box = (_told(event, name) for name in ("key", "what", "tokens", "box"))
        if what in ("undo", "reset"):
            return _shown(visitor, lambda: visitor.search.restore(key, 1 if what == "undo" else None), refuses=True)
        target = _target(what, tokens, box)
        return _shown(visitor, lambda: visitor.search.erase(key, target), refuses=True)

    def encode_again(self, event: gr.EventData, request: gr.Request) -> Any:
        """Return the last search with another prefix and another number of augmentation tokens."""
        visitor = self._visitor(request)
        prefix, augmentation = _told(event, "prefix"), _told(event, "augmentation")
        if visitor.search.question is None or not augmentation.isdecimal() or int(augmentation) > MAX_AUGMENTATION:
            return gr.skip()
        return self._found(visitor, prefix=prefix[:MAX_PREFIX], augmentation=int(augmentation))

    def take_away(self, event: gr.EventData, request: gr.Request) -> DownloadValue:
        """Return a file of what the lens shows."""
        names = ("kind", "key", "token", "scale", "measure", "start")
        kind, key, token, scale, measure, start = (_told(event, name) for name in names)
        known = kind in KINDS and scale in SCALES and measure in MEASURES
        if not known or (token and not token.isdecimal()):
            raise Refused("Not understood", "This request is malformed; reload the page.")
        return self._visitor(request).search.download(kind, key, int(token) if token else None, scale, measure, start)

    # ------------------------------------------------------------------ how it works

    def open_lessons(self, request: gr.Request) -> dict[str, Any]:
        """Return what the lessons show when their tab is opened."""
        return self._desk.arrive(self._visitor(request))

    def open_lesson(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Return the bundled lesson, or the one on a page of the last search."""
        visitor = self._visitor(request)
        if _told(event, "source") == "example":
            return self._desk.example(visitor)
        return self._desk.own(visitor, _told(event, "key"))

    def erase_winners(self, request: gr.Request) -> dict[str, Any]:
        """Return the lesson on show with what becomes of its page when winners are erased."""
        return self._desk.erase_winners(self._visitor(request))

    def measure(self, request: gr.Request) -> dict[str, Any]:
        """Return the lesson on show with what embedding and scoring take on this machine."""
        return self._desk.measure(self._visitor(request))


def _target(what: str, tokens: str, box: str) -> Target:
    """Return what a component asked to erase: of tokens, "3,4", or a box, "left,top,right,bottom"."""
    if what == "box":
        with suppress(ValueError):
            return Target(given=(parse_box(box),))
    parts = tokens.split(",")
    if what in get_args(What) and all(part.isascii() and part.isdecimal() for part in parts):
        return Target(what, tuple(map(int, parts)))
    raise Refused("Not understood", "This request is malformed; reload the page.")


def _asks(sample: Sample | None) -> list[Any]:
    """Updates of the query box and of the example buttons."""
    queries = sample.queries[:EXAMPLES] if sample else ()
    return [queries[0] if queries else gr.skip(), *_buttons(queries)]


def _tickets(text: str | None) -> tuple[str, str]:
    """Return the two tickets that the browser sends, "" for one that is none."""
    kept, _, ticket = (text or "").partition(" ") if isinstance(text, str) else ("", "", "")
    return kept if TICKET.fullmatch(kept) else "", ticket if TICKET.fullmatch(ticket) else ""


def _buttons(queries: Sequence[str]) -> list[Any]:
    """Updates of the buttons for some queries; those without one are hidden."""
    buttons = [gr.update(value=query, visible=True) for query in queries]
    return [*buttons, *[gr.update(visible=False)] * (EXAMPLES - len(queries))]


def _not_ready(engine: Engine) -> Message | None:
    """Return what the lens says while there is no model."""
    if engine.encoder is not None:
        return None
    return {"title": "The model could not be loaded", "message": engine.error} if engine.error else LOADING


def _shown(visitor: Visitor, look: Callable[[], LensValue], *, refuses: bool = False) -> LensValue | Message:
    """Return the value of the lens; where there is none, what the lens says instead.

    What was refused is said in the place of the lens, too, or with `refuses` raised, so that the lens stays as it is.
    """
    try:
        return look()
    except Refused as refused:
        if refuses:
            raise
        return {"title": refused.title, "message": refused.message}
    except KeyError:
        return PAGE_GONE
    except Exception as error:
        if visitor.presence.left:
            return LIBRARY_GONE
        fault = log_fault("search")
        if is_disk_full(error):
            return DISK_FULL
        return {"title": "This search failed", "message": f"Try again; if it happens again, quote {fault}."}
