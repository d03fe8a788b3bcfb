"""The page: what is where, and which event calls what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colpali_demo.settings import Settings
from colpali_demo.web.checkpoint import Checkpoint
from colpali_demo.web.engine import Engine
from colpali_demo.web.lens import Lens
from colpali_demo.web.library import Library
from colpali_demo.web.payload import checkpoint_value, library_value, samples_value
from colpali_demo.web.samples import Samples
from colpali_demo.web.sessions import Session, Sessions

logger = logging.getLogger(__name__)

EXAMPLES = 4  # buttons for the example queries of a sample
POLL_SECONDS = 0.25
LOADING = {
    "title": "The first explanation is on its way",
    "message": "The model is loading in the background. This takes a few seconds.",
}
NOT_ASKED = {"title": "Your pages are ready", "message": "Ask them something."}
NO_PAGES = {"title": "No pages to search", "message": "Pick a sample or drop in a PDF, then ask it something."}
FILE_TYPES = [".pdf", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]

MASTHEAD = """
<h1>Why did this page match?</h1>
<p>ColPali compares every token of your query with every patch of a page and adds up the best matches.
See each of them on the page itself.</p>
"""

NOTES = (Path(__file__).parent / "notes.md").read_text("utf-8")


def build_page(engine: Engine, sessions: Sessions, settings: Settings) -> gr.Blocks:
    """The Gradio app. Start the engine before or after; the page works as soon as it is up."""
    handlers = _Handlers(engine, sessions, settings)
    # Of searches asked for while one runs, the last is answered.
    search_group: dict[str, Any] = {
        "concurrency_id": "search",
        "concurrency_limit": 4,
        "trigger_mode": "always_last",
    }
    indexing_group: dict[str, Any] = {"concurrency_id": "indexing", "concurrency_limit": 4}
    # Waiting costs no thread, so as many visitors as like may wait.
    waiting_group: dict[str, Any] = {"concurrency_id": "waiting", "concurrency_limit": None}
    plain: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    queries = engine.samples[0].queries[:EXAMPLES] if engine.samples else ()

    with gr.Blocks(
        title="Why did this page match?", analytics_enabled=False, delete_cache=(3600, 86400), fill_width=True
    ) as demo:
        with gr.Row(elem_classes="top", equal_height=False):
            gr.HTML(MASTHEAD, elem_classes="masthead", apply_default_css=False)
            checkpoint = Checkpoint(checkpoint_value(engine), elem_id="checkpoint")
        with gr.Tabs():
            with gr.Tab("Explore"):
                with gr.Row(elem_classes="desk", equal_height=False):
                    with gr.Column(scale=8, min_width=340):
                        samples = Samples(samples_value(engine.samples), elem_id="samples")
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
                        with gr.Row(elem_classes="examples"):
                            examples = [
                                gr.Button(queries[n] if n < len(queries) else "", visible=n < len(queries), size="sm")
                                for n in range(EXAMPLES)
                            ]
                    with gr.Column(scale=4, min_width=300):
                        upload = gr.File(
                            label=f"Add your own: up to {settings.max_pages} pages, {settings.max_file_mb} MB",
                            file_count="multiple",
                            file_types=FILE_TYPES,
                            elem_id="upload",
                        )
                        library = Library(library_value([], []), elem_id="library")
                lens = Lens(LOADING, elem_id="lens")
            with gr.Tab("Notes"):
                gr.Markdown(NOTES, elem_classes="notes-page")

        asks = [query, *examples]
        demo.load(handlers.arrive, None, [samples, library], **plain, queue=False).then(
            handlers.follow_loading, None, [checkpoint, samples, library], **plain, **waiting_group
        ).then(handlers.first_look, None, lens, **plain, **search_group)
        for event in (query.submit, button.click):
            event(handlers.search, [query, top_k], lens, **plain, **search_group)
        for example in examples:
            example.click(lambda text: text, example, query, **plain, queue=False).then(
                handlers.search, [query, top_k], lens, **plain, **search_group
            )
        lens.open_page(handlers.open_page, None, lens, **plain, **search_group)

        samples.open_sample(handlers.open_sample, None, [library, *asks], **plain, queue=False).then(
            handlers.follow_samples, None, library, **plain, **waiting_group
        ).then(handlers.search, [query, top_k], lens, **plain, **search_group)
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
        demo.unload(handlers.leave)
    return demo


class _Handlers:
    """What events call. Every visitor has a session of their own, found by the request's session hash."""

    def __init__(self, engine: Engine, sessions: Sessions, settings: Settings) -> None:
        self._engine = engine
        self._sessions = sessions
        self._settings = settings

    def _session(self, request: gr.Request) -> Session:
        return self._sessions.get(request.session_hash)

    # ------------------------------------------------------------------ arriving and leaving

    def arrive(self, request: gr.Request) -> list[Any]:
        """What a new visitor sees at once: the samples, the first of them on the shelf."""
        session = self._session(request)
        if self._engine.samples:
            session.add_sample(self._engine.samples[0].source)
        return [samples_value(self._engine.samples), session.library()]

    async def follow_loading(self, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Follow the loading of the model, and then the samples of the visitor until they can be searched."""
        engine, session = self._engine, self._session(request)
        while not engine.settled.is_set() or not session.samples_ready():
            yield [checkpoint_value(engine), samples_value(engine.samples), session.library()]
            await asyncio.sleep(POLL_SECONDS)
        yield [checkpoint_value(engine), samples_value(engine.samples), session.library()]

    def first_look(self, request: gr.Request) -> Any:
        """The first sample with its first query, unless the visitor has begun something of their own."""
        session = self._session(request)
        if session.asked is None and not session.touched and session.samples:
            session.asked = session.samples[0].queries[0], self._settings.top_k
        return self._found(session)

    def leave(self, request: gr.Request) -> None:
        """Free what the visitor had."""
        self._sessions.drop(request.session_hash)

    # ------------------------------------------------------------------ the library

    def open_sample(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Add a sample and offer its queries."""
        session = self._session(request)
        session.touched = True
        sample = session.add_sample(str(event.file))
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

    def receive(self, paths: list[str] | None, request: gr.Request) -> tuple[None, dict[str, Any]]:
        """Take over uploaded files and empty the upload box."""
        session = self._session(request)
        session.receive(paths or [])
        return None, session.library()

    def index(self, request: gr.Request) -> Iterator[dict[str, Any]]:
        """Index the uploaded files; one value of the library a page."""
        session = self._session(request)
        for _ in session.index_inbox():
            yield session.library()
        yield session.library()

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
        session.remove(str(event.document))
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
        session.asked = text.strip(), max(1, int(top_k or self._settings.top_k))
        return self._found(session)

    def search_again(self, request: gr.Request) -> Any:
        """The last search once more, over the pages there are now."""
        return self._found(self._session(request))

    def _found(self, session: Session) -> Any:
        """What the lens shows for the last query: the explanation, or why there is none."""
        if not_ready := self._not_ready():
            return not_ready
        if not session.indexes():
            session.result = None
            return NO_PAGES
        if session.asked is None:
            return NOT_ASKED
        text, top_k = session.asked
        limit = self._settings.max_query_chars
        if len(text) > limit:
            return {"title": "Too long", "message": f"A query may have {limit} characters; this one has {len(text)}."}
        try:
            return session.search(text, top_k)
        except Exception:
            logger.exception("search")
            return {"title": "This search failed", "message": "Try again, or ask something else."}

    def open_page(self, event: gr.EventData, request: gr.Request) -> Any:
        """The lens with one page more in it."""
        try:
            return self._session(request).open_page(str(event.key))
        except KeyError:
            return {"title": "This page is gone", "message": "It is no longer in your library. Search again."}

    def _not_ready(self) -> dict[str, str] | None:
        if self._engine.encoder is not None:
            return None
        if self._engine.error:
            return {"title": "The model could not be loaded", "message": self._engine.error}
        return LOADING
