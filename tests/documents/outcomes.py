"""How reading a file may end."""

from pathlib import Path

from colpali_demo.documents import DocumentError, open_document
from colpali_demo.documents.errors import MESSAGES
from colpali_demo.settings import Settings


def assert_pages_or_named_errors(path: Path, settings: Settings) -> None:
    """Read a file to its end: every page is drawn or has a named error, or the file as a whole has one."""
    try:
        document = open_document(path, settings=settings)
    except DocumentError as error:
        assert error.code in MESSAGES
    else:
        pages = list(document)
        assert len(pages) + len(document.errors) >= document.page_count > 0
        assert all(error.code in MESSAGES for error in document.errors)
