"""`app.py` for the attacks: `python tests/attack/served.py [--weakened] ARGUMENTS`.

Gradio refuses to fetch from this machine, which would hide that it fetches at all, so here it may. `--weakened` takes
away what this project guards with, to show that the attacks would then succeed.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gradio import processing_utils  # noqa: E402
from gradio.queueing import Queue  # noqa: E402

import app  # noqa: E402
from colpali_demo.web import page, serve, uploads  # noqa: E402
from colpali_demo.web.visitor_queue import VisitorQueue  # noqa: E402


def weaken() -> None:
    """Take away the guard, the check of inputs, the turns in the queue, and the room for uploads."""

    def unguarded(*arguments: object):
        @asynccontextmanager
        async def lifespan(served: object):
            yield

        return lifespan

    serve.guarded = unguarded
    page.checked = lambda component, value: value
    VisitorQueue.push = Queue.push
    VisitorQueue.get_events = Queue.get_events
    uploads.Uploads.take = lambda self, path, destination: destination.write_bytes(Path(path).read_bytes())


if __name__ == "__main__":
    processing_utils.PUBLIC_HOSTNAME_WHITELIST = ["127.0.0.1"]
    if "--weakened" in sys.argv:
        sys.argv.remove("--weakened")
        weaken()
    app.main()
