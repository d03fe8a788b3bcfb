"""Write the list of files in architecture.md, a sentence each, from the files themselves."""

from __future__ import annotations

import ast
import re
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "colpali_demo"
PAGE = Path(__file__).parent / "architecture.md"
BEGIN, END = "<!-- files -->", "<!-- end of files -->"


def first_sentence(file: Path) -> str:
    """Return the sentence that a module of Python or JavaScript begins with, on one line."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        about = ast.get_docstring(ast.parse(text)) or ""
    else:
        lines = []
        for line in text.splitlines():
            if not line.startswith("//"):
                break
            lines.append(line.removeprefix("//").strip())
        about = "\n".join(lines)
    paragraph = " ".join(about.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]


def listing() -> str:
    """Return the list of all files of the package, a heading for each folder."""
    files = sorted(
        (file for suffix in ("py", "js") for file in PACKAGE.rglob(f"*.{suffix}")),
        key=lambda file: (file.parent.relative_to(PACKAGE).parts, file.name),
    )
    parts = []
    for folder, members in groupby(files, key=lambda file: file.parent):
        title = folder.relative_to(ROOT).as_posix()
        rows = []
        for file in members:
            sentence = first_sentence(file)
            if file.name == "__init__.py":
                title += f": {sentence}" if sentence else ""
            else:
                rows.append(f"- [`{file.name}`](../{file.relative_to(ROOT).as_posix()}): {sentence}")
        parts.append("\n".join([f"**{title}**", "", *rows]))
    return "\n\n".join(parts)


def page() -> str:
    """Return architecture.md with the list as it has to be now."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{listing()}\n\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
