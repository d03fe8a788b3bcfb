"""What every request passes before Gradio sees it: limits of size, routes that are closed, and security headers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradio.route_utils import upload_fn
from gradio.routes import file_upload_statuses
from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from colpali_demo.web.faults import is_disk_full, log_fault

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from colpali_demo.settings import Settings
    from colpali_demo.web.uploads import Uploads

MAX_BODY_BYTES = 1 << 20  # of a request that is no upload: a query, a page's key

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
    "/monitoring",
)

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
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class _TooLarge(Exception):
    """The body of a request is larger than it may be."""


class Guard:
    """ASGI middleware around Gradio's app."""

    def __init__(self, app: ASGIApp, uploads: Uploads, settings: Settings) -> None:
        self._app = app
        self._uploads = uploads
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")).lower()
        guarded_send = _with_headers(send, private=path.startswith("/gradio_api/file"))
        is_upload = scope["method"] == "POST" and path.rstrip("/") == "/gradio_api/upload"
        limit = self._settings.session_mb << 20 if is_upload else MAX_BODY_BYTES
        is_mcp = path.startswith(_MCP)
        if is_mcp:  # a file in base64 takes a third more
            limit += (self._settings.max_file_mb << 20) * 4 // 3
        request = Request(scope, _limited(receive, limit))
        if path.startswith(_CLOSED) or (is_mcp and path.removesuffix("/") not in _OPEN_MCP):
            await PlainTextResponse("Not here.", 404)(scope, receive, guarded_send)
        elif _stated_length(request) > limit:
            await _too_large(limit)(scope, receive, guarded_send)
        elif is_upload:
            await (await self._upload(request, limit))(scope, receive, guarded_send)
        else:
            await self._pass_on(scope, request.receive, guarded_send, limit)

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
            else:
                answer = PlainTextResponse(f"Something went wrong; if it stays so, quote {log_fault('request')}.", 500)
            if not started:
                await answer(scope, receive, send)

    async def _upload(self, request: Request, limit: int) -> Response:
        """Gradio's own upload, into a folder that no other request shares."""
        settings = self._settings
        upload_id = request.query_params.get("upload_id")
        if not self._uploads.has_room(_stated_length(request) or limit):
            return PlainTextResponse("The server has no room for this file; try again in a few minutes.", 507)
        try:
            with self._uploads.new_folder() as folder:
                # The files are renamed within the folder, so none is left to be copied.
                files, _, _ = await upload_fn(
                    request, folder, settings.max_file_mb << 20, upload_id, True, file_upload_statuses
                )
                if not files or not all(Path(file).is_file() for file in files):
                    raise TypeError("no files")
                for stray in set(folder.iterdir()) - {Path(file).parent for file in files}:
                    stray.unlink()  # sent in a field of another name
            return JSONResponse([str(file) for file in files])
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
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:
            fault = log_fault("upload")
            if is_disk_full(error):
                return PlainTextResponse("The server has no room for this file; try again in a few minutes.", 507)
            return PlainTextResponse(f"This upload failed; try again. If it stays so, quote {fault}.", 500)


def _stated_length(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


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
            for name, value in _HEADERS.items():
                headers[name] = value
            if private:  # pages of visitors: for their browser, not for caches on the way
                headers["Cache-Control"] = "private, max-age=3600"
        await send(message)

    return guarded


def _too_large(limit: int) -> Response:
    return PlainTextResponse(f"This is too large: at most {limit >> 20} MB may be sent at once.", 413)
