"""How well weak matches are told from found answers: questions that the samples answer, and questions that they do not.

    python benchmarks/weak_matches.py [--model tiny]

The questions stand in `benchmarks/questions`: answered.tsv says on which page, unanswered.tsv whether a question is far
from anything in the samples or near. They were written down before anything was measured. The halves are every
second question (the 1st, 3rd, ... and the others); both were seen while the measure and its threshold were chosen.

A miss is a found answer (the best page is a right one) that is called weak; a false alarm avoided is an unanswered
question that is. Questions whose answer was not found count in neither.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colpali_demo import PageIndex, load_encoder, open_document
from colpali_demo.retrieval import Hit
from colpali_demo.samples import read_samples

QUESTIONS = Path(__file__).parent / "questions"
HALVES = {"one half": slice(0, None, 2), "other half": slice(1, None, 2), "all": slice(None)}


def main() -> None:
    """Ask every question and print, for each half, how many unanswered ones are flagged and how many answers missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny", help='"tiny", a folder or a Hub id (default: tiny)')
    given = parser.parse_args()
    index = PageIndex(load_encoder(given.model))
    for sample in read_samples():
        with open_document(sample.path) as document:
            index.add(document)
    answered, unanswered = list(read("answered.tsv")), list(read("unanswered.tsv"))
    found: list[bool | None] = []  # whether a right best page is called weak; None where the best page is a wrong one
    for pages, text in answered:
        hit = index.search(text, top_k=1)[0]
        found.append(index.strength(hit)["weak"] if is_answer(hit, pages) else None)
    flagged = [index.strength(index.search(text, top_k=1)[0])["weak"] for _, text in unanswered]

    print(f"{index.encoder.model_info['name']}: weak below {index.encoder.calibration.threshold:.3f}")
    print("                 unanswered questions flagged            found answers called weak")
    for name, half in HALVES.items():
        kinds = [kind for kind, _ in unanswered[half]]
        weak = flagged[half]
        right = [value for value in found[half] if value is not None]
        parts = [f"{share(weak)} of {len(weak)}"]
        for kind in ("far", "near"):
            parts.append(f"{kind} {share([value for value, of in zip(weak, kinds, strict=True) if of == kind])}")
        print(f"{name:15}  {', '.join(parts):38}  {share(right)} of {len(right)} (asked {len(found[half])})")


def read(name: str) -> Iterator[tuple[str, str]]:
    """Read the lines of a list of questions: what is known of the question, and its text."""
    for line in (QUESTIONS / name).read_text("utf-8").splitlines():
        known, text = line.split("\t")
        yield known, text


def is_answer(hit: Hit, pages: str) -> bool:
    """Return whether a page is among those named as "FILE:PAGE,PAGE"."""
    source, numbers = pages.split(":")
    return hit.page.source == source and str(hit.page.number) in numbers.split(",")


def share(values: list[bool]) -> str:
    """Return the percentage of values that are true."""
    return f"{100 * sum(values) / len(values):.1f} %" if values else "none"


if __name__ == "__main__":
    main()
