"""Index every file below some folders, as the demo would, and report what came of each.

    python benchmarks/folder_of_pdfs.py FOLDER... [--report report.json]

Settings are those of the demo: COLPALI_MAX_PAGES=3 reads three pages of each file, COLPALI_MODEL chooses the
checkpoint.

A file fails the run if it takes longer than its budget, raises anything but a named error, or leaves a process or a
descriptor behind; the run fails, too, if memory grows by more than 50 MB after the first hundred files, or if less than
99 % of the files that some renderer opens give a page. The exit status says which: 0 passed, 1 failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from colpali_demo import DocumentError, PageIndex, load_encoder, open_document
from colpali_demo.documents.errors import MESSAGES
from colpali_demo.documents.sandbox import STARTUP_SECONDS
from colpali_demo.memory import give_back_memory
from colpali_demo.settings import Settings

WARM_UP = 100  # files, after which memory may no longer grow
GROWTH_MB = 50
EMBEDDING_SECONDS = 30.0  # seconds to embed a page; the limits of a document do not include the model's time


def main() -> int:
    """Run over the folders and print the report; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path)
    parser.add_argument("--report", metavar="FILE", type=Path, help="where to write what came of each file, as JSON")
    given = parser.parse_args()
    settings = Settings.from_env()
    encoder = load_encoder(settings.model)
    files = sorted(path for folder in given.folders for path in folder.rglob("*") if path.is_file())
    print(f"{len(files)} files, {encoder.model_info['name']}, at most {settings.max_pages} pages each", flush=True)
    descriptors = _descriptors()
    rows: list[dict[str, Any]] = []
    for number, path in enumerate(files, start=1):
        rows.append({"file": str(path), **index_file(path, encoder, settings), "mb": _resident_mb()})
        if number % 50 == 0:
            print(f"{number} files, {sum(row['pages'] for row in rows)} pages, {rows[-1]['mb']:.0f} MB", flush=True)
    if given.report:
        given.report.write_text(json.dumps(rows, indent=1))
    return _judge(rows, _descriptors() - descriptors)


def index_file(path: Path, encoder: Any, settings: Settings) -> dict[str, Any]:
    """Index one file; return its pages, the codes of all errors, seconds, and what failed beyond a named error."""
    start = time.monotonic()
    index, codes, fault, opened, tried = PageIndex(encoder), [], "", False, 0
    try:
        with open_document(path, settings=settings) as document:
            opened, tried = True, document.page_count
            index.add(document)
            codes = [error.code for error in document.errors]
    except DocumentError as error:
        codes = [error.code]
    except Exception:
        fault = traceback.format_exc()
    seconds = time.monotonic() - start
    # Each renderer may have to be started: at first, after each death, and once for a second opinion.
    starts = (settings.child_deaths + 2) * STARTUP_SECONDS
    budget = settings.document_seconds + settings.page_seconds + starts + tried * EMBEDDING_SECONDS
    if seconds > budget:
        fault = f"{seconds:.0f} s of {budget:.0f} s"
    elif not fault and not set(codes) <= set(MESSAGES):
        fault = f"unnamed error: {codes}"
    elif not fault and not len(index) and not codes:
        fault = "neither pages nor an error"
    return {"pages": len(index), "opened": opened, "codes": codes, "seconds": round(seconds, 2), "fault": fault}


def _judge(rows: list[dict[str, Any]], descriptors: int) -> int:
    opened = [row for row in rows if row["opened"]]
    with_pages = [row for row in opened if row["pages"]]
    faults = [row for row in rows if row["fault"]]
    warm = [row["mb"] for row in rows[WARM_UP:]] or [rows[-1]["mb"]]
    growth = max(warm) - warm[0]
    share = len(with_pages) / max(1, len(opened))
    print(f"files: {len(rows)}; opened by a renderer: {len(opened)}; of these with pages: {share:.2%}")
    print(f"pages: {sum(row['pages'] for row in rows)}; longest file: {max(row['seconds'] for row in rows):.1f} s")
    print(f"errors, by code: {dict(Counter(code for row in rows for code in set(row['codes'])).most_common())}")
    print(
        f"memory after {WARM_UP} files: {warm[0]:.0f} MB; most it took later: {growth:+.0f} MB; end {warm[-1]:.0f} MB"
    )
    print(f"descriptors left open: {descriptors}; renderers left: {len(_children())}; faults: {len(faults)}")
    for row in faults:
        print(f"FAULT {row['file']}: {row['fault']}")
    for row in opened:
        if not row["pages"]:
            print(f"opened, without a page: {row['file']}: {row['codes']}")
    failed = faults or growth > GROWTH_MB or share < 0.99 or descriptors > 0 or _children()
    print("FAILED" if failed else "PASSED")
    return 1 if failed else 0


def _resident_mb() -> float:
    """Measure what is in use, without what the allocator keeps, which the demo gives back when a visitor leaves."""
    give_back_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


if __name__ == "__main__":
    sys.exit(main())
