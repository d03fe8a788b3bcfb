"""A file in, `Page` objects out: PDFs and images are opened and rendered by a process of their own.

    with open_document("report.pdf") as document:
        for page in document:
            print(page.number, page.image.size, len(page.words))
        print(document.errors)

Which module does what: `document` reads pages and keeps the clocks, `sandbox` holds the renderer process, `child` is
that process, which draws with `pdfium`, `poppler` or `images`; `protocol` is what the two say to each other.
"""

from colpali_demo.documents.document import Document, open_document
from colpali_demo.documents.errors import DocumentError, PageError
from colpali_demo.documents.names import display_name
from colpali_demo.documents.page import Page, Word

__all__ = ["Document", "DocumentError", "Page", "PageError", "Word", "display_name", "open_document"]
