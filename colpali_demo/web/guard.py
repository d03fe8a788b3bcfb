"""What every request passes before Gradio sees it: limits of size, routes that are closed, and security headers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.route_utils import upload_fn
from gradio.routes import file_upload_statuses
from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from colpali_demo.web.faults import is_disk_full, log_fault
from colpali_demo.web.uploads import NoRoom

if TYPE_CHECKING:
    from gradio.block_function import BlockFunction
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from colpali_demo.settings import Settings
    from colpali_demo.web.uploads import Uploads

MAX_BODY_BYTES = 64 << 10  # bytes of a request that sends no file: a query, a page's key
MAX_NAMES_BYTES = 1 << 20  # bytes of a request that names uploaded files: a thousand, as many as Gradio uploads at once
NO_ROOM = "The server has no room for this file; try again in a few minutes."
TOO_SLOW = "This request took too long to arrive."
BUSY = "Too many requests are arriving; try again in a few seconds."
UPLOAD_SECONDS = 900.0  # seconds for an upload to arrive
STALL_SECONDS = 30.0  # seconds for the next piece of an upload or a body
BODY_SECONDS = 30.0  # seconds for any other body to arrive
UPLOADS_FOLLOWED = 500  # uploads whose progress is known; then the oldest are forgotten, which Gradio never does
SESSION_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)  # Gradio's browsers and clients send at most 36 characters
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Gradio fetches addresses for visitors, stores the state of a page under a name, records and monitors. Nothing of that
# is used here.
_CLOSED = (
    "/gradio_api/file=http",
    "/gradio_api/file/http",
    "/gradio_api/proxy=",
    "/gradio_api/deep_link",
    "/gradio_api/process_recording",
    "/gradio_api/component_server",
    "/gradio_api/stream/",
    "/gradio_api/run-history",
    "/gradio_api/runs",
    "/gradio_api/dev/",
    "/gradio_api/vibe",
    "/gradio_api/profiling",
    "/gradio_api/custom_component",
    "/gradio_api/call/v2/",  # takes arguments by their names, knows no session, and breaks on any other name
    "/gradio_api/openapi.json",
    "/openapi.json",
    "/monitoring",
)

# Ways to call an event by its number or its name.
_CALL = re.compile(r"/gradio_api/(queue/join|(?:run|api|call)/([^/]+))/?")

_HEARTBEAT = "/gradio_api/heartbeat/"

# What clients of MCP need. Gradio answers browsers at any longer address with a page that has it in a script.
_MCP = "/gradio_api/mcp"
_OPEN_MCP = (_MCP, f"{_MCP}/http", f"{_MCP}/schema")

# Scripts and styles: Gradio writes some into the page, and makes functions out of the text of our components. What
# matters is that nothing can be loaded from, or sent to, anywhere else.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    )
)
# Gradio answers requests for a part of a file with the headers of the request, secrets included. Nothing here asks
# for parts.
_DROPPED = (b"range", b"if-range")
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class _TooLarge(Exception):
    """The body of a request is larger than it may be."""


class _TooMany(Exception):
    """The bodies of all requests together are larger than they may be."""


class _Bodies:
    """The large bodies in memory: what they have beyond `MAX_BODY_BYTES` is at most `max_bytes` together."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    @contextmanager
    def counted(self, receive: Receive) -> Iterator[Receive]:
        """Wrap `receive` so that its bytes count until the request ends, and _TooMany is raised beyond the limit."""
        free, taken = MAX_BODY_BYTES, 0

        async def counting() -> Message:
            nonlocal free, taken
            message = await receive()
            size = len(message.get("body", b"")) - free
            free, size = max(0, -size), max(0, size)
            if size > self._left:
                raise _TooMany
            self._left -= size
            taken += size
            return message

        try:
            yield counting
        finally:
            self._left += taken


def guarded(uploads: Uploads, settings: Settings) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return a lifespan for Gradio's app that puts a `Guard` around it before the first request."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # In front of Gradio's middleware, which `launch` would put around any given to it.
        app.user_middleware.insert(0, Middleware(Guard, uploads=uploads, settings=settings))
        app.middleware_stack = app.build_middleware_stack()
        yield

    return lifespan


class Guard:
    """ASGI middleware around Gradio's app and its middleware."""

    def __init__(self, app: ASGIApp, uploads: Uploads, settings: Settings) -> None:
        self._app = app
        self._uploads = uploads
        self._settings = settings
        self._bodies = _Bodies(settings.large_bodies_mb << 20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "headers": [header for header in scope["headers"] if header[0] not in _DROPPED]}
        address = scope["path"].removeprefix(scope.get("root_path", ""))
        path = address.lower()
        guarded_send = _with_headers(send, private=path.startswith("/gradio_api/file"))
        is_upload = scope["method"] == "POST" and path.rstrip("/") == "/gradio_api/upload"
        is_mcp = path.startswith(_MCP)
        limit = self._limit(scope, address, is_upload, is_mcp)
        if CONTROL.search(address) or path.startswith(_CLOSED) or (is_mcp and path.removesuffix("/") not in _OPEN_MCP):
            answer = PlainTextResponse("Not here.", 404)
        elif _stated_length(Request(scope)) > limit:
            answer = _too_large(limit)
        elif is_upload:
            answer = await self._upload(Request(scope, _limited(_impatient(receive), limit)), limit)
        else:
            with self._bodies.counted(_limited(_impatient(receive) if is_mcp else receive, limit)) as counted:
                if is_mcp:
                    return await self._pass_on(scope, counted, guarded_send, limit)
                answer = await self._call(Request(scope, counted), address, guarded_send, limit)
        if answer is not None:
            await answer(scope, receive, guarded_send)
        return None

    def _limit(self, scope: Scope, address: str, is_upload: bool, is_mcp: bool) -> int:
        """Return the bytes that the body of a request may have."""
        if is_upload:
            return self._settings.session_mb << 20
        if is_mcp:  # a file in base64 takes a third more
            return MAX_BODY_BYTES + (self._settings.max_file_mb << 20) * 4 // 3
        return MAX_NAMES_BYTES if scope["method"] == "POST" and _CALL.fullmatch(address) else MAX_BODY_BYTES

    async def _call(self, request: Request, address: str, send: Send, limit: int) -> Response | None:
        """Pass on what sends no file, once its body is there and names what there is; else the answer that refuses."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.body()
        except TimeoutError:
            return PlainTextResponse(TOO_SLOW, 408)
        except _TooLarge:
            return _too_large(limit)
        except _TooMany:
            return PlainTextResponse(BUSY, 503)
        except ClientDisconnect:
            return None
        try:
            sent = json.loads(body) if body else None
        except (ValueError, RecursionError):
            return PlainTextResponse("This is not JSON.", 400)
        sent = sent if isinstance(sent, dict) else {}
        sessions = [*request.query_params.getlist("session_hash"), *_heartbeat(address)]
        if address.rstrip("/") == "/gradio_api/upload_progress":
            _forget_old_progress()
            sessions += request.query_params.getlist("upload_id")
        if sent.get("session_hash") is not None:
            sessions.append(sent["session_hash"])
        if not all(isinstance(session, str) and SESSION_NAME.fullmatch(session) for session in sessions):
            return PlainTextResponse(
                "A session_hash or upload_id has 1 to 64 letters, digits, dots, dashes or underscores.", 400
            )
        if address == "/gradio_api/queue/data" and not _is_awaited(request, sessions):
            return PlainTextResponse("Nothing is under way in this session.", 404)
        if request.method == "POST" and (call := _CALL.fullmatch(address)):
            events = _events(request, call, sent)
            if not events:
                return PlainTextResponse("There is no such event; reload the page.", 404)
            if len(body) > MAX_BODY_BYTES and not all(map(_takes_files, events)):
                return _too_large(MAX_BODY_BYTES)
        await self._pass_on(request.scope, _replay(body, request.receive), send, limit)
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            if isinstance(error, _TooLarge):
                answer = _too_large(limit)
            elif isinstance(error, TimeoutError):
                answer = PlainTextResponse(TOO_SLOW, 408)
            elif isinstance(error, _TooMany):
                answer = PlainTextResponse(BUSY, 503)
            elif started and isinstance(error.__cause__, HTTPException):
                # A stream whose session was forgotten; its last message says so.
                return await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                fault = log_fault("request")
                answer = PlainTextResponse(f"Something went wrong. If it happens again, quote {fault}.", 500)
            if not started:
                await answer(scope, receive, send)

    async def _upload(self, request: Request, limit: int) -> Response:
        """Gradio's own upload, into a folder that no other request shares."""
        settings = self._settings
        upload_id = request.query_params.get("upload_id")
        if upload_id is not None and not SESSION_NAME.fullmatch(upload_id):
            upload_id = None  # under which one could ask how much of it has arrived
        _forget_old_progress()
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                with self._uploads.new_folder(_stated_length(request) or limit) as folder:
                    # The files are renamed within the folder, so none is left to be copied.
                    files, _, _ = await upload_fn(
                        request, folder, settings.max_file_mb << 20, upload_id, True, file_upload_statuses
                    )
                    if not files or not all(Path(file).is_file() for file in files):
                        raise TypeError("no files")
                    for stray in set(folder.iterdir()) - {Path(file).parent for file in files}:
                        stray.unlink()  # sent in a field of another name
            return JSONResponse([str(file) for file in files])
        except NoRoom:
            return PlainTextResponse(NO_ROOM, 507)
        except TimeoutError:
            return PlainTextResponse("This upload stalled; try again.", 408)
        except _TooLarge:
            return _too_large(limit)
        except MultiPartException as error:
            too_large = error.message.startswith("File size exceeded")
            return _too_large(settings.max_file_mb << 20) if too_large else PlainTextResponse(error.message, 400)
        except HTTPException as error:
            return PlainTextResponse(error.detail, error.status_code)
        except (MultipartParseError, TypeError, AttributeError, KeyError, UnicodeError):  # the parser meets nonsense
            return PlainTextResponse("This is not an upload.", 400)
        except ClientDisconnect:
            return Response(status_code=400)  # the visitor has gone, and nobody reads the answer
        except Exception as error:
            fault = log_fault("upload")
            if is_disk_full(error):
                return PlainTextResponse(NO_ROOM, 507)
            return PlainTextResponse(f"This upload failed. Try again; if it happens again, quote {fault}.", 500)


def _stated_length(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _forget_old_progress() -> None:
    """Keep what Gradio notes of uploads, and of those that anybody asks after, to a number."""
    for notes in (file_upload_statuses._statuses, file_upload_statuses._signals):
        while len(notes) >= UPLOADS_FOLLOWED:
            del notes[next(iter(notes))]


def _heartbeat(address: str) -> list[str]:
    """Return the session in the address of a heartbeat."""
    return [address.removeprefix(_HEARTBEAT)] if address.startswith(_HEARTBEAT) else []


def _events(request: Request, call: re.Match[str], sent: dict[str, Any]) -> list[BlockFunction]:
    """Return the events that a request may mean, by the number or the name that it gives."""
    functions = request.app.get_blocks().fns
    route, name = call.groups()
    number = sent.get("fn_index")
    if number is not None and not route.startswith("call/"):
        return [functions[number]] if type(number) is int and number in functions else []
    return [function for function in functions.values() if function.api_name == name]


def _is_awaited(request: Request, sessions: list[str]) -> bool:
    """Return whether the queue has messages for a session, or will: Gradio looks when its answer has begun."""
    mailboxes = request.app.get_blocks()._queue.pending_messages_per_session
    return bool(sessions) and sessions[-1] in mailboxes


def _takes_files(event: BlockFunction) -> bool:
    return any(getattr(component, "accepts_uploads", False) for component in event.inputs)


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` that begins with a body which has been read already."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _impatient(receive: Receive) -> Receive:
    """`receive` that raises TimeoutError where nothing comes of a body that has not ended."""
    arriving = True

    async def impatient() -> Message:
        nonlocal arriving
        message = await asyncio.wait_for(receive(), STALL_SECONDS if arriving else None)
        arriving = arriving and message.get("more_body", False)
        return message

    return impatient


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive` that raises _TooLarge after so many bytes of body."""
    left = limit

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return limited


def _with_headers(send: Send, private: bool) -> Send:
    """`send` that adds the security headers to the start of the answer."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # Gradio lets every origin in, with its visitors' cookies. No page but its own has business here.
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            for name, value in _HEADERS.items():
                headers[name] = value
            if private:  # pages of visitors: for their browser, not for caches on the way
                headers["Cache-Control"] = "private, max-age=3600"
            elif headers.get("content-type", "").startswith(("text/html", "application/json")):
                # Has the address at which it was asked for, as headers of the request state it.
                headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return guarded


def _too_large(limit: int) -> Response:
    most = f"{limit >> 20} MB" if limit >> 20 else f"{limit >> 10} KB"
    return PlainTextResponse(f"This is too large: at most {most} may be sent at once.", 413)
