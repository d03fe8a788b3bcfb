"""Write `samples.json`: what the bundled checkpoint finds on every sample page, in float32 on a CPU.

Run it on purpose only, after the checkpoint or a sample has changed: `python tests/golden/make.py`. The test beside it
asks that a change of the code leaves these numbers as they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "samples.json"


def samples() -> list[dict[str, Any]]:
    """Return the listed samples: file, title, description, queries."""
    return json.loads((ROOT / "assets" / "samples" / "samples.json").read_text("utf-8"))


def found() -> dict[str, Any]:
    """Return {query: {"FILE:PAGE": {"score", "terms", "winners"}}} of every sample query on every sample page."""
    from colpali_demo import PageIndex, load_encoder, open_document

    encoder = load_encoder("tiny", device="cpu", dtype="float32")
    index = PageIndex(encoder)
    for sample in samples():
        with open_document(ROOT / "assets" / "samples" / sample["file"]) as document:
            index.add(document)
    result: dict[str, Any] = {}
    for text in (query for sample in samples() for query in sample["queries"]):
        result[text] = {}
        for hit in index.search(text, top_k=len(index)):
            tokens = hit.explain().tokens
            result[text][f"{hit.page.source}:{hit.page.number}"] = {
                "score": round(hit.score, 8),
                "terms": [round(token.maxsim, 8) for token in tokens],
                "winners": [token.vector for token in tokens],
            }
    return result


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    GOLDEN.write_text(json.dumps(found(), separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {GOLDEN}")
