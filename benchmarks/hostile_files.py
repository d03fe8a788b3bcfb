"""Write hostile PDFs, for `folder_of_pdfs.py`: bombs, lies, and real files cut short or with bytes turned over.

python benchmarks/hostile_files.py OUT [PDF...]
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.documents import pdf_files as made

SEED = 7


def main() -> None:
    """Write the files of the tests, and three damaged copies of each PDF."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write into")
    parser.add_argument("sources", metavar="PDF", nargs="*", type=Path, help="real files to damage")
    given = parser.parse_args()
    out, sources = given.out, given.sources
    out.mkdir(parents=True, exist_ok=True)
    page = made.text("sound")
    bombs = {
        "self-drawing": made.self_drawing_form(),
        "exponential": made.exponential_forms(),
        "slow-shading": made.slow_shading(),
        "giant-image": made.giant_image(),
        "nested-operators": made.nested_operators(),
    }
    files = {name: made.pages_pdf([page, bomb, page]) for name, bomb in bombs.items()}
    files |= {f"{name}-first": made.pages_pdf([bomb]) for name, bomb in bombs.items()}
    files |= {
        "nested-filters": made.nested_filters(),
        "object-stream": made.object_stream_bomb(),
        "nested-tree": made.nested_page_tree(),
        "tree-loop": made.write_pdf(
            {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"}
        ),
        "no-pages": made.pages_pdf([]),
        "many-pages": made.pages_pdf([b""] * 20_000),
        "lying-count": made.pages_pdf([page] * 3).replace(b"/Count 3", b"/Count 900000"),
        "missing-page": made.pages_pdf([page] * 3).replace(b"[3 0 R 5 0 R 7 0 R]", b"[3 0 R 9 0 R 7 0 R]"),
        "sliver": made.pages_pdf([b""], box=b"0 0 612 5"),
        "huge-page": made.pages_pdf([page], box=b"0 0 10000000 10000000"),
        "empty": b"",
        "text": b"Dear Sir or Madam,\n" * 100,
    }
    chance = random.Random(SEED)
    for source in sources:
        data = bytearray(source.read_bytes())
        files[f"{source.stem}-cut"] = bytes(data[: chance.randrange(len(data))])
        for copy in (1, 2):
            turned = bytearray(data)
            for _ in range(max(8, len(data) // 2000)):
                turned[chance.randrange(len(data))] = chance.randrange(256)
            files[f"{source.stem}-turned-{copy}"] = bytes(turned)
    for name, data in files.items():
        (out / f"{name}.pdf").write_bytes(data)
    print(f"{len(files)} files in {out}")


if __name__ == "__main__":
    main()
