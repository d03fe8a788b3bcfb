"""Compare the vectors of every family and format with those of other implementations, on tiny random checkpoints.

    make test-references

Each implementation runs in an environment of its own under `.venv-references`. The vectors of a page or query are
compared one by one; the lowest cosine counts. Exit status 1 if any is below 0.99999.
"""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from checkpoints import MAKERS, maker  # noqa: E402
from engine_checkpoints import BUILDERS, DIM, make_engine_adapter, make_engine_checkpoint  # noqa: E402

from colpali_demo.encoder import Encoder, load_encoder  # noqa: E402

ENVIRONMENTS = ROOT / ".venv-references"
LOWEST = 0.99999
QUERIES = ("revenue by region", "What is the price of copper, per tonne?", "a")

# Each as large as the model reads it, so that no image processor has to scale it: they round differently.
SIZES = {
    "ColQwen2": [(84, 112), (140, 56)],
    "ColQwen2.5": [(84, 112), (140, 56)],
    "ColModernVBERT": [(96, 128), (128, 64)],
    "ColIdefics3": [(96, 128), (128, 64)],
    "NeoMME": [(64, 64), (44, 61), (30, 20)],  # the last two are padded
}
SCALED = [(56, 56), (200, 310), (333, 100)]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        lines = [*engine(Path(folder)), *sentence_transformers(Path(folder))]
    print(f"{datetime.date.today()}, lowest cosine of a vector")
    print(*(line for line, _ in lines), sep="\n")
    return 0 if all(lowest >= LOWEST for _, lowest in lines) else 1


def engine(folder: Path) -> Iterator[tuple[str, float]]:
    """Compare with colpali_engine: whole checkpoints under old and new names, and adapters."""
    cases: list[tuple[str, Path, dict[str, Any]]] = []
    for family in BUILDERS:
        base = make_engine_checkpoint(folder / family / "published", family)
        adapter = make_engine_adapter(folder / family / "adapter", base, family)
        saved = folder / family / "saved"
        native = maker(BUILDERS[family])(folder / family / "native", dim=DIM) if family in MAKERS else None
        shutil.copytree(base, saved, ignore=shutil.ignore_patterns("*.safetensors"))
        for name, checkpoint, changes in (
            ("merged, as published", base, {}),
            ("merged, as it saves", saved, {"saved": str(saved)}),
            ("base + adapter", adapter, {"adapter": str(adapter)}),
            ("for transformers", native, {}),
        ):
            if checkpoint is None:
                continue
            inputs = engine_inputs(folder / family, name, load_encoder(str(base), device="cpu", dtype="float32"))
            job = {"family": family, "folder": str(base), "adapter": None, "saved": None, **inputs, **changes}
            cases.append((f"colpali_engine         {family:15} {name:20}", checkpoint, job))
    neomme = MAKERS["NeoMME"](folder / "NeoMME")
    pages = [str(folder / f"neomme-{number}.png") for number in range(len(SIZES["NeoMME"]))]
    for file, size in zip(pages, SIZES["NeoMME"], strict=True):
        noise(*size).save(file)
    job = {"family": "NeoMME", "folder": str(neomme), "pages": pages, "queries": QUERIES}
    job["out"] = str(folder / "neomme.safetensors")
    cases.append((f"transformers           {'NeoMME':15} {'with torchvision':20}", neomme, job))
    jobs = folder / "jobs.json"
    jobs.write_text(json.dumps([job for _, _, job in cases]))
    run("colpali-engine", "reference_vectors.py", jobs)
    for title, checkpoint, job in cases:
        encoder = load_encoder(str(checkpoint), device="cpu", dtype="float32")
        yield compared(title, engine_vectors(encoder), load_file(job["out"]))


def sentence_transformers(folder: Path) -> Iterator[tuple[str, float]]:
    """Compare with sentence-transformers, of the native families with ColPali alone: the others it reads wrongly.

    In 6.2 its ColModernVBERT fails on pages and loses the ten augmentation tokens of a query, as the number of vectors
    shows; NeoMME loses `<query>` and the masks; and ColQwen2 is that of transformers, with its wrong positions and its
    newline. That these are wrong was established against colpali_engine, above, and against the processors and chat
    templates that the checkpoints come with.
    """
    checkpoint = maker(BUILDERS["ColPali"])(folder / "for-sentence-transformers", dim=DIM)
    pages = [str(folder / f"page-{number}.png") for number in range(len(SCALED))]
    for file, size in zip(pages, SCALED, strict=True):
        noise(*size).save(file)
    out, jobs = folder / "sentence-transformers.safetensors", folder / "sentence-transformers.json"
    jobs.write_text(json.dumps([{"folder": str(checkpoint), "pages": pages, "queries": QUERIES, "out": str(out)}]))
    run("sentence-transformers", "sentence_transformers_vectors.py", jobs)
    encoder = load_encoder(str(checkpoint), device="cpu", dtype="float32")
    ours = {f"page {number}": encoder.embed_pages([noise(*size)])[0].vectors for number, size in enumerate(SCALED)}
    ours |= {f"query {number}": encoder.embed_query(text).vectors for number, text in enumerate(QUERIES)}
    yield compared(f"sentence-transformers  {'ColPali':15} {'for transformers':20}", ours, load_file(out))


def engine_inputs(folder: Path, name: str, encoder: Encoder) -> dict[str, Any]:
    """Return what colpali_engine is given: images of pages, tensors of pages, and assembled queries."""
    family = encoder.family.name
    pages, prepared, queries = [], [], []
    for number, size in enumerate(own_sizes(family)):
        pages.append(str(folder / f"page-{number}.png"))
        noise(*size).save(pages[-1])
    for number, size in enumerate(SCALED):
        prepared.append(str(folder / f"{name}-prepared-{number}.safetensors"))
        inputs = {key: value for key, value in encoder.family.process_pages([noise(*size)]).items() if key != "labels"}
        if family.startswith("ColQwen2"):  # which tokens are of the image: else it refuses to place them
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == encoder.processor.image_token_id).int()
        save_file({key: value.contiguous() for key, value in inputs.items()}, prepared[-1])
    frame, prefix = encoder.family.frame(), encoder.model_info["prefix"]
    for text in QUERIES:
        # `process_texts` adds the tokens at the start, and in ColModernVBERT at the end, by itself.
        end = "" if family == "ColModernVBERT" else frame.end
        queries.append(f"{prefix}{text}{frame.augmentation * 10}{end}")
    out = str(folder / f"{name}.safetensors")
    return {"pages": pages, "prepared": prepared, "queries": queries, "out": out}


def engine_vectors(encoder: Encoder) -> dict[str, torch.Tensor]:
    """Return the same of the encoder here, under the same names."""
    family, vectors = encoder.family.name, {}
    for number, size in enumerate(own_sizes(family)):
        vectors[f"ids of page {number}"] = encoder.family.process_pages([noise(*size)])["input_ids"][0]
        if family.startswith("ColQwen2") or family == "NeoMME":
            vectors[f"page {number}"] = encoder.embed_pages([noise(*size)])[0].vectors
    for number, size in enumerate(() if family == "NeoMME" else SCALED):
        vectors[f"prepared {number}"] = encoder.embed_pages([noise(*size)])[0].vectors
    for number, text in enumerate(QUERIES):
        vectors[f"query {number}"] = encoder.embed_query(text).vectors
    return vectors


def own_sizes(family: str) -> list[tuple[int, int]]:
    """Return the sizes of the pages that colpali_engine's own processor is given.

    Not everything that it makes of them can be compared:

    - Of ColPali none: colpali_engine 0.3.18 puts a second `<bos>` before the prompt of a page, since its prompt begins
      with one and PaliGemma's processor adds another, as the ids show. No checkpoint was trained so.
    - Of pages in tiles the ids: their thumbnail is scaled down, by torchvision there and by Pillow here, whose pixels
      differ by a level of 255. The vectors are compared for pixels made here.
    """
    return SIZES.get(family, [])


def run(environment: str, script: str, jobs: Path) -> None:
    python = ENVIRONMENTS / environment / "bin" / "python"
    subprocess.run([python, Path(__file__).parent / script, jobs], check=True, stdout=sys.stderr)


def compared(title: str, ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> tuple[str, float]:
    """Compare vectors: a line of the report, and the lowest cosine of a vector."""
    lowest: dict[str, float] = {}
    for name, vectors in ours.items():
        if name.startswith("ids"):
            if vectors.tolist() != theirs[name].tolist():
                return f"{title}  {name} differ", -1.0
            continue
        kind = "query" if name.startswith("query") else "page"
        if vectors.shape != theirs[name].shape:
            return f"{title}  {name}: {len(vectors)} vectors here, {len(theirs[name])} there", -1.0
        cosine = float(torch.cosine_similarity(vectors, theirs[name], dim=1).min())
        lowest[kind] = min(cosine, lowest.get(kind, 1.0))
    numbers = ", ".join(f"{kind} {value:.6f}" for kind, value in lowest.items())
    return f"{title}  {numbers}", min(lowest.values())


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


if __name__ == "__main__":
    raise SystemExit(main())
