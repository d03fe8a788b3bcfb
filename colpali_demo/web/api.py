"""The public endpoints, for `gradio_client`, HTTP and MCP: `index`, `search`, `explain`, `erase` and `search_pdf`.

They answer with the same JSON as the command line's `--json`. All but the last work on the pages of the caller's
session; `search_pdf` needs no session, so it is the one that MCP offers.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.data_classes import FileData

from colpali_demo.occlusion import parse_box
from colpali_demo.web.faults import Refused
from colpali_demo.web.turns import Rate
from colpali_demo.web.uploads import NoRoom
from colpali_demo.web.visitors.erasures import MAX_BOXES, Target
from colpali_demo.web.visitors.search import MAX_EXPLAINED

if TYPE_CHECKING:
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import Hit, Ranking
    from colpali_demo.settings import Settings
    from colpali_demo.web.uploads import Uploads
    from colpali_demo.web.visitors import Sessions, Visitor

STATELESS = "search_pdf"
NOTES = (Path(__file__).parent / "api.md").read_text("utf-8")


def add_endpoints(sessions: Sessions, settings: Settings) -> None:
    """Add the endpoints to the `gr.Blocks` that is being built."""
    most = max(MAX_EXPLAINED, settings.top_k)  # pages of one answer: an explanation takes up to 2 MB
    passing_calls = Rate(settings.files_per_minute)  # shared by all callers without a session

    def index(file: FileData, request: gr.Request) -> dict[str, Any]:
        """Add a PDF or an image to the pages that you can search.

        The pages are yours alone and are deleted when your session ends.

        Args:
            file: A PDF, PNG, JPEG, WebP or TIFF file.

        Returns:
            documents: what you can search now, each with its content hash, name and number of pages.
            errors: what could not be read, each with a code and a sentence that says what to do.
        """
        visitor = _visitor(sessions, request)
        _add(visitor, file)
        return _library(visitor)

    def search(query: str, request: gr.Request, top_k: int = settings.top_k) -> dict[str, Any]:
        """Rank your pages for a query, and explain the best of them token by token.

        Without pages of your own, the first of the samples is searched.

        Args:
            query: What to look for, in your own words.
            top_k: How many pages to return and explain, 10 at most.

        Returns:
            The object that `python -m colpali_demo search --json` prints: model, query with its tokens, and results.
            The MaxSim of a result's tokens add up to its score.
        """
        visitor = _visitor(sessions, request)
        count = _count(top_k, most)
        ranking, milliseconds = _rank(visitor, query, count)
        return _answer(visitor, _explained(ranking[:count]), milliseconds)

    def explain(query: str, document: str, page: int, request: gr.Request, maps: bool = False) -> dict[str, Any]:
        """Explain the score of one page for a query, hit or not.

        Args:
            query: What to look for.
            document: The content hash of the document, as in the results of a search.
            page: The number of the page, counted from 1.
            maps: Whether to add the similarity maps: the cosine of every token with every patch.

        Returns:
            The same object as a search, with this page as its only result. Its rank is the one among all your pages.
            With `maps`, the result has `maps`: tokens x rows x cols.
        """
        visitor = _visitor(sessions, request)
        ranking, milliseconds = _rank(visitor, query)
        hit = _hit(ranking, document, page)
        why = hit.explain()
        answer = _answer(visitor, [(hit, why)], milliseconds)
        if maps:
            answer["results"][0]["maps"] = why.maps.tolist()
        return answer

    def erase(
        query: str, document: str, page: int, region: str, request: gr.Request, only: bool = False
    ) -> dict[str, Any]:
        """Erase a part of a page, embed the page anew, and compare what it scores with before. Nothing is kept.

        Args:
            query: What to look for.
            document: The content hash of the document, as in the results of a search.
            page: The number of the page, counted from 1.
            region: "left,top,right,bottom" in shares of the page, several of them separated by semicolons; or the index
                of a token of the query, for the patch that it chose with those around it.
            only: Whether to erase everything but the region instead.

        Returns:
            model, query with its tokens, and erasure: its boxes; the page before and after, as in the results of a
            search, each with its rank among all your pages; and tokens, each with its MaxSim before and after, the
            difference, and the cells of both winners.
        """
        visitor = _visitor(sessions, request)
        ranking, milliseconds = _rank(visitor, query)
        hit = _hit(ranking, document, page)
        answer = _answer(visitor, [(hit, hit.explain())], milliseconds)
        start = time.perf_counter()
        erasure = visitor.search.erase_once(hit, _region(region), only=only is True)
        answer["timing_ms"] |= {"erase": round(1000 * (time.perf_counter() - start), 1)}
        del answer["results"], answer["errors"]
        return {**answer, "erasure": erasure.to_json()}

    def search_pdf(file: FileData, query: str, top_k: int = settings.top_k) -> dict[str, Any]:
        """Search one PDF or image for a query and say why each page matched. Nothing is kept.

        Args:
            file: A PDF, PNG, JPEG, WebP or TIFF file.
            query: What to look for, in your own words.
            top_k: How many pages to return and explain, 10 at most.

        Returns:
            model, query with its tokens, results and errors. For every page of the results: its score; for every
            query token the MaxSim, the place on the page where it was found, and the words there; and regions, to cite:
            boxes in shares of the page, each with the text in it, its score and its lead, the largest lead first.
        """
        if (path := _path(file)) is None or not sessions.uploads.holds(path):
            raise Refused("No pages", "Upload a file first, and pass what the upload returns.")
        if seconds := passing_calls.wait():
            raise Refused("One moment", f"Too many requests at once; try again in {seconds:.0f} s.")
        passing = secrets.token_hex(16)
        visitor = sessions.get(passing)
        try:
            errors = _add(visitor, file)
            if not visitor.shelf.searchable().indexes:
                reasons = " ".join(error["message"] for error in errors)
                raise Refused("No pages", reasons)
            count = _count(top_k, most)
            ranking, milliseconds = _rank(visitor, query, count)
            return {**_answer(visitor, _explained(ranking[:count]), milliseconds), "errors": errors}
        finally:
            sessions.drop(passing)

    # Not the group of the page's visitors: these hold a thread until the whole document is in.
    indexing: dict[str, Any] = {"concurrency_id": "api-indexing", "concurrency_limit": settings.documents_at_once}
    searching: dict[str, Any] = {"concurrency_id": "search", "concurrency_limit": 4}
    _with_upload(gr.api(index, **indexing))
    gr.api(search, **searching)
    gr.api(explain, **searching)
    gr.api(erase, concurrency_id="erasing", concurrency_limit=2)
    _with_upload(gr.api(search_pdf, **indexing))


def prepare_mcp(demo: gr.Blocks, uploads: Uploads) -> None:
    """Leave MCP only what needs no session, for all who call over MCP come to Gradio as one and the same client.

    It takes files as `data:` addresses, so that the server fetches nothing for anybody, and answers in JSON.
    """
    from mcp.types import TextContent

    server = demo.mcp_server_obj
    simplify = server.simplify_filedata_schema

    def describe(schema: dict[str, Any]) -> tuple[dict[str, Any], list[list[str | int]]]:
        simple, positions = simplify(schema)
        simple["properties"]["file"] = {**schema["properties"]["file"], "type": "string", "format": "data: address"}
        for name in ("properties", "required"):
            simple["properties"]["file"].pop(name, None)
        return simple, positions

    def receive(arguments: dict[str, Any], positions: list[list[str | int]]) -> dict[str, Any]:
        kind, _, data = str(arguments.get("file", "")).partition(",")
        if not kind.startswith("data:") or not kind.endswith(";base64"):
            raise ValueError("Pass the file itself, as data:application/pdf;base64,…")
        try:
            with uploads.new_folder(len(data) * 3 // 4) as folder:
                path = folder / f"document.{'pdf' if 'pdf' in kind else 'image'}"
                path.write_bytes(base64.b64decode(data, validate=True))
        except NoRoom:
            raise ValueError("The server has no room for this file; try again in a few minutes.") from None
        return {**arguments, "file": {"path": str(path)}}  # a value with the mark of files would be uploaded again

    server.tool_to_endpoint = {
        name: endpoint for name, endpoint in server.tool_to_endpoint.items() if endpoint == f"/{STATELESS}"
    }
    server.simplify_filedata_schema = describe
    server.convert_strings_to_filedata = receive
    server.postprocess_output_data = lambda data, root_url: [
        TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data
    ]


def _with_upload(dependency: gr.events.Dependency) -> None:
    """Let the first input of an endpoint, and no other, be an uploaded file."""
    component = gr.context.get_blocks_context().fns[dependency["id"]].inputs[0]
    component.accepts_uploads = True
    component.async_move_resource_to_block_cache = _stay  # `Uploads` hands it over from where it lies


async def _stay(path: str) -> str:
    return path


def _visitor(sessions: Sessions, request: gr.Request) -> Visitor:
    if not request.session_hash:
        raise Refused("No session", "Pass a session_hash.")
    if request.headers.get("x-gradio-user") == "mcp":
        raise Refused("No session", f"MCP has no sessions: use {STATELESS}.")
    visitor = sessions.get(request.session_hash)
    visitor.quota.count_event()
    return visitor


def _add(visitor: Visitor, file: Any) -> list[dict[str, Any]]:
    """Index an uploaded file; the errors that came of it."""
    path = _path(file)
    visitor.receive([] if path is None else [path])
    for pause in visitor.indexing.run():
        time.sleep(pause)
    return _library(visitor)["errors"]


def _path(file: Any) -> str | None:
    path = file.get("path") if isinstance(file, dict) else None
    return path if isinstance(path, str) else None


def _library(visitor: Visitor) -> dict[str, Any]:
    library = visitor.library()
    documents = [
        {name: document[name] for name in ("document", "source", "pages")}
        for document in library["documents"]
        if document["sample"] is None
    ]
    return {"documents": documents, "errors": library["errors"]}


def _rank(visitor: Visitor, query: Any, explained: int = 1) -> tuple[Ranking, dict[str, float]]:
    """Rank all pages of a visitor; one without pages gets the first sample."""
    engine = visitor.engine
    engine.settled.wait()
    if engine.encoder is None:
        raise Refused("No model", engine.error)
    if not visitor.shelf.searchable().indexes and engine.samples:
        sample = visitor.shelf.add_sample(engine.samples[0].source)
        sample.finished.wait()
    start = time.perf_counter()
    ranking = visitor.search.rank(query.strip() if isinstance(query, str) else "", explained)
    return ranking, {"search": round(1000 * (time.perf_counter() - start), 1)}


def _hit(ranking: Ranking, document: Any, page: Any) -> Hit:
    hit = next((hit for hit in ranking if (hit.page.document_id, hit.page.number) == (document, page)), None)
    if hit is None:
        raise Refused("No such page", f"Page {page} of a document {document!r} is not among your pages.")
    return hit


def _region(region: Any) -> Target:
    """Return what a caller wants erased: boxes, or a token's winner."""
    text = region.strip() if isinstance(region, str) else ""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return Target("winner", (int(text),))
    try:
        boxes = [parse_box(box) for box in text.split(";")]
    except ValueError:
        boxes = []
    if not boxes or len(boxes) > MAX_BOXES:
        raise Refused("Not understood", 'region must be "left,top,right,bottom", or the index of a token.')
    return Target(given=tuple(boxes))


def _count(top_k: Any, most: int) -> int:
    if not isinstance(top_k, int) or isinstance(top_k, bool) or not 1 <= top_k <= most:
        raise Refused("Not understood", f"top_k must be a whole number from 1 to {most}.")
    return top_k


def _explained(hits: list[Hit]) -> list[tuple[Hit, Explanation]]:
    return [(hit, hit.explain()) for hit in hits]


def _answer(
    visitor: Visitor, explained: list[tuple[Hit, Explanation]], milliseconds: dict[str, float]
) -> dict[str, Any]:
    from colpali_demo.explain import search_dict

    hits, explanations = zip(*explained, strict=True)
    strengths = [hit.ranking.strength(hit) if visitor.engine.calibrated else None for hit in hits]
    answer = search_dict(visitor.engine.public_model_info, hits[0].query, explanations, [], milliseconds, strengths)
    for result, hit in zip(answer["results"], hits, strict=True):
        result["rank"] = hit.rank
    return answer
