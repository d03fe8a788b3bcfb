"""Start the demo: `python app.py [--host HOST] [--port PORT] [--model MODEL]`. Hugging Face Spaces run this too."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from colpali_demo.retrieval import NoLedger, check_explains
from colpali_demo.settings import Settings
from colpali_demo.web.api import prepare_mcp
from colpali_demo.web.guard import guarded
from colpali_demo.web.models import Models
from colpali_demo.web.page import build_page
from colpali_demo.web.theme import theme
from colpali_demo.web.visitors import Sessions


def main() -> None:
    """Read the settings, build the page and start the server; the model loads while the page is already up."""
    settings = Settings.from_env()
    parser = argparse.ArgumentParser(description="Search PDFs with ColPali and see why each page matched.")
    parser.add_argument("--host", help="address to listen on (COLPALI_HOST; 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (COLPALI_PORT; 7860)")
    parser.add_argument("--model", help="checkpoint: tiny, a folder or a Hub id (COLPALI_MODEL; the bundled one)")
    parser.add_argument("--revision", help="commit, tag or branch of the Hub id that --model or COLPALI_MODEL names")
    parser.add_argument("--download", action="store_true", help="allow downloading checkpoints from the Hub")
    parser.add_argument("--mcp", action="store_const", const="on", help="be an MCP server as well (COLPALI_MCP; off)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("httpx", "mcp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    given = {
        name: value for name in ("host", "port", "model", "mcp") if (value := getattr(arguments, name)) is not None
    }
    settings = replace(settings, **given)
    if arguments.revision:
        from colpali_demo.encoder.checkpoints import at_revision

        try:
            settings = replace(settings, model=at_revision(settings.model, arguments.revision))
        except ValueError as error:
            parser.error(str(error))
    try:
        check_explains(settings.ranker)
    except NoLedger as error:
        parser.error(f"COLPALI_RANKER: {error}")

    # Gradio serves what lies under its upload folder to whoever knows the path, so the path cannot be guessed.
    root = Path(get_upload_folder()) / secrets.token_urlsafe(24)
    root.mkdir(parents=True, mode=0o700)
    models = Models(settings, root / "models", download=arguments.download)
    sessions = Sessions(models.default, root / "visitors")
    demo = build_page(models, sessions, settings)
    models.default.start()
    sessions.keep_sweeping()
    # On Spaces the environment says where to listen.
    address = {} if "SPACE_ID" in os.environ else {"server_name": settings.host, "server_port": settings.port}
    # SIGTERM ends the server as Ctrl-C does, which leaves no files behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        demo.launch(**address, **launch_options(sessions, settings), prevent_thread_lock=True)
        if settings.mcp == "on":
            prepare_mcp(demo, sessions.uploads)
        demo.block_thread()
    finally:
        sessions.close()
        shutil.rmtree(root, ignore_errors=True)


def launch_options(sessions: Sessions, settings: Settings) -> dict[str, Any]:
    """Return arguments of Gradio's `launch`, but for the address."""
    return {
        "theme": theme(),
        "css_paths": Path(__file__).parent / "colpali_demo" / "web" / "style.css",
        "max_file_size": f"{settings.max_file_mb}mb",
        "state_session_capacity": 100,
        "max_threads": 40 + settings.documents_at_once,  # 40 is Gradio's own; the others wait for documents
        "footer_links": ["gradio"],
        "run_history": False,
        "show_error": False,
        "app_kwargs": {"lifespan": guarded(sessions.uploads, settings)},
        "mcp_server": settings.mcp == "on",
    }


if __name__ == "__main__":
    main()
    # Everything is closed. A thread in the middle of a page, torn down by the interpreter, would abort the process.
    sys.stdout.flush()
    os._exit(0)
