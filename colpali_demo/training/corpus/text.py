"""Text for training pages: prose from files, rare words, made-up numbers and codes; and how to collect it."""

import argparse
import ast
import gzip
import html
import mmap
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

_WORD = re.compile(r"[A-Za-z]{3,18}")
_CHUNK = 4096


class TextSource:
    """Words to put on pages.

    Args:
        paths: text files in UTF-8, with an empty line between paragraphs, or folders of them (`*.txt`). Word lists with
            one word a line are named `*.words`: their words are strewn over the text, those of a short list most often.

    Raises:
        ValueError: there is no text file, or too little text to draw pages with.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]):
        paths = [paths] if isinstance(paths, str | Path) else paths
        self._files = sorted(
            file
            for path in map(Path, paths)
            for file in ([path] if path.is_file() else [*path.rglob("*.txt"), *path.rglob("*.words")])
            if file.stat().st_size > 0
        )
        self._open()
        if not self._texts or len(self.vocabulary) < 20:
            raise ValueError(f"too little text in {', '.join(map(str, paths))}: give files with some pages of prose")

    def _open(self) -> None:
        self._texts = [_map(file) for file in self._files if file.suffix != ".words"]
        # Large files count for less than their share, so that one big collection does not hide the small ones.
        self._weights = [len(text) ** 0.75 for text in self._texts]
        found: set[str] = set()
        for text in self._texts:
            for start in range(0, len(text), max(_CHUNK, len(text) // 100)):
                found.update(_WORD.findall(text[start : start + _CHUNK].decode("utf-8", "ignore"))[1:-1])
        self.vocabulary = sorted(found)
        lists = [file.read_text("utf-8").split("\n") for file in self._files if file.suffix == ".words"]
        self._word_lists = [[word for word in words if _WORD.fullmatch(word)] for words in lists]

    def __getstate__(self) -> dict:
        return {"_files": self._files}

    def __setstate__(self, state: dict) -> None:
        self._files = state["_files"]
        self._open()

    def _read(self, random: Random, size: int) -> str:
        """Read about `size` bytes of text from a random place, beginning with a paragraph where one is near."""
        text = random.choices(self._texts, self._weights)[0]
        start = random.randrange(max(1, len(text) - size // 2))
        if start:
            near = text.find(b"\n\n", start, start + 1500)
            start = near + 2 if near >= 0 else text.find(b" ", start) + 1
        return text[start : start + size].decode("utf-8", "ignore")

    def paragraphs(self, random: Random, count: int) -> list[list[str]]:
        """Return consecutive paragraphs of `count` words in all, each a list of words."""
        found: list[list[str]] = []
        missing = count
        while missing > 0:
            pieces = " ".join(self._read(random, missing * 8 + 200).rsplit(None, 1)[:1]).split("\n\n")
            for piece in pieces:
                words = piece.split()[:missing]
                if self._word_lists and random.random() < 0.6:
                    words = [self._replaced(random, word) if random.random() < 0.6 else word for word in words]
                if words:
                    found.append(words)
                    missing -= len(words)
                if missing <= 0:
                    break
        return found

    def run(self, random: Random, count: int) -> list[str]:
        """Return `count` words, consecutive within one place of the text where it is long enough."""
        return [word for words in self.paragraphs(random, count) for word in words]

    def rare(self, random: Random, *, listed: float = 0.5) -> str:
        """Return a word drawn evenly from the different words of the text, so mostly a rare one.

        Where there are word lists, `listed` of the words come from them.
        """
        if self._word_lists and random.random() < listed:
            return self._listed(random)
        return random.choice(self.vocabulary)

    def _listed(self, random: Random) -> str:
        # The shorter a list, the more each of its words is worth knowing.
        (words,) = random.choices(self._word_lists, [1 / len(words) for words in self._word_lists])
        return random.choice(words)

    def _replaced(self, random: Random, word: str) -> str:
        """Put another word in its place, of its case and with its punctuation.

        In prose of a few fields half of the everyday words hardly ever stand.
        """

        def other(match: re.Match) -> str:
            listed = self._listed(random)
            return listed.upper() if match[0].isupper() else listed.title() if match[0].istitle() else listed

        return _WORD.sub(other, word, count=1)

    def phrase(self, random: Random, low: int, high: int, *, title: bool = False) -> list[str]:
        """Return a short run of words without punctuation at its ends, for headings and labels."""
        count = random.randint(low, high)
        words: list[str] = []
        while len(words) < count:
            if random.random() < 0.2:
                words.append(self.rare(random))
                continue
            stripped = (
                word.strip(".,;:!?()[]{}<>\"'`*_=|\u201c\u201d\u2018\u2019") for word in self.run(random, count)
            )
            words += [word for word in stripped if word and len(word) < 19]
        words = words[:count]
        if title:
            return [word[:1].upper() + word[1:] if len(word) > 3 or i == 0 else word for i, word in enumerate(words)]
        words[0] = words[0][:1].upper() + words[0][1:]
        return words


def number(random: Random) -> str:
    """Return a made-up number as documents print them: counts, amounts, shares, years."""
    form = random.randrange(9)
    if form == 0:
        return str(random.randint(0, 99))
    if form == 1:
        return str(random.randint(100, 9999))
    if form == 2:
        return f"{random.randint(1000, 9999999):,}"
    if form == 3:
        return f"{random.random() * 10 ** random.randint(0, 3):.{random.randint(1, 3)}f}"
    if form == 4:
        return f"{random.random() * 100:.{random.randint(0, 2)}f}%"
    if form == 5:
        return random.choice("$\u20ac\u00a3") + f"{random.random() * 10 ** random.randint(1, 6):,.2f}"
    if form == 6:
        return f"{'-' if random.random() < 0.5 else '+'}{random.random() * 100:.1f}"
    if form == 7:
        return str(random.randint(1900, 2035))
    return f"({random.randint(1, 99999):,})"


def code(random: Random) -> str:
    """Return a made-up code, date, time, reference, version, telephone number or address."""
    digits = [str(random.randint(0, 9)) for _ in range(12)]
    letters = [chr(65 + random.randrange(26)) for _ in range(6)]
    form = random.randrange(12)
    if form == 0:
        return f"{letters[0]}{letters[1]}-{''.join(digits[:4])}"
    if form == 1:
        return f"{''.join(digits[:3])}-{''.join(digits[3:7])}"
    if form == 2:
        return f"{1900 + random.randint(0, 140)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    if form == 3:
        return f"{random.randint(1, 28)}/{random.randint(1, 12)}/{random.randint(1960, 2030)}"
    if form == 4:
        return f"{random.randint(0, 23):02}:{random.randint(0, 59):02}"
    if form == 5:
        return f"v{random.randint(0, 12)}.{random.randint(0, 30)}.{random.randint(0, 9)}"
    if form == 6:
        return "".join(letters[: random.randint(2, 5)])
    if form == 7:
        return f"#{''.join(digits[: random.randint(3, 7)])}"
    if form == 8:
        return f"+{digits[0]}{digits[1]}-{''.join(digits[2:5])}-{''.join(digits[5:10])}"
    if form == 9:
        return "".join(random.choice(letters + digits) for _ in range(random.randint(5, 10)))
    if form == 10:
        return f"[{random.randint(1, 99)}]"
    return f"{random.randint(1, 12)}.{random.randint(1, 20)}.{random.randint(1, 9)}"


def _map(file: Path) -> mmap.mmap:
    with open(file, "rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


# Collecting text

_BREAK = re.compile(r"\n\s*\n")
_BLOCK = re.compile(
    r"</?(?:p|li|d[tdl]|t[dhr]|h\d|div|ul|ol|blockquote|section|table|body|title|caption|para)\b[^>]*>", re.I
)
_HIDDEN = re.compile(r"<(script|style|pre|nav|head|svg|math|screen|programlisting)\b.*?</\1\s*>", re.I | re.S)
_TAG = re.compile(r"<[^>]*>")
_ROFF_ESCAPE = re.compile(r"\\(?:f(?:\[\w*\]|\(..|.)|s[-+]?\d|&|\||/|c|:|%|m\[\w*\])")
_ROFF_CHARACTER = re.compile(r"\\(?:\((..)|\[(\w+)\])")
_COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        the of and a to in is that for it as was with be by on not he his or are at from this which you an they but
        have has had were their its if can will one all when there who what more other into some any may such only than
        then no so also used use i me my we our your she her him them do does about out up over between after made being
        having someone something
        """,
    )
)


def collect(out: Path, sources: Sequence[Path]) -> int:
    """Gather English prose from folders or files into `out`, one .txt file for each source, and count its words.

    Plain text, HTML and DocBook, PDF, manual pages, docstrings of Python files and dictionaries are read, also
    compressed with gzip. Paragraphs that look like anything but English prose, and those seen before, are left out.
    Word lists (one word a line, as in /usr/share/dict) become `.words` files.
    """
    out.mkdir(parents=True, exist_ok=True)
    seen: set[int] = set()
    total = 0
    for source in sources:
        name = re.sub(r"\W+", "-", str(source)).strip("-") or "text"
        with open(out / f"{name}.txt", "w", encoding="utf-8") as stream:
            for file in [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file()):
                for paragraph in _paragraphs(file):
                    words = paragraph.split()
                    if not _is_prose(paragraph, words) or hash(paragraph) in seen:
                        continue
                    seen.add(hash(paragraph))
                    stream.write(paragraph + "\n\n")
                    total += len(words)
        if source.is_file() and (words := _word_list(source)):
            (out / f"{name}.words").write_text("\n".join(words), encoding="utf-8")
    return total


def _is_prose(paragraph: str, words: list[str]) -> bool:
    if not 7 <= len(words) <= 1500:
        return False
    plain = sum(character.isascii() and (character.isalpha() or character == " ") for character in paragraph)
    common = sum(word.lower() in _COMMON_WORDS for word in words)
    return (
        plain > 0.88 * len(paragraph)
        and common >= 0.12 * len(words)
        and 3.5 * len(words) < len(paragraph) < 9 * len(words)
    )


def is_english(words: Sequence[str]) -> bool:
    """Return whether the lower-cased words of a whole document are English prose, most of them: a hundred or more."""
    return len(words) >= 100 and sum(word in _COMMON_WORDS for word in words) >= 0.15 * len(words)


def _word_list(file: Path) -> list[str]:
    lines = _read(file).split("\n")
    return [line for line in lines if line.isalpha()] if len(lines) > 1000 and not any(" " in i for i in lines) else []


def _read(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix in (".gz", ".dz"):
        data = gzip.decompress(data)
    return data.decode("utf-8", "replace")


def _paragraphs(file: Path) -> Iterator[str]:
    """Yield the paragraphs of a file, each on one line; none if it is of no known type or cannot be read."""
    suffixes = [suffix for suffix in file.suffixes if suffix not in (".gz", ".dz")]
    suffix = suffixes[-1].lower() if suffixes else ""
    reader = _READERS.get(suffix) or (_roff if re.fullmatch(r"\.[1-9]\w*", suffix) else None)
    if reader is None or file.stat().st_size > 200_000_000:
        return
    try:
        for text in reader(file):
            yield " ".join(text.split())
    except (OSError, EOFError, RuntimeError, ValueError, SyntaxError, zlib.error):
        return  # damaged or not what its name says


def _plain(file: Path) -> list[str]:
    return _BREAK.split(_read(file))


def _markup(file: Path) -> list[str]:
    text = _BLOCK.sub("\n\n", _HIDDEN.sub("\n\n", _read(file)))
    return _BREAK.split(html.unescape(_TAG.sub("", text)))


def _docstrings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_read(file))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for text in _BREAK.split(ast.get_docstring(node) or ""):
                if "---" not in text and ">>>" not in text:
                    yield text


def _roff(file: Path) -> list[str]:
    lines = []
    for line in _read(file).split("\n"):
        if line.startswith((".", "'")):
            macro, _, rest = line.partition(" ")
            if macro in (".B", ".I", ".BR", ".IR", ".RB", ".RI", ".BI", ".IB"):
                # Arguments of the alternating ones are joined; the others keep their spaces.
                line = rest.replace('"', "") if len(macro) == 2 else "".join(rest.replace('"', "").split(" "))
            else:
                line = ""
                if macro not in ('.\\"', "'\\\""):
                    lines.append("")
        lines.append(line)
    text = _ROFF_ESCAPE.sub("", "\n".join(lines))
    text = _ROFF_CHARACTER.sub(lambda m: _ROFF_NAMED.get(m[1] or m[2], " "), text)
    return _BREAK.split(text.replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " "))


def _dictionary(file: Path) -> Iterator[str]:
    """Read definitions of a dictd dictionary or of WordNet's data files (after the bar)."""
    for text in re.split(r"\n(?=\S)", _read(file)):
        # Without etymologies, pronunciations and the marks of cross-references.
        yield re.sub(r"\[[^\]]*\]|\\[^\\]*\\|[{}]", "", text.partition(" | ")[2] or text)


def _pdf(file: Path) -> Iterator[str]:
    import pypdfium2

    with pypdfium2.PdfDocument(file) as document:
        for page in document:
            text = page.get_textpage().get_text_range().replace("\r\n", "\n")
            yield from re.split(r"(?<=[.!?:])\n(?=[A-Z])|\n\s*\n", re.sub(r"(?<=[a-z])[-\ufffe]\n(?=[a-z])", "", text))


_ROFF_NAMED = {"em": "-", "en": "-", "aq": "'", "oq": "'", "cq": "'", "dq": '"', "lq": '"', "rq": '"', "co": "(c)"}
_READERS = {
    **dict.fromkeys((".txt", ".text", ".md", ".rst", ".info", ".raw"), _plain),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".xml", ".page", ".docbook"), _markup),
    **dict.fromkeys((".dict", ".noun", ".verb", ".adj", ".adv"), _dictionary),
    ".py": _docstrings,
    ".pdf": _pdf,
}


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m colpali_demo.training.corpus.text", description=collect.__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("sources", type=Path, nargs="+", help="folders or files to read")
    arguments = parser.parse_args()
    print(f"{collect(arguments.out, arguments.sources):,} words")


if __name__ == "__main__":
    _main()
