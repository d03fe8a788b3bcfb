"""Documents and fonts held out since the second edition: `python -m colpali_demo.training held-out OUT`.

They are listed, with their hashes, in `evaluation/held_out`: other languages and fonts come from packages of Debian 12,
documents from elsewhere from public repositories, which the list names. These have to be fetched by hand.
"""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from colpali_demo.training.corpus.debian import unpack, write

LISTS = Path(__file__).parents[1] / "evaluation" / "held_out"


class Listed(NamedTuple):
    """A line of a list: the first 16 digits of the file's SHA-256, its name, and where it comes from."""

    digest: str
    name: str
    source: str


def read_list(name: str) -> list[Listed]:
    lines = (LISTS / f"{name}.tsv").read_text("utf-8").splitlines()
    return [Listed(*line.split("\t")) for line in lines if not line.startswith("#")]


def gather_listed(out: Path) -> None:
    """Write the folders `languages` and `fonts` to `out`.

    Raises:
        RuntimeError: apt-get or dpkg-deb is missing or failed, or a package does not hold a listed file.
    """
    for name in ("languages", "fonts"):
        listed = read_list(name)
        with TemporaryDirectory(dir=out.parent) as folder:
            packages = unpack(sorted({row.source for row in listed}), Path(folder) / "packages")
            found = {digest: data for package in packages for digest, data in contents(package)}
            for row in listed:
                if row.digest in found:
                    write(out / name / row.name, found[row.digest])
        check_listed(out / name, name)


def contents(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the first 16 digits of every file's SHA-256, and its content; unpacked, where it is compressed."""
    for file in sorted(package.rglob("*")):
        if file.is_file() and not file.is_symlink():
            data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            yield hashlib.sha256(data).hexdigest()[:16], data


def check_listed(folder: Path, name: str) -> None:
    """Raise RuntimeError, with their names, where files of a list are missing from a folder or are other ones."""
    wrong = [
        row.name
        for row in read_list(name)
        if not (file := folder / row.name).is_file() or hashlib.sha256(file.read_bytes()).hexdigest()[:16] != row.digest
    ]
    if wrong:
        raise RuntimeError(f"missing from {folder}, or not as listed in {name}.tsv: {', '.join(wrong)}")
