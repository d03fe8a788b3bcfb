"""All visitors: finding them, deleting what they leave behind, and making room."""

from __future__ import annotations

import itertools
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from colpali_demo.memory import give_back_memory
from colpali_demo.web.faults import log_fault
from colpali_demo.web.uploads import Uploads
from colpali_demo.web.visitors.visitor import Memento, Visitor

if TYPE_CHECKING:
    from colpali_demo.web.engine import Engine

SWEEP_SECONDS = 60
REMEMBERED = 2000  # visitors who were freed, to be told so when they come back

_FREED = {
    "idle": "Your library was emptied after {session_minutes:g} minutes without a click. Add your documents again.",
    "room": "Others needed the room, and your library had been unused for longest, so it was emptied. "
    "Add your documents again.",
    "left": "The connection was lost, so the server deleted your documents, as it does when a tab is closed. "
    "Add them again.",
}


class Sessions:
    """All visitors, by Gradio's session hash. `root` takes a folder for each, under a name that cannot be guessed.

    When the visitors, or the bytes that they take together, are too many, the one unused for longest is freed. Whoever
    comes back after that is a new visitor, who is told why.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self.uploads = Uploads(root / "uploads", engine.settings.total_mb << 20)
        root.mkdir(parents=True, exist_ok=True)
        self._engine = engine
        self._root = root
        self._visitors: dict[str, Visitor] = {}
        self._freed: OrderedDict[str, tuple[str, Memento]] = OrderedDict()  # why, and what is remembered
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visitors)

    @property
    def nbytes(self) -> int:
        """What all visitors' own pages and files take."""
        return sum(visitor.nbytes for visitor in list(self._visitors.values()))

    def get(self, session_hash: str) -> Visitor:
        """Return the visitor of this session, who is there now; a new one if there is none."""
        with self._lock:
            visitor = self._find_or_make(session_hash)
            visitor.presence.be_there()
            return visitor

    def find(self, session_hash: str) -> Visitor | None:
        """Return the visitor of this session, if there is one, whether or not they are there now."""
        return self._visitors.get(session_hash)

    def leave(self, session_hash: str) -> None:
        """Delete what a visitor had who has closed the page; documents of their own after `reload_seconds`."""
        with self._lock:
            visitor = self._visitors.get(session_hash)
            if visitor is not None and visitor.has_own and visitor.presence.ticket:
                visitor.presence.go_away()
                return
        self.drop(session_hash)

    def free_away(self) -> None:
        """Free those who have been away for too long to come back by reloading the page."""
        limit = self._engine.settings.reload_seconds
        with self._lock:
            for key in [key for key, visitor in self._visitors.items() if visitor.presence.seconds_away >= limit]:
                self._free(key, "left")

    def come_back(self, session_hash: str, kept: str, ticket: str) -> bool:
        """Give a session what another one has that the same tab had before it was reloaded; whether there is any.

        kept: the ticket of that session, "" for none
        ticket: the one of this session, by which the next will be known
        """
        with self._lock:
            before = next((key for key, other in self._visitors.items() if other.presence.is_ticket(kept)), None)
            if before not in (None, session_hash):
                self._free(session_hash, "left")
                self._visitors[session_hash] = self._visitors.pop(before)
            self._find_or_make(session_hash).presence.arrive(ticket)
        return before is not None

    def drop(self, session_hash: str) -> None:
        """Forget a visitor who has left, and delete what they had."""
        with self._lock:
            self._free(session_hash, "left")
        give_back_memory()

    def sweep(self) -> None:
        """Free what has not been used for long."""
        oldest = time.monotonic() - 60 * self._engine.settings.session_minutes
        with self._lock:
            for key in [key for key, visitor in self._visitors.items() if visitor.presence.last_seen < oldest]:
                self._free(key, "idle")
            # What a thread wrote while its visitor's folder was being deleted.
            kept = {visitor.folder for visitor in self._visitors.values()} | {self.uploads.folder}
            for folder in self._root.iterdir():
                if folder.is_dir() and folder not in kept:
                    shutil.rmtree(folder, ignore_errors=True)
        self.uploads.sweep()

    def keep_sweeping(self) -> None:
        """Sweep every minute from now on, in the background, and every second those who are away."""
        threading.Thread(target=self._sweep_forever, name="sweep", daemon=True).start()

    def close(self) -> None:
        """Free everybody, and delete the folder of all."""
        with self._lock:
            for session_hash in list(self._visitors):
                self._free(session_hash, "left")
        shutil.rmtree(self._root, ignore_errors=True)

    def _find_or_make(self, session_hash: str) -> Visitor:
        visitor = self._visitors.get(session_hash)
        if visitor is None:
            if len(self._visitors) >= self._engine.settings.sessions:
                # Those who only looked around go first, so that a crowd of them empties nobody's library.
                self._free(min(self._visitors, key=lambda key: _loss(self._visitors[key])), "room")
            visitor = self._visitors[session_hash] = self._new(session_hash)
        return visitor

    def _new(self, session_hash: str) -> Visitor:
        self._engine.note_visitor()
        settings = self._engine.settings
        folder = self._root / secrets.token_urlsafe(24)
        folder.mkdir(parents=True, mode=0o700)
        visitor = Visitor(self._engine, settings, folder, self.uploads, partial(self._make_room, folder))
        if session_hash in self._freed:
            why, memento = self._freed.pop(session_hash)
            visitor.come_back(memento)
            if memento.lost:
                text = _FREED[why].format_map(vars(settings))
                visitor.shelf.note("Your library", None, "library_freed", text)
        return visitor

    def _free(self, session_hash: str, why: str) -> None:
        visitor = self._visitors.pop(session_hash, None)
        if visitor is None:
            return
        self._freed[session_hash] = why, visitor.memento()
        if len(self._freed) > REMEMBERED:
            self._freed.popitem(last=False)
        visitor.close()

    def _make_room(self, folder: Path) -> bool:
        """Free others than whose folder this is until all together take no more than they may; False if they cannot."""
        limit = self._engine.settings.total_mb << 20
        while self.nbytes >= limit:
            with self._lock:
                others = [key for key, other in self._visitors.items() if other.folder != folder and other.nbytes]
                if not others:
                    return False
                self._free(min(others, key=lambda key: _loss(self._visitors[key])), "room")
        return True

    def _sweep_forever(self) -> None:
        for second in itertools.count(1):
            time.sleep(1)
            try:
                self.free_away()
                if second % SWEEP_SECONDS == 0:
                    self.sweep()
            except Exception:
                log_fault("sweep")


def _loss(visitor: Visitor) -> tuple[bool, float]:
    """Return what orders visitors by how little is lost with them."""
    return visitor.has_own and not visitor.presence.away, visitor.presence.last_seen
