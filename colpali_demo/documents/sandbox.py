"""The parent's side of a renderer process: start it, ask it for pages against a clock, kill it."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from colpali_demo.documents.errors import RendererLost, RenderFailure
from colpali_demo.documents.isolation import ALL
from colpali_demo.documents.protocol import LENGTHS, MAX_JSON_BYTES, max_jpeg_bytes, parse_header
from colpali_demo.settings import Settings

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-B", "-P", "-m", "colpali_demo.documents.child")
STARTUP_SECONDS = 30.0  # seconds in which Python itself starts, which a busy machine delays: no fault of the document
MAX_STATED_PAGES = 100_000  # pages; beyond that, a file states nonsense
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV")  # variables that hold no secret


class RendererProcess:
    """A child that renders one file, given as an open descriptor, and can be killed without a trace.

    The child leads a process group of its own, so that programs it starts die with it. Ask from one thread at a time;
    `kill` may be called from any thread, and makes a thread that waits in `ask` raise RendererLost.

    `stated_pages` is how many pages the opened file says it has, where that is a number that can be and is more than
    the pages that there are for us; nobody has counted them.
    """

    def __init__(self, file: int, file_bytes: int, renderer: str, settings: Settings) -> None:
        """Start the process; OSError where the system cannot."""
        config = {
            "file": file,
            "file_bytes": file_bytes,
            "renderer": renderer,
            "render_pixels": settings.render_pixels,
            "max_image_pixels": settings.image_megapixels * 1_000_000,
            "max_pages": settings.max_pages,
            "memory_mb": settings.child_memory_mb,
            "cpu_seconds": math.ceil(settings.document_seconds) + 1,
        }
        self.stated_pages: int | None = None
        self._max_jpeg_bytes = max_jpeg_bytes(settings.render_pixels)
        self._killing = threading.Lock()
        self._process = subprocess.Popen(
            [*COMMAND, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            pass_fds=(file,),
        )

    def wait_until_ready(self) -> None:
        """Wait for Python to start in the child; raises RenderFailure "renderer_failed"."""
        try:
            answer = self._receive(STARTUP_SECONDS)[0]
        except RendererLost as error:
            raise RenderFailure("renderer_failed", f"the renderer did not start: {error}") from None
        if answer.get("ready") is not True:
            raise RenderFailure("renderer_failed", "the renderer said something else")
        given_up = answer.get("given_up")
        given_up = given_up if isinstance(given_up, list) else []
        _tell_what_is_kept(tuple(name for name in ALL if name not in given_up))

    def open(self, seconds: float) -> int:
        """Return how many pages the file has, at most `max_pages` + 1.

        Raises RenderFailure with the child's reason, RendererLost where it died, was too slow or talks nonsense.
        """
        header, _ = self._receive(seconds)
        pages = header.get("pages")
        if type(pages) is not int or pages < 1:
            raise RendererLost("page_crashed", "page count")
        stated = header.get("stated")
        self.stated_pages = stated if type(stated) is int and pages <= stated <= MAX_STATED_PAGES else None
        return pages

    def render(self, number: int, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Return the child's unchecked answer for a page; raises as `open` does."""
        with contextlib.suppress(BrokenPipeError):  # if the child has died meanwhile, reading says how
            self._process.stdin.write(b"%d\n" % number)
        return self._receive(seconds)

    def kill(self) -> None:
        """Kill the child with all it started, and reap them."""
        with self._killing:
            if self._process.returncode is not None:
                return
            # macOS says PermissionError for a group whose members are all dead.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            # Where this process is number 1, as in a container, orphans of the group are ours to reap.
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-self._process.pid, 0)

    def close(self) -> None:
        """Kill the child and close the pipes; not while another thread is in `ask`."""
        self.kill()
        self._process.stdin.close()
        self._process.stdout.close()

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + seconds
        json_bytes, jpeg_bytes = LENGTHS.unpack(self._read(LENGTHS.size, deadline))
        if json_bytes > MAX_JSON_BYTES or jpeg_bytes > self._max_jpeg_bytes:
            raise RendererLost("page_crashed", f"message of {json_bytes} + {jpeg_bytes} bytes")
        header = parse_header(self._read(json_bytes, deadline))
        jpeg = self._read(jpeg_bytes, deadline)
        if "error" in header:
            raise RenderFailure(str(header["error"])[:40], str(header.get("detail"))[:300])
        return header, jpeg

    def _read(self, count: int, deadline: float) -> bytes:
        pipe = self._process.stdout.fileno()
        data = bytearray()
        with selectors.PollSelector() as selector:  # poll takes any descriptor number and opens none
            selector.register(pipe, selectors.EVENT_READ)
            while len(data) < count:
                seconds = deadline - time.monotonic()
                if seconds <= 0 or not selector.select(seconds):
                    raise RendererLost("page_timeout")
                chunk = os.read(pipe, min(count - len(data), 1 << 18))
                if not chunk:
                    raise RendererLost(*self._cause_of_death())
                data += chunk
        return bytes(data)

    def _cause_of_death(self) -> tuple[str, str]:
        """Code and detail for a child that closed its pipe: it is dead, or as good as that."""
        self.kill()
        status = self._process.returncode
        # PDFium aborts when it gets no memory. SIGKILL at this point came from the system, which had none left.
        out_of_memory = status in (-signal.SIGABRT, -signal.SIGKILL)
        return ("page_memory" if out_of_memory else "page_crashed"), f"renderer ended with status {status}"


@cache  # logged once, not for every document
def _tell_what_is_kept(kept: tuple[str, ...]) -> None:
    """Log what renderers could not give up on this system."""
    if kept:
        logger.warning("This system does not let renderers give up: %s. See SECURITY.md.", ", ".join(kept))


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
