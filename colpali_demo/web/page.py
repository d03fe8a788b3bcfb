"""The page: what is where, and which event calls what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.block_function import BlockFunction
from gradio.context import LocalContext
from gradio.data_classes import ListFiles

from colpali_demo.settings import Settings
from colpali_demo.web.api import NOTES as API_NOTES
from colpali_demo.web.api import STATELESS, add_endpoints
from colpali_demo.web.checkpoint import Checkpoint
from colpali_demo.web.delivery import Delivery
from colpali_demo.web.engine import BUNDLED, Engine
from colpali_demo.web.example import LENS, load_example
from colpali_demo.web.faults import Refused, is_disk_full, log_fault
from colpali_demo.web.inputs import checked
from colpali_demo.web.lens import Lens
from colpali_demo.web.lessons import FOLLOW_LINKS, Lessons
from colpali_demo.web.lessons.desk import Desk
from colpali_demo.web.library import Library
from colpali_demo.web.matrix import Matrix
from colpali_demo.web.models import Models
from colpali_demo.web.payload import checkpoint_value, library_value, samples_value
from colpali_demo.web.samples import Samples
from colpali_demo.web.sessions import POLL_SECONDS, Session, Sessions
from colpali_demo.web.shelf import Shelf
from colpali_demo.web.takeaway import KINDS
from colpali_demo.web.visitor_queue import VisitorQueue

EXAMPLES = 4  # buttons for the example queries of a sample
MAX_PREFIX = 100  # characters
MAX_AUGMENTATION = 50  # tokens
LOADING = {
    "title": "The first explanation is on its way",
    "message": "The model is loading in the background. This takes a few seconds.",
}
LESSONS_LOADING = {"title": "The cards are being laid out", "message": ""}
NOT_ASKED = {"title": "Your pages are ready", "message": "Ask them something."}
NO_PAGES = {"title": "No pages to search", "message": "Pick a sample or drop in a PDF, then ask it something."}
MAX_TOLD_CHARS = 300
FILE_TYPES = [".pdf", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]

MASTHEAD = """
<h1>Why did this page match?</h1>
<p>See where each word of your query matched.</p>
"""

# What the browser announces to the components on the page, see shared/events.js.
ASKED = 'text => { document.dispatchEvent(new CustomEvent("query-asked", { detail: { text: text || "" } })); }'
# The examples of the API with the address that the visitor has for this page.
AT_THIS_ADDRESS = f"""() => {json.dumps(API_NOTES)}.replaceAll(
  "http://127.0.0.1:7860", window.location.origin + window.location.pathname.replace(/[/]+$/, ""))"""
SETTLED = '() => { document.dispatchEvent(new CustomEvent("query-settled")); }'

NOTES = (Path(__file__).parent / "notes.md").read_text("utf-8")


def build_page(models: Models, sessions: Sessions, settings: Settings) -> gr.Blocks:
    """The Gradio app. Start the engine before or after; the page works as soon as it is up."""
    engine = models.default
    handlers = _Handlers(models, sessions, settings)
    # Of searches asked for while one runs, the last is answered.
    search_group: dict[str, Any] = {
        "concurrency_id": "search",
        "concurrency_limit": 4,
        "trigger_mode": "always_last",
    }
    lesson_group: dict[str, Any] = {"concurrency_id": "lessons", "concurrency_limit": 2}
    # Visitors who index take turns batch by batch, see `turns`, so all of them may begin.
    indexing_group: dict[str, Any] = {"concurrency_id": "indexing", "concurrency_limit": None}
    # Waiting costs no thread, so as many visitors as like may wait.
    waiting_group: dict[str, Any] = {"concurrency_id": "waiting", "concurrency_limit": None}
    plain: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    queries = engine.samples[0].queries[:EXAMPLES] if engine.samples else ()

    # Gradio's own `delete_cache` would take the pictures of the samples after a while; sessions delete what is theirs.
    with _Page(title="Why did this page match?", analytics_enabled=False, fill_width=True) as demo:
        add_endpoints(sessions, settings)  # first, so that no event of the page takes their names
        with gr.Row(elem_classes="top", equal_height=False):
            gr.HTML(MASTHEAD, elem_classes="masthead", apply_default_css=False)
            checkpoint = Checkpoint(checkpoint_value(engine, models.offers(engine)), elem_id="checkpoint")
        with gr.Tabs():
            with gr.Tab("Explore"):
                with gr.Row(elem_classes="ask", equal_height=True):
                    query = gr.Textbox(
                        queries[0] if queries else None,
                        label="Query",
                        show_label=False,
                        placeholder="Ask your pages something",
                        max_lines=1,
                        max_length=settings.max_query_chars,
                        scale=8,
                        min_width=180,
                        elem_id="query",
                    )
                    top_k = gr.Dropdown(
                        [(f"Top {n}", n) for n in sorted({1, 3, 5, 10, settings.top_k})],
                        value=settings.top_k,
                        label="How many pages to explain",
                        show_label=False,
                        scale=0,
                        min_width=76,
                        elem_id="top-k",
                    )
                    button = gr.Button("Search", variant="primary", scale=0, min_width=104, elem_id="search")
                with gr.Row(elem_classes="below", equal_height=False):
                    with gr.Row(elem_classes="examples"):
                        examples = [
                            gr.Button(queries[n] if n < len(queries) else "", visible=n < len(queries), size="sm")
                            for n in range(EXAMPLES)
                        ]
                    Shelf(
                        panel="desk",
                        upload_box="upload",
                        query_box="query",
                        max_query_chars=settings.max_query_chars,
                        elem_id="shelf",
                    )
                with gr.Row(elem_id="desk", elem_classes="desk", equal_height=False):
                    with gr.Column(scale=6, min_width=300):
                        samples = Samples(samples_value(engine.samples), elem_id="samples")
                    with gr.Column(scale=4, min_width=300):
                        upload = _Upload(
                            label=f"Add your own: up to {settings.max_pages} pages, {settings.max_file_mb} MB",
                            file_count="multiple",
                            file_types=FILE_TYPES,
                            elem_id="upload",
                        )
                        gr.HTML(_privacy(settings), elem_classes="privacy", apply_default_css=False)
                    with gr.Column(scale=3, min_width=260):
                        library = Library(library_value([], []), elem_id="library")
                lens = Lens(LOADING, elem_id="lens")
                delivery = Delivery(elem_id="delivery")
                Matrix("lens", elem_id="matrix")
            with gr.Tab("How it works", elem_id="how-it-works") as how_it_works:
                lessons = Lessons(LESSONS_LOADING, elem_id="lessons")
            with gr.Tab("API"):
                api_notes = gr.Markdown(API_NOTES, elem_classes=["notes-page", "api-page"])
            with gr.Tab("Notes"):
                gr.Markdown(NOTES, elem_classes="notes-page")

        asks = [query, *examples]
        demo.load(handlers.arrive, None, [samples, library, lens, *asks], **plain, queue=False).then(
            handlers.follow_loading, None, [checkpoint, samples, library], **plain, **waiting_group
        ).then(handlers.first_look, None, lens, **plain, **search_group)
        for event in (query.submit, button.click):
            event(None, query, None, js=ASKED, **plain, queue=False)
            event(handlers.search, [query, top_k], lens, **plain, **search_group).then(None, js=SETTLED, **plain)
        for example in examples:
            example.click(None, example, None, js=ASKED, **plain, queue=False)
            example.click(None, example, query, js="text => text", **plain, queue=False).then(
                handlers.search, [query, top_k], lens, **plain, **search_group
            ).then(None, js=SETTLED, **plain)
        lens.open_page(handlers.open_page, None, lens, **plain, **search_group)
        lens.encode_again(handlers.encode_again, None, lens, **plain, **search_group)
        lens.take_away(handlers.take_away, None, delivery, **plain, **search_group)

        demo.load(js=FOLLOW_LINKS, **plain)
        demo.load(None, None, api_notes, js=AT_THIS_ADDRESS, **plain, queue=False)
        how_it_works.select(handlers.open_lessons, None, lessons, **plain, **lesson_group)
        lessons.open_lesson(handlers.open_lesson, None, lessons, **plain, **lesson_group)
        lessons.measure(handlers.measure, None, lessons, **plain, **lesson_group)

        samples.open_sample(handlers.open_sample, None, [library, *asks], **plain, queue=False).then(
            handlers.follow_samples, None, library, **plain, **waiting_group
        ).then(None, query, None, js=ASKED, **plain, queue=False).then(
            handlers.search, [query, top_k], lens, **plain, **search_group
        ).then(None, js=SETTLED, **plain)
        upload.upload(handlers.receive, upload, [upload, library], **plain, queue=False).then(
            handlers.index, None, library, **plain, **indexing_group
        ).then(handlers.search_again, None, lens, **plain, **search_group)
        library.cancel_indexing(handlers.cancel, None, library, **plain, queue=False)
        library.dismiss_errors(handlers.dismiss, None, library, **plain, queue=False)
        library.remove_document(handlers.remove, None, library, **plain, queue=False).then(
            handlers.search_again, None, lens, **plain, **search_group
        )
        library.clear_all(handlers.clear, None, library, **plain, queue=False).then(
            handlers.search_again, None, lens, **plain, **search_group
        )
        checkpoint.choose_model(
            handlers.choose_model, None, [checkpoint, samples, library, lens, *asks], **plain, queue=False
        ).then(handlers.follow_loading, None, [checkpoint, samples, library], **plain, **waiting_group).then(
            handlers.embed_again, None, library, **plain, **indexing_group
        ).then(handlers.search_again, None, lens, **plain, **search_group)
        demo.unload(handlers.leave)
    demo.queue(max_size=settings.queue_length, api_open=False)  # nobody calls past the queue
    queue = demo._queue
    queue.for_all = frozenset({STATELESS})
    queue.session_events, queue.session_unread = settings.session_events, settings.session_unread
    queue.unread_answers = settings.unread_answers
    return demo


def _privacy(settings: Settings) -> str:
    """What is kept, where, and how long."""
    return (
        f"<p>Up to {settings.session_pages} pages in all. Page images and vectors stay on this server, for you alone, "
        f"until you close this tab or do nothing for {settings.session_minutes:g} minutes; then they are deleted.</p>"
    )


class _Upload(gr.File):
    """Files from the visitor's machine."""

    accepts_uploads = True

    def get_block_name(self) -> str:
        return "file"

    def preprocess(self, payload: ListFiles | None) -> list[str]:
        """Their paths. What a file is, its content will say, not its name."""
        return [] if payload is None else [file.path for file in payload.root]


class _Page(gr.Blocks):
    """Blocks that check all inputs, and tell a sentence where something fails, with an id of what the log has of it.

    Their visitors take turns in the queue.
    """

    def queue(self, *arguments: Any, **named: Any) -> _Page:
        super().queue(*arguments, **named)
        made = self._queue
        self._queue = VisitorQueue(
            made.live_updates,
            made.max_thread_count,
            made.update_intervals,
            made.max_size,
            self,
            made.default_concurrency_limit,
        )
        return self

    async def preprocess_data(self, block_fn: BlockFunction, inputs: list[Any], *arguments: Any, **named: Any) -> Any:
        # Every way to call any event comes through here, before Gradio looks for files among the inputs.
        inputs = [checked(component, value) for component, value in zip(block_fn.inputs, inputs, strict=False)]
        return await super().preprocess_data(block_fn, inputs, *arguments, **named)

    async def process_api(self, block_fn: BlockFunction | int, *arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await super().process_api(block_fn, *arguments, **named)
        except gr.Error as error:
            error.print_exception = False  # a value that no component offers, for example: nothing to look into
            raise
        except Exception:
            fault = log_fault((self.fns[block_fn] if isinstance(block_fn, int) else block_fn).name)
            raise gr.Error(f"Something went wrong; if it stays so, quote {fault}.", print_exception=False) from None


def _told(event: gr.EventData, name: str) -> str:
    """A field of what a component told the server; it comes from the browser, so it may be anything."""
    data = getattr(event, "_data", None)
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str) or len(value) > MAX_TOLD_CHARS:
        raise Refused("Not understood", "This request is malformed; reload the page.")
    return value


class _Handlers:
    """What events call. Every visitor has a session of their own, found by the request's session hash."""

    def __init__(self, models: Models, sessions: Sessions, settings: Settings) -> None:
        self._models = models
        self._sessions = sessions
        self._settings = settings
        self._desk = Desk(models.folder)
        # Threads of their own: searches need not wait for those that index.
        self._indexing = CapacityLimiter(settings.documents_at_once)

    @cached_property
    def _example(self) -> dict[str, Any]:
        return load_example(LENS, self._models.folder)

    def _session(self, request: gr.Request) -> Session:
        if not request.session_hash:
            raise Refused("No session", "Reload the page.")
        return self._sessions.get(request.session_hash)

    # ------------------------------------------------------------------ arriving and leaving

    def arrive(self, request: gr.Request) -> list[Any]:
        """What a new visitor sees at once: the samples, the first of them on the shelf, or those that a link names.

        While the model is loading, the first of them with its first query comes from the bundled example.

        A link, `?model=NAME&sample=FILE&q=QUERY`, restores a search over samples; what it says of tokens is for the
        browser.
        """
        session = self._session(request)
        choice = request.query_params.get("model")
        if choice and not session.samples and not session.touched:
            with suppress(Refused):  # no longer offered: the usual model then
                session.engine = self._models.get(choice)
        samples = session.engine.samples
        linked = request.query_params.getlist("sample")
        for sample in [each for each in samples if each.source in linked] or samples[:1]:
            session.add_sample(sample.source)
        asks = [gr.skip()] * (1 + EXAMPLES)
        if session.samples and session.samples[0] is not samples[0]:
            asks = self._asks(session.samples[0])
        query = request.query_params.get("q", "").strip()[: self._settings.max_query_chars]
        if query and session.samples and session.asked is None:
            session.asked = query, self._settings.top_k
            asks[0] = query
        return [samples_value(samples), session.library(), self._opening(session) or gr.skip(), *asks]

    def _opening(self, session: Session) -> dict[str, Any] | None:
        """The bundled example, with whose it is, where `first_look` would show the same and has to wait; else None."""
        engine = session.engine
        if session.asked or session.touched or not engine.RUNS_MODEL or engine.state == "failed":
            return None
        if engine.encoder is not None and session.samples_ready():
            return None
        files, query = [sample.source for sample in session.samples], self._example["query"]["text"]
        if files != self._example["samples"] or session.samples[0].queries[0] != query:
            return None
        if engine.settings.model in BUNDLED:
            text = "by this very checkpoint, which is still loading; in a few seconds you can ask something else."
        else:
            maker = self._example["model"]["name"]
            text = f"by {maker}. {engine.wanted} is loading; when it is ready, you see what it finds."
        return {**self._example, "opening": text}

    async def follow_loading(self, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Follow the loading of the model, and then the samples of the visitor until they can be searched."""
        session = self._session(request)
        while not session.engine.settled.is_set() or not session.samples_ready():
            yield self._surroundings(session)
            await asyncio.sleep(POLL_SECONDS)
        yield self._surroundings(session)

    def _surroundings(self, session: Session) -> list[Any]:
        """The values of the model, the samples and the library."""
        engine = session.engine
        offers = self._models.offers(engine)
        return [checkpoint_value(engine, offers), samples_value(engine.samples), session.library()]

    def choose_model(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Go over to another model."""
        session = self._session(request)
        session.switch(self._models.get(_told(event, "name")))
        asks = self._asks((session.samples or session.engine.samples or [None])[0])
        if session.asked:
            asks[0] = session.asked[0]
        return [*self._surroundings(session), LOADING, *asks]

    async def embed_again(self, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
        """Embed the visitor's pages with the model they have chosen; one value of the library a batch of pages."""
        async with aclosing(self._work(self._session(request), Session.embed_again, request)) as values:
            async for value in values:
                yield value

    def first_look(self, request: gr.Request) -> Any:
        """The first sample with its first query, unless the visitor has begun something of their own."""
        session = self._session(request)
        if session.asked is None and not session.touched and session.samples:
            session.asked = session.samples[0].queries[0], self._settings.top_k
        return self._found(session)

    async def leave(self, request: gr.Request) -> None:
        """Free what the visitor had."""
        blocks = LocalContext.blocks.get()
        blocks._queue.forget(request.session_hash)
        await to_thread.run_sync(self._sessions.drop, request.session_hash)
        # Gradio keeps the last values of a session, megabytes of them, until a hundred others have come.
        blocks.state_holder.session_data.pop(request.session_hash, None)

    # ------------------------------------------------------------------ the library

    def open_sample(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Add a sample and offer its queries."""
        session = self._session(request)
        session.touched = True
        sample = session.add_sample(_told(event, "file"))
        return [session.library(), *self._asks(sample)]

    async def follow_samples(self, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
        """Follow the samples of the visitor until they can be searched."""
        session = self._session(request)
        while not session.samples_ready():
            yield session.library()
            await asyncio.sleep(POLL_SECONDS)
        yield session.library()

    def _asks(self, sample: Any) -> list[Any]:
        """Updates of the query box and of the example buttons."""
        queries = sample.queries[:EXAMPLES] if sample else ()
        buttons = [gr.update(value=query, visible=True) for query in queries]
        return [queries[0] if queries else gr.skip(), *buttons, *[gr.update(visible=False)] * (EXAMPLES - len(queries))]

    def receive(self, paths: list[str], request: gr.Request) -> tuple[None, dict[str, Any]]:
        """Take over uploaded files and empty the upload box."""
        session = self._session(request)
        session.receive(paths)
        return None, session.library()

    async def index(self, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
        """Index the uploaded files; one value of the library a batch of pages."""
        async with aclosing(self._work(self._session(request), Session.index_inbox, request)) as values:
            async for value in values:
                yield value

    async def _work(
        self, session: Session, task: Callable[[Session], Iterator[float]], request: gr.Request
    ) -> AsyncGenerator[dict[str, Any]]:
        job = task(session)
        try:
            while (pause := await to_thread.run_sync(next, job, None, limiter=self._indexing)) is not None:
                yield session.library()
                await asyncio.sleep(pause)
        except Exception:
            fault = log_fault("index")
            text = f"Something went wrong, so indexing ended; if it stays so, quote {fault}."
            session.note("Your library", None, "indexing_failed", text)
        finally:
            job.close()
        yield self._session(request).library()  # another one, which says so, if this one was freed

    def cancel(self, request: gr.Request) -> dict[str, Any]:
        """Stop after the page at hand."""
        session = self._session(request)
        session.stop()
        return session.library()

    def dismiss(self, request: gr.Request) -> dict[str, Any]:
        """Show no more what could not be read."""
        session = self._session(request)
        session.dismiss_errors()
        return session.library()

    def remove(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Take a document off the shelf."""
        session = self._session(request)
        session.remove(_told(event, "document"))
        return session.library()

    def clear(self, request: gr.Request) -> dict[str, Any]:
        """Take everything off the shelf."""
        session = self._session(request)
        session.clear()
        return session.library()

    # ------------------------------------------------------------------ search

    def search(self, text: str | None, top_k: float | None, request: gr.Request) -> Any:
        """The value of the lens for a query."""
        session = self._session(request)
        session.touched = True
        if not (text or "").strip():
            return gr.skip()
        session.asked = text.strip(), int(top_k or self._settings.top_k)
        return self._found(session)

    def search_again(self, request: gr.Request) -> Any:
        """The last search once more, over the pages there are now."""
        return self._found(self._session(request))

    def _found(self, session: Session, **encoding: Any) -> Any:
        """What the lens shows for the last query: the explanation, or why there is none."""
        if not_ready := self._not_ready(session.engine):
            return not_ready
        if not session.indexes():
            session.result = None
            return NO_PAGES
        if session.asked is None:
            return NOT_ASKED
        return self._looked(session, lambda: session.search(*session.asked, **encoding))

    def open_page(self, event: gr.EventData, request: gr.Request) -> Any:
        """The lens with one page more in it."""
        session = self._session(request)
        key = _told(event, "key")
        return self._looked(session, lambda: session.open_page(key))

    def encode_again(self, event: gr.EventData, request: gr.Request) -> Any:
        """The last search with another prefix and another number of augmentation tokens."""
        session = self._session(request)
        prefix, augmentation = _told(event, "prefix"), _told(event, "augmentation")
        if session.asked is None or not augmentation.isdecimal() or int(augmentation) > MAX_AUGMENTATION:
            return gr.skip()
        return self._found(session, prefix=prefix[:MAX_PREFIX], augmentation=int(augmentation))

    def take_away(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """A file of what the lens shows."""
        kind, key, token, start = (_told(event, name) for name in ("kind", "key", "token", "start"))
        if kind not in KINDS or (token and not token.isdecimal()):
            raise Refused("Not understood", "This request is malformed; reload the page.")
        return self._session(request).take_away(kind, key, int(token) if token else None, start)

    # ------------------------------------------------------------------ how it works

    def open_lessons(self, request: gr.Request) -> dict[str, Any]:
        """What the lessons show when their tab is opened."""
        return self._desk.arrive(self._session(request))

    def open_lesson(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """The bundled lesson, or the one on a page of the last search."""
        session = self._session(request)
        if _told(event, "source") == "example":
            return self._desk.example(session)
        return self._desk.own(session, _told(event, "key"))

    def measure(self, request: gr.Request) -> dict[str, Any]:
        """The lesson on show with what embedding and scoring take on this machine."""
        return self._desk.measure(self._session(request))

    def _looked(self, session: Session, look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The value of the lens; where there is none, what the lens says instead."""
        try:
            return look()
        except Refused as refused:
            return {"title": refused.title, "message": refused.message}
        except KeyError:
            return {"title": "This page is gone", "message": "It is no longer in your library. Search again."}
        except Exception as error:
            if session.closed:
                return {
                    "title": "Your library is gone",
                    "message": "The server needed the room. Add your documents again.",
                }
            fault = log_fault("search")
            if is_disk_full(error):
                return {"title": "The server’s disk is full", "message": "Search for fewer pages, or try again later."}
            return {"title": "This search failed", "message": f"Try again; if it stays so, quote {fault}."}

    def _not_ready(self, engine: Engine) -> dict[str, str] | None:
        if engine.encoder is not None:
            return None
        if engine.error:
            return {"title": "The model could not be loaded", "message": engine.error}
        return LOADING
