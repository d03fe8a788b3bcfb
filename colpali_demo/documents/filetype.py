"""What a file is, by its content; its name does not count."""

from __future__ import annotations

SNIFF_BYTES = 1024  # PDF readers accept a header anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13)

_IMAGE_MAGIC = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
    b"II*\x00",  # TIFF, and BigTIFF below
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)


def sniff(head: bytes, tail: bytes) -> str | None:
    """Return the kind, "pdf" or "image", or None, from the first and the last `SNIFF_BYTES` of a file.

    A PDF that lost its header but still has its trailer is worth a try: poppler opens some of them.
    """
    if head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    if b"%PDF-" in head or b"startxref" in tail:
        return "pdf"
    return None
