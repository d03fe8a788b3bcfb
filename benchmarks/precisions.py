"""Seconds to embed a page in float32 and in bfloat16 on this machine's CPU, page by page in turn.

    python benchmarks/precisions.py [FILE...] [--model tiny] [--rounds 3]

Without files, the samples of the demo. Also how far the vectors of both agree, and which of the two the demo chooses
here.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colpali_demo import load_encoder, open_document
from colpali_demo.samples import SAMPLES


def main() -> None:
    """Embed every page in both precisions and print a line for each, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="default: the samples of the demo")
    parser.add_argument("--model", default="tiny", help='"tiny", a folder or a Hub id (default: tiny)')
    parser.add_argument("--rounds", type=int, default=3, help="how often each page is embedded (default: 3)")
    given = parser.parse_args()
    images = []
    for file in given.files or sorted(SAMPLES.glob("*.pdf")):
        with open_document(file) as document:
            images += [page.image for page in document]
    usual = load_encoder(given.model, device="cpu")
    chosen = usual.model_info["dtype"]
    precisions = ("float32", "bfloat16")
    encoders = {
        name: usual if name == chosen else load_encoder(given.model, device="cpu", dtype=name) for name in precisions
    }
    for encoder in encoders.values():
        encoder.embed_pages(images[:1])
    seconds: dict[str, list[float]] = {name: [] for name in precisions}
    cosines = []
    for _ in range(given.rounds):
        for image in images:
            vectors = []
            for name, encoder in encoders.items():
                started = time.perf_counter()
                (page,) = encoder.embed_pages([image])
                seconds[name].append(time.perf_counter() - started)
                vectors.append(page.vectors)
            cosines.append(float(torch.cosine_similarity(*vectors).min()))
    for name, values in seconds.items():
        print(f"{name:9}  {statistics.median(values):.3f} s a page (fastest {min(values):.3f})")
    ratios = [half / full for full, half in zip(*seconds.values(), strict=True)]
    print(f"bfloat16 takes {statistics.median(ratios):.2f} of the time; lowest cosine of a vector {min(cosines):.4f}")
    print(f"{len(images)} pages, {torch.get_num_threads()} threads; the demo runs in {chosen} here")


if __name__ == "__main__":
    main()
