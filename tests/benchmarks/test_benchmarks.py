"""Every benchmark runs, in its smallest setting."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).resolve().parents[2]
PAIRS = "ship boat cloud\n"
# Arguments for the smallest run; {folder} has one PDF, {pairs} a triple of words, {model} a random checkpoint.
SMALLEST = {
    "folder_of_pdfs.py": ["{folder}"],
    "hostile_files.py": ["{out}", "{pdf}"],
    "lens_switching.py": ["--pages", "2", "--side", "4"],
    "pairs.py": ["--model", "{model}", "--pairs", "{pairs}"],
    "precisions.py": ["{pdf}", "--model", "{model}", "--rounds", "1"],
    "search_latency.py": ["--pages", "2", "--vectors", "20", "--tokens", "3", "--rounds", "1"],
    "weak_matches.py": ["--model", "{model}"],
}
TOLD = {
    "folder_of_pdfs.py": "PASSED",
    "hostile_files.py": "files in",
    "lens_switching.py": "first paint",
    "pairs.py": "related word closer",
    "precisions.py": "s a page",
    "search_latency.py": "ratio",
    "weak_matches.py": "unanswered questions flagged",
}


def run(name: str, arguments: Sequence[str], checkpoint: Path) -> str:
    """Run a benchmark and return what it prints; it has to end well."""
    environment = {**os.environ, "COLPALI_MODEL": str(checkpoint), "COLPALI_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_benchmark_has_a_smallest_setting():
    assert {path.name for path in (ROOT / "benchmarks").glob("*.py")} == set(SMALLEST) == set(TOLD)


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_runs(name, checkpoint, tmp_path):
    folder = tmp_path / "pdfs"
    folder.mkdir()
    canvas = Canvas(str(folder / "one.pdf"), pagesize=(200, 300))
    canvas.drawString(20, 150, "revenue by region")
    canvas.save()
    pairs = tmp_path / "pairs.txt"
    pairs.write_text(PAIRS)
    places = {"folder": folder, "pdf": folder / "one.pdf", "out": tmp_path / "out", "pairs": pairs, "model": checkpoint}
    arguments = [argument.format_map(places) for argument in SMALLEST[name]]
    assert TOLD[name] in run(name, arguments, checkpoint)


def test_help_is_no_folder_to_write_into(checkpoint):
    assert "usage" in run("hostile_files.py", ["--help"], checkpoint)
    assert not (ROOT / "--help").exists()
