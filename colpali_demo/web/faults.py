"""What visitors see when something goes wrong, and what only the log says."""

from __future__ import annotations

import errno
import logging
import secrets

logger = logging.getLogger(__name__)


class Refused(Exception):
    """Something a visitor asked for cannot be done; `title` and `message` say why, and what to do."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title
        self.message = message


def log_fault(what: str) -> str:
    """Log the exception at hand, with its trace, under an id that a visitor can quote; returns the id."""
    fault = secrets.token_hex(4)
    logger.exception("fault %s: %s", fault, what)
    return fault


def is_disk_full(error: BaseException) -> bool:
    """Return whether writing failed because the disk is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
