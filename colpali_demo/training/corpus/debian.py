"""What colpali-tiny is trained and measured with, gathered from Debian: `python -m colpali_demo.training debian OUT`.

Needs Debian 12 (others hold other versions, whose files are not those of the lab book), apt-get and poppler-utils; root
is not needed. Packages are downloaded and unpacked, not installed.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from colpali_demo.bundled import ASSETS
from colpali_demo.training.corpus.text import collect, is_english
from colpali_demo.training.corpus.words import frequent_words

PACKAGES = Path(__file__).with_name("debian_packages.txt")
LAB_BOOK = ASSETS / "colpali-tiny" / "TRAINING.md"
FONT_FOLDERS = ("usr/share/fonts", "usr/share/texmf/fonts")
DICTIONARY = "usr/share/dict/american-english-large"
SEQUENCE = 8  # words: what documents are compared by
SHARED = 0.05  # licenses and boilerplate: a document that shares more of its sequences with a held-out one is left out

_WORD = re.compile(r"[a-z0-9]+")


def gather(out: Path) -> None:
    """Write the folders `held_out`, `held_out_text`, `choosing`, `fonts`, `text` and `documents` to `out`.

    Nothing in `text` and `documents` is held out: a paragraph that shares eight consecutive words with a document held
    out or for choosing is dropped, and so is a document that shares more than a twentieth of its sequences.

    Raises:
        RuntimeError: apt-get, dpkg-deb or pdftotext is missing or failed, or a held-out file is not the lab book's.
    """
    groups = read_packages()
    with TemporaryDirectory(dir=out.parent) as folder:
        unpacked = {name: unpack(packages, Path(folder) / name) for name, packages in groups.items()}
        hold_out(unpacked["held out"], out / "held_out")
        collect(out / "held_out_text", [out / "held_out"])
        for _, name, data in pdfs(unpacked["for choosing"]):
            write(out / "choosing" / name, data)
        apart = [*(out / "held_out").iterdir(), *(out / "choosing").iterdir()]
        known = {sequence for file in apart for sequence in sequences(words_of(file))}
        for package in unpacked["fonts"]:
            for fonts in FONT_FOLDERS:
                if (package / fonts).is_dir():
                    shutil.copytree(package / fonts, out / "fonts", dirs_exist_ok=True, ignore_dangling_symlinks=True)
        for _, name, data in pdfs(unpacked["documents"]):
            file = write(out / "documents" / name, data)
            words = words_of(file)
            if not is_english(words) or shared(words, known) > SHARED:
                file.unlink()
        collect(out / "text", unpacked["text"])
        for file in (out / "text").glob("*.txt"):
            paragraphs = file.read_text().split("\n\n")
            new = [text for text in paragraphs if not shared(_WORD.findall(text.lower()), known)]
            file.write_text("\n\n".join(new))
        (out / "text" / "everyday.words").write_text("\n".join(frequent_words(10_000)))
        for package in unpacked["text"]:
            if (package / DICTIONARY).exists():
                words = (package / DICTIONARY).read_text().split()
                (out / "text" / "dictionary.words").write_text("\n".join(word for word in words if word.isalpha()))


def read_packages() -> dict[str, list[str]]:
    """Return the names of packages by what they are for."""
    groups: dict[str, list[str]] = {}
    for line in PACKAGES.read_text().splitlines():
        if line.startswith("["):
            groups[line.strip("[]")] = names = []
        elif groups:  # lines before the first group are comments
            names += line.split()
    return groups


def unpack(packages: list[str], folder: Path) -> list[Path]:
    """Download packages and return a folder with the files of each."""
    folder.mkdir(parents=True)
    call("apt-get", "download", "-qq", *packages, cwd=folder)
    found = []
    for file in sorted(folder.glob("*.deb")):
        found.append(folder / file.name.partition("_")[0])
        call("dpkg-deb", "--extract", file, found[-1])
        file.unlink()
    return found


def call(*command: str | Path, cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(command, cwd=cwd, capture_output=True, check=True, timeout=3600)
    except FileNotFoundError as error:
        raise RuntimeError(f"{command[0]} is needed, which this machine does not have") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()[-500:]}") from error
    return result.stdout.decode("utf-8", "ignore")


def pdfs(packages: Iterable[Path]) -> Iterator[tuple[str, str, bytes]]:
    """Yield the PDFs in unpacked packages, each once: SHA-256, the package's and the file's name, and the content."""
    seen, names = set(), set()
    for package in packages:
        for file in sorted([*package.rglob("*.pdf"), *package.rglob("*.pdf.gz")]):
            if file.is_symlink() or not file.is_file():
                continue
            data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            name = f"{package.name}-{file.name.removesuffix('.gz')}"
            if digest in seen or not data.startswith(b"%PDF"):
                continue
            if name in names:
                name = f"{digest[:8]}-{name}"
            seen.add(digest)
            names.add(name)
            yield digest, name, data


def hold_out(packages: list[Path], out: Path) -> None:
    """Write the PDFs that the lab book lists."""
    listed = dict(re.findall(r"\| `(\w{16})` \| (\S+\.pdf) \|", LAB_BOOK.read_text()))
    for digest, _, data in pdfs(packages):
        if name := listed.pop(digest[:16], None):
            write(out / name, data)
    if listed:
        raise RuntimeError(f"not as the lab book has it, or missing: {', '.join(listed.values())}")


def write(file: Path, data: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def words_of(file: Path) -> list[str]:
    """Return the lower-cased words of a PDF's text layer; none if it cannot be read. In a process of its own."""
    try:
        return _WORD.findall(call("pdftotext", file, "-").lower())
    except (RuntimeError, subprocess.TimeoutExpired):
        return []


def sequences(words: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(SEQUENCE)), strict=False)


def shared(words: list[str], known: set[tuple[str, ...]]) -> float:
    """Return the part of the words' sequences of eight that is known."""
    own = set(sequences(words))
    return len(own & known) / len(own) if own else 0.0
