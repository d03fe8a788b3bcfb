"""The page: what is where, and which event calls what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import ListFiles
from gradio.exceptions import InvalidPathError
from pydantic import ValidationError

from colpali_demo.settings import Settings
from colpali_demo.web.api import NOTES as API_NOTES
from colpali_demo.web.api import STATELESS, add_endpoints
from colpali_demo.web.delivery import Delivery
from colpali_demo.web.faults import Refused, log_fault
from colpali_demo.web.handlers import EXAMPLES, LOADING, Handlers
from colpali_demo.web.inputs import MALFORMED, ONLY_UPLOADS, checked
from colpali_demo.web.lens import Lens
from colpali_demo.web.lessons import FOLLOW_LINKS, Lessons
from colpali_demo.web.library import Library
from colpali_demo.web.matrix import Matrix
from colpali_demo.web.model_choice import ModelChoice
from colpali_demo.web.models import Models
from colpali_demo.web.payload import Message, library_value, model_value, samples_value
from colpali_demo.web.samples import Samples
from colpali_demo.web.shelf import Shelf
from colpali_demo.web.visitor_queue import VisitorQueue
from colpali_demo.web.visitors import Sessions

LESSONS_LOADING: Message = {"title": "The cards are loading", "message": ""}
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
# Makes a ticket of 192 random bits for this tab, and keeps it when the page is left; returns it behind the one that was
# kept before. A kept one is read once, so a copy of the tab has none.
TICKETS = """() => {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const ticket = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
  try {
    const kept = sessionStorage.getItem("ticket") || "";
    sessionStorage.removeItem("ticket");
    window.addEventListener("pagehide", () => sessionStorage.setItem("ticket", ticket));
    return `${kept} ${ticket}`;
  } catch {
    return ""; // no storage allowed: a reload begins anew
  }
}"""
ERASED = '() => { document.dispatchEvent(new CustomEvent("erasing-settled")); }'
SETTLED = '() => { document.dispatchEvent(new CustomEvent("query-settled")); }'

NOTES = (Path(__file__).parent / "notes.md").read_text("utf-8")


def build_page(models: Models, sessions: Sessions, settings: Settings) -> gr.Blocks:
    """Return the Gradio app. Start the engine before or after; the page works as soon as it is up."""
    engine = models.default
    handlers = Handlers(models, sessions, settings)
    # Of searches asked for while one runs, the last is answered.
    search_group: dict[str, Any] = {
        "concurrency_id": "search",
        "concurrency_limit": 4,
        "trigger_mode": "always_last",
    }
    # Each embeds a page; those who search and those who index do not wait for them.
    erasing_group: dict[str, Any] = {"concurrency_id": "erasing", "concurrency_limit": 2}
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
            model = ModelChoice(model_value(engine, models.offers(engine)), elem_id="model-choice")
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
        tickets = gr.Textbox(visible=False)
        demo.load(handlers.arrive, tickets, [samples, library, lens, *asks], js=TICKETS, **plain, queue=False).then(
            handlers.follow_loading, None, [model, samples, library], **plain, **waiting_group
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
        lens.erase(handlers.erase, None, lens, **plain, **erasing_group).then(None, js=ERASED, **plain)
        lens.take_away(handlers.take_away, None, delivery, **plain, **search_group)

        demo.load(js=FOLLOW_LINKS, **plain)
        demo.load(None, None, api_notes, js=AT_THIS_ADDRESS, **plain, queue=False)
        how_it_works.select(handlers.open_lessons, None, lessons, **plain, **lesson_group)
        lessons.open_lesson(handlers.open_lesson, None, lessons, **plain, **lesson_group)
        lessons.erase_winners(handlers.erase_winners, None, lessons, **plain, **lesson_group)
        lessons.measure(handlers.measure, None, lessons, **plain, **lesson_group)

        samples.open_sample(handlers.open_sample, None, [library, *asks], **plain, queue=False).then(
            handlers.follow_samples, None, library, **plain, **waiting_group
        ).then(None, query, None, js=ASKED, **plain, queue=False).then(
            handlers.search, [query, top_k], lens, **plain, **search_group
        ).then(None, js=SETTLED, **plain)
        upload.upload(handlers.receive, upload, [upload, library], **plain, queue=False).then(
            handlers.index, None, library, **plain, **indexing_group
        ).then(handlers.offer, None, asks, **plain, queue=False).then(
            None, query, None, js=ASKED, **plain, queue=False
        ).then(handlers.search_again, None, lens, **plain, **search_group).then(None, js=SETTLED, **plain)
        library.choose_documents(handlers.choose_documents, None, library, **plain, queue=False).then(
            handlers.offer, None, asks, **plain, queue=False
        ).then(handlers.search_again, None, lens, **plain, **search_group)
        library.cancel_indexing(handlers.cancel, None, library, **plain, queue=False)
        library.dismiss_errors(handlers.dismiss, None, library, **plain, queue=False)
        for gone, handler in ((library.remove_document, handlers.remove), (library.clear_all, handlers.clear)):
            gone(handler, None, library, **plain, queue=False).then(
                handlers.offer, None, asks, **plain, queue=False
            ).then(None, None, delivery, js="() => null", **plain, queue=False).then(
                handlers.search_again, None, lens, **plain, **search_group
            )
        model.choose_model(
            handlers.choose_model, None, [model, samples, library, lens, *asks], **plain, queue=False
        ).then(handlers.follow_loading, None, [model, samples, library], **plain, **waiting_group).then(
            handlers.embed_again, None, library, **plain, **indexing_group
        ).then(handlers.search_again, None, lens, **plain, **search_group)
        demo.unload(handlers.leave)
    demo.queue(max_size=settings.queue_length, api_open=False)  # no event can be called past the queue
    queue = demo._queue
    queue.for_all = frozenset({STATELESS})
    queue.session_events, queue.session_unread = settings.session_events, settings.session_unread
    queue.unread_answers = settings.unread_answers
    return demo


def _privacy(settings: Settings) -> str:
    """Return what is kept, where, and how long."""
    return (
        f"<p>Up to {settings.session_pages} pages in all. Page images and vectors stay on this server, for you alone, "
        "until you close this tab (reloading it keeps them) or do nothing for "
        f"{settings.session_minutes:g} minutes; then they are deleted.</p>"
    )


class _Upload(gr.File):
    """Files from the visitor's machine."""

    accepts_uploads = True

    def get_block_name(self) -> str:
        return "file"

    def preprocess(self, payload: ListFiles | None) -> list[str]:
        """Return the paths of uploaded files. What a file is, its content will say, not its name."""
        return [] if payload is None else [file.path for file in payload.root]


class _Page(gr.Blocks):
    """Blocks that check all inputs, and show a sentence where something fails, with the id under which the log has it.

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
        if len(inputs) < len(block_fn.inputs):  # Gradio would write all of them into the log
            raise Refused("Not understood", MALFORMED)
        inputs = [checked(component, value) for component, value in zip(block_fn.inputs, inputs, strict=False)]
        try:
            return await super().preprocess_data(block_fn, inputs, *arguments, **named)
        except InvalidPathError:
            raise Refused("No upload", ONLY_UPLOADS) from None
        except ValidationError:  # one file where there should be a list, or the other way round
            raise Refused("Not understood", MALFORMED) from None

    async def process_api(self, block_fn: BlockFunction | int, *arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await super().process_api(block_fn, *arguments, **named)
        except Refused as refused:
            raise gr.Error(refused.message, title=refused.title, print_exception=False) from None
        except gr.Error as error:
            error.print_exception = False  # a value that no component offers, for example: nothing to look into
            raise
        except Exception:
            fault = log_fault((self.fns[block_fn] if isinstance(block_fn, int) else block_fn).name)
            text = f"Something went wrong. Try again; if it happens again, quote {fault}."
            raise gr.Error(text, print_exception=False) from None
