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
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)

ORPHAN_SECONDS = 900  # an upload that no session has taken over by then never will be: its visitor has gone
SPARE_BYTES = 64 << 20  # of the disk, left free


class Uploads:
    """The folder of uploads, `folder`, with one folder a request; at most `max_bytes` wait there for their sessions."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    @contextmanager
    def new_folder(self) -> Iterator[Path]:
        """A folder for the files of one request; deleted if that fails."""
        folder = self.folder / secrets.token_urlsafe(24)
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may wait here, and fit on the disk."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        waiting = 0
        for folder, _, files in os.walk(self.folder):
            for file in files:
                with suppress(OSError):  # taken meanwhile
                    waiting += os.stat(os.path.join(folder, file)).st_size
        return waiting + size <= self._max_bytes and shutil.disk_usage(self.folder).free >= size + SPARE_BYTES

    def take(self, path: str, destination: Path) -> int:
        """Move an uploaded file out of here; its size in bytes.

        Raises OSError for what is no upload, or was taken already: the path comes from the browser, so it may be any.
        """
        given = Path(path)
        try:
            inside = given.relative_to(self.folder)
        except ValueError:
            raise FileNotFoundError(f"not an upload: {path!r}") from None
        if ".." in inside.parts or given.is_symlink() or not given.is_file():
            raise FileNotFoundError(f"not an upload: {path!r}")
        os.replace(given, destination)
        for folder in given.parents[: len(inside.parts) - 1]:
            try:
                folder.rmdir()
            except OSError:  # another file of the same request is still there
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
