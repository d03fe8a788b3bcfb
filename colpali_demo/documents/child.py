"""The renderer process: `python -m colpali_demo.documents.child CONFIG` draws the pages of one file.

PDFium and Pillow parse files made by strangers: a 640-byte PDF can ask for 9 GB, others loop for hours. So each
document gets a process of its own which first limits itself, and which its parent can kill without losing anything.
Limits hold on Linux. macOS does not enforce the address space, so there the parent's clocks alone protect. Then it
gives up what it does not need, see `isolation`.

CONFIG is JSON: `renderer` ("pdfium", "pdf2image" or "image"), `file` (descriptor) and `file_bytes`, `memory_mb`,
`cpu_seconds`, `render_pixels`, `max_image_pixels`, `max_pages`. Page numbers come on standard input; `protocol`
describes the answers.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from colpali_demo.documents.errors import RenderFailure
from colpali_demo.documents.isolation import give_up
from colpali_demo.documents.protocol import write_message

MAX_DESCRIPTORS = 32  # pipes, the file, and fonts one at a time
JPEG_QUALITY = 90


def main() -> None:
    config = json.loads(sys.argv[1])
    requests, answers = _take_standard_streams(config["file"])
    _limit(config["memory_mb"], config["cpu_seconds"])
    given_up = give_up(programs=config["renderer"] == "pdf2image")
    write_message(answers, {"ready": True, "given_up": given_up})
    try:
        source = _open(config)
    except Exception as error:
        write_message(answers, _failure(error, "damaged"))
        return
    write_message(answers, {"pages": source.page_count, "stated": source.stated_pages})
    for line in requests:
        try:
            header, jpeg = _draw(source, int(line))
        except Exception as error:
            header, jpeg = _failure(error, "page_failed"), b""
        write_message(answers, header, jpeg)


def _take_standard_streams(file: int) -> tuple[BinaryIO, BinaryIO]:
    """Keep both pipes for ourselves; the file becomes standard input, where poppler finds it as /dev/fd/0."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(file, 0)
    os.dup2(2, 1)  # whatever a library prints must not end up between our messages
    os.close(file)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    """Limit this process and those it starts."""
    # Linux: if the machine runs out of memory, this is what to kill.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    # Programs that poppler's libraries would have killed for writing a cache file get an error instead.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXFSZ})
    limits = {
        resource.RLIMIT_AS: memory_mb << 20,
        resource.RLIMIT_CPU: cpu_seconds,  # if the parent is gone, nobody else stops this process
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: MAX_DESCRIPTORS,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            if sys.platform == "linux":
                raise


def _open(config: dict[str, Any]) -> Any:
    """Return the file behind one of three classes with `page_count`, `stated_pages` and `render(number)`."""
    size = (config["render_pixels"], config["max_pages"])
    if config["renderer"] == "pdf2image":
        from colpali_demo.documents.poppler import PopplerFile

        return PopplerFile("/dev/fd/0", *size)
    os.lseek(0, 0, os.SEEK_SET)
    with open(0, "rb", closefd=False) as file:
        data = file.read(config["file_bytes"])
    if config["renderer"] == "pdfium":
        from colpali_demo.documents.pdfium import PdfiumFile

        return PdfiumFile(data, *size)
    from colpali_demo.documents.images import ImageFile

    return ImageFile(data, *size, config["max_image_pixels"])


def _draw(source: Any, number: int) -> tuple[dict[str, Any], bytes]:
    image, words = source.render(number)
    blank = all(low == high for low, high in image.getextrema())
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=JPEG_QUALITY, subsampling=0)  # full color resolution: thin colored text stays
    return {"width": image.width, "height": image.height, "blank": blank, "words": words}, jpeg.getvalue()


def _failure(error: Exception, code: str) -> dict[str, Any]:
    if isinstance(error, RenderFailure):
        code = error.code
    elif isinstance(error, MemoryError):
        code = "page_memory"
    return {"error": code, "detail": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    main()
