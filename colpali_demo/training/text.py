"""Text for training pages: prose from files, rare words, made-up numbers and codes."""

import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

_WORD = re.compile(r"[A-Za-z]{3,18}")
_CHUNK = 4096


class TextSource:
    """Words to put on pages.

    Args:
        paths: text files in UTF-8, with an empty line between paragraphs, or folders of them (`*.txt`). Word lists with
            one word a line are named `*.words`: they add to the rare words.

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
        self.vocabulary = self._read_vocabulary()

    def _read_vocabulary(self) -> list[str]:
        words = set()
        for file in self._files:
            if file.suffix == ".words":
                words.update(word for word in file.read_text("utf-8").split("\n") if _WORD.fullmatch(word))
        for text in self._texts:
            step = max(_CHUNK, len(text) // 200)
            for start in range(0, len(text), step):
                words.update(_WORD.findall(text[start : start + _CHUNK].decode("utf-8", "ignore"))[1:-1])
        return sorted(words)

    def __getstate__(self) -> dict:
        return {"_files": self._files}

    def __setstate__(self, state: dict) -> None:
        self._files = state["_files"]
        self._open()

    def _read(self, random: Random, size: int) -> str:
        """About `size` bytes of text from a random place, beginning with a paragraph where one is near."""
        text = random.choices(self._texts, self._weights)[0]
        start = random.randrange(max(1, len(text) - size // 2))
        if start:
            near = text.find(b"\n\n", start, start + 1500)
            start = near + 2 if near >= 0 else text.find(b" ", start) + 1
        return text[start : start + size].decode("utf-8", "ignore")

    def paragraphs(self, random: Random, count: int) -> list[list[str]]:
        """Consecutive paragraphs of `count` words in all, each a list of words."""
        found: list[list[str]] = []
        missing = count
        while missing > 0:
            pieces = self._read(random, missing * 8 + 200).rsplit(None, 1)[0].split("\n\n")
            for piece in pieces:
                words = piece.split()[:missing]
                if words:
                    found.append(words)
                    missing -= len(words)
                if missing <= 0:
                    break
        return found

    def run(self, random: Random, count: int) -> list[str]:
        """`count` words, consecutive within one place of the text where it is long enough."""
        return [word for words in self.paragraphs(random, count) for word in words]

    def rare(self, random: Random) -> str:
        """A word drawn evenly from all different words, so mostly a rare one."""
        return random.choice(self.vocabulary)

    def phrase(self, random: Random, low: int, high: int, *, title: bool = False) -> list[str]:
        """A short run of words without punctuation at its ends, for headings and labels."""
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
    """A made-up number as documents print them: counts, amounts, shares, years."""
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
    """A made-up code, date, time, reference, version, telephone number or address."""
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
