"""Serve the demo: the page is built, the server started, and everything that visitors left is deleted at the end."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from colpali_demo.settings import Settings
from colpali_demo.web.api import prepare_mcp
from colpali_demo.web.component import COLORS
from colpali_demo.web.guard import guarded
from colpali_demo.web.models import Models
from colpali_demo.web.page import build_page
from colpali_demo.web.theme import theme
from colpali_demo.web.visitors import Sessions


def serve(settings: Settings, *, download: bool = False) -> None:
    """Serve the demo until it is interrupted; the model loads while the page is already up.

    download: whether checkpoints may be downloaded from the Hub
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("httpx", "mcp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    # Gradio serves what lies under its upload folder to whoever knows the path, so the path cannot be guessed.
    root = Path(get_upload_folder()) / secrets.token_urlsafe(24)
    root.mkdir(parents=True, mode=0o700)
    models = Models(settings, root / "models", download=download)
    sessions = Sessions(models.default, root / "visitors")
    demo = build_page(models, sessions, settings)
    models.default.start()
    sessions.keep_sweeping()
    # On Spaces the environment says where to listen.
    address = {} if "SPACE_ID" in os.environ else {"server_name": settings.host, "server_port": settings.port}
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does, which leaves no files behind
    try:
        with suppress(KeyboardInterrupt):  # which `block_thread` obeys, but `launch` does not
            demo.launch(**address, **launch_options(sessions, settings), prevent_thread_lock=True)
            if settings.mcp == "on":
                prepare_mcp(demo, sessions.uploads)
            demo.block_thread()
    finally:
        sessions.close()
        shutil.rmtree(root, ignore_errors=True)


def launch_options(sessions: Sessions, settings: Settings) -> dict[str, Any]:
    """Arguments of Gradio's `launch`, but for the address."""
    return {
        "theme": theme(),
        "css_paths": [COLORS, COLORS.with_name("style.css")],
        "max_file_size": f"{settings.max_file_mb}mb",
        "state_session_capacity": 100,
        "max_threads": 40 + settings.documents_at_once,  # 40 is Gradio's own; the others wait for documents
        "footer_links": ["gradio"],
        "run_history": False,
        "show_error": False,
        "app_kwargs": {"lifespan": guarded(sessions.uploads, settings)},
        "mcp_server": settings.mcp == "on",
    }
