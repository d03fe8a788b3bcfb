"""Make the sample PDFs: `python assets/samples/make_samples.py [FOLDER]` (the folder of this script by default).

Needs the packages of requirements-dev.txt. Running it again gives the same files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import annual_report
import paper
import scan
import slides
from drawing import register_fonts

SAMPLES = {
    "annual-report.pdf": annual_report.make,
    "cooler-streets.pdf": slides.make,
    "lighthouse-letter.pdf": scan.make,
    "river-ice-paper.pdf": paper.make,
}


def main(folder: Path) -> None:
    register_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        make(folder / name)
        print(folder / name, f"{(folder / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
