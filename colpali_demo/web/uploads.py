"""Uploaded files between their arrival and the session that takes them over.

Gradio keeps an upload at an address made from its content, which all who upload the same file share: one visitor's
leaving would take the file from another, and whoever has a copy could ask whether somebody uploaded it. So each request
gets a folder of its own here, under a name that cannot be guessed.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)

ORPHAN_SECONDS = 900  # an upload that no session has taken over by then never will be: its visitor has gone
SPARE_BYTES = 64 << 20  # bytes of the disk that are left free


class NoRoom(Exception):
    """There is no room for an upload."""


class Uploads:
    """The folder of uploads, `folder`, with one folder a request.

    At most `max_bytes` are arriving, or wait there for their sessions.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._arriving: dict[Path, int] = {}  # bytes, by folder, that requests which are under way may take
        self._lock = threading.Lock()

    @contextmanager
    def new_folder(self, size: int) -> Iterator[Path]:
        """Make a folder for the files of one request and keep `size` bytes free for them; deleted if the request fails.

        Raises NoRoom where so many bytes more may not wait here, or would not fit on the disk.
        """
        folder = self.folder / secrets.token_urlsafe(24)
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._has_room(size):
                raise NoRoom
            self._arriving[folder] = size
        try:
            folder.mkdir(mode=0o700)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                del self._arriving[folder]

    def _has_room(self, size: int) -> bool:
        waiting = sum(_size(folder) for folder in self.folder.iterdir() if folder not in self._arriving)
        arriving = sum(self._arriving.values())
        to_come = sum(max(0, expected - _size(folder)) for folder, expected in self._arriving.items())
        free = shutil.disk_usage(self.folder).free - to_come
        return waiting + arriving + size <= self._max_bytes and free >= size + SPARE_BYTES

    def holds(self, path: str) -> bool:
        """Return whether this is the path of an upload that nobody has taken yet."""
        given = Path(path)
        try:
            inside = given.relative_to(self.folder)
            return ".." not in inside.parts and not given.is_symlink() and given.is_file()
        except (ValueError, OSError):
            return False

    def take(self, path: str, destination: Path) -> int:
        """Move an uploaded file out of here; its size in bytes.

        Raises OSError for what is no upload, or was taken already: the path comes from the browser, so it may be any.
        """
        if not self.holds(path):
            raise FileNotFoundError(f"not an upload: {path!r}")
        given = Path(path)
        inside = given.relative_to(self.folder)
        os.replace(given, destination)
        for folder in given.parents[: len(inside.parts) - 1]:
            try:
                folder.rmdir()
            except OSError:  # other files of the same request are still in the folder
                break
        return destination.stat().st_size

    def sweep(self) -> None:
        """Delete uploads that nobody has taken over."""
        for folder in self.folder.glob("*"):
            try:
                if time.time() - folder.stat().st_mtime > ORPHAN_SECONDS:
                    shutil.rmtree(folder)
            except OSError as error:
                logger.warning("sweeping uploads: %s", error)


def _size(folder: Path) -> int:
    """Return bytes of all files in a folder, which others may be taking out meanwhile."""
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, file)).st_size
    return total
