from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The folder of the clone, as a reader has it, with a file of their own. What is written goes nowhere else."""
    for entry in ROOT.iterdir():
        if entry.name not in ("assets", ".git"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "assets" / "precomputed").mkdir(parents=True)
    for entry in (ROOT / "assets").iterdir():
        if entry.name != "precomputed":
            (tmp_path / "assets" / entry.name).symlink_to(entry)
    canvas = Canvas(str(tmp_path / "report.pdf"), pagesize=(300, 400), invariant=True)
    for number in range(1, 4):
        canvas.drawString(30, 300, f"revenue by region {number}")
        canvas.showPage()
    canvas.save()
    return tmp_path
