"""Fonts for training pages: what is installed, grouped by family and style, and their glyphs as small bitmaps."""

import logging
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random

import numpy as np
from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont

# Never used in training: evaluation draws its pages with these. Two serif, two sans, one mono and one display family,
# matched on the beginning of the family name, so that "Gentium" also covers Gentium Plus and Gentium Book Basic.
HELD_OUT_FAMILIES = ("Caladea", "Gentium", "Cabin", "Karla", "Hack", "Yanone Kaffeesatz")

logging.getLogger("fontTools").setLevel(logging.ERROR)  # fontTools warns of every old font's dates

FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/share/texmf/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts"),
)

# What most documents are set in: chosen more often than the long tail of other families.
COMMON = re.compile(
    r"(Liberation|Latin Modern|CMU|Nimbus|TeX Gyre|DejaVu|Carlito|Arimo|Tinos|Cousine|Roboto|Open Sans|Lato|Noto|"
    r"FreeSans|FreeSerif|P052|C059|URW Bookman|STIX|Linux Libertine|Inter|PT S|EB Garamond|Charis)"
)
# Symbols, mathematics, outlines and jokes: nobody sets words in them.
UNREADABLE = re.compile(
    r"(Math|Symbol|Dingbat|Initials|Keyboard|Keyfont|Emoji|Outline|Integrals|Variants|NonUnicode|Size\w+Sym|KaTeX|Music|"
    r"D050000L|Mono Caps|Caps 10|Unslanted|Dunhill|flatline|progenisis|Wargames|Marked Fool|Penguin|Abogado|Junkyard|"
    r"It wasn't|Swift|Winks|Balker|Signwriting|Monoisome|Style Std)"
)
NOTO_LATIN = re.compile(r"Noto (Sans|Serif|Mono)( Mono| Display)?$")
MONO = re.compile(r"\b(Mono|Courier|Typewriter|Code|Cousine|Inconsolata|GNUTypewriter|mononoki|Monoid|OCR)|FreeMono")
DISPLAY = re.compile(
    r"(Lobster|Comfortaa|Kaushan|Bebas|Dosis|Chorus|Z003|Comic|Manners|Averia|Ubuntu-Title|Jura|Irianis|"
    r"Romande ADF Script|Quicksand|Play$|League Spartan|Conakry|Yanone|osifont|Tiresias Sign|Goudy Book|Essays|"
    r"Adventor|URW Gothic)"
)
SERIF = re.compile(
    r"(Serif|Roman|Times|Garamond|Termes|Pagella|Bonum|Schola|Libertine|Didot|Artemisia|Caladea|Gentium|Charis|P052|C059|"
    r"Bookman|Tinos|STIX|Cardo|Junicode|Standard|Vollkorn|Yrsa|Rasa|Accanthis|Baskervald|Berenis|Fanwood|Linden|"
    r"Arapey|Prociono|Quattrocento$|Mona$|Slab|Concrete|Century|Goudy)"
)

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,;:()-'\"/%&"


class Face:
    """One font file. Metrics are fractions of the em: multiply by the font size in pixels.

    Attributes:
        advances: advance width of every character that the font has, without hinting and kerning.
    """

    def __init__(self, path: str, family: str, weight: int, italic: bool, mono: bool, advances: dict[str, float]):
        self.path = path
        self.family = family
        self.weight = weight
        self.italic = italic
        self.mono = mono
        self.advances = advances
        self._metrics: tuple[float, float, float, float] | None = None

    @property
    def metrics(self) -> tuple[float, float, float, float]:
        """Height of x, of capitals and of d, and depth of p, measured on the glyphs."""
        if self._metrics is None:
            font = ImageFont.truetype(self.path, 200, layout_engine=ImageFont.Layout.BASIC)
            boxes = [font.getbbox(letter, anchor="ls") for letter in "xHdp"]
            self._metrics = (-boxes[0][1] / 200, -boxes[1][1] / 200, -boxes[2][1] / 200, boxes[3][3] / 200)
        return self._metrics

    def __repr__(self) -> str:
        return f"Face({self.family!r}, {self.weight}{', italic' if self.italic else ''})"


class Family:
    """The faces of one family. `group` is "serif", "sans", "mono" or "display"."""

    def __init__(self, name: str, group: str, faces: Sequence[Face]):
        self.name = name
        self.group = group
        self._faces: dict[tuple[bool, bool], list[Face]] = {}
        for bold in (False, True):
            for italic in (False, True):
                fitting = [f for f in faces if f.italic == italic and (f.weight >= 600) == bold]
                self._faces[bold, italic] = sorted(
                    fitting, key=lambda f: (abs(f.weight - (700 if bold else 400)), f.path)
                )

    def face(self, random: Random, *, bold: bool = False, italic: bool = False) -> Face:
        """Return the face of a style, or the nearest there is; now and then another weight of the same style."""
        styles = [(bold, italic), (bold, False), (False, italic), *self._faces]
        faces = next(filter(None, map(self._faces.__getitem__, styles)))
        return faces[0] if random.random() < 0.8 else random.choice(faces)


class GlyphCache:
    """Bitmaps of one face at one size, unhinted and placed at fractions of a pixel as PDF renderers do.

    Glyphs are drawn several times too large, where hinting no longer shows, and averaged down.
    """

    def __init__(self, face: Face, size: float):
        self.oversampling = 4 if size < 28 else 2 if size < 64 else 1
        em = size * self.oversampling
        self._font = ImageFont.truetype(face.path, em, layout_engine=ImageFont.Layout.BASIC)
        self._pen = round(1.5 * em)
        self._scratch = Image.new("L", (4 * self._pen, 2 * self._pen))
        self._draw = ImageDraw.Draw(self._scratch)
        self._large: dict[str, tuple[Image.Image, int, int]] = {}
        self.glyphs: dict[tuple[str, int, int], tuple[np.ndarray, int, int]] = {}

    def draw(self, key: tuple[str, int, int]) -> tuple[np.ndarray, int, int]:
        """Draw and keep the glyph (character, x phase, y phase); phases count steps of 1 / oversampling pixels.

        Returns the coverage (uint8) and the column and row of its corner from the pixel that holds the pen position.
        """
        character, x_phase, y_phase = key
        image, left, top = self._large.get(character) or self._draw_large(character)
        scale = self.oversampling
        column, column_rest = divmod(left + x_phase, scale)
        row, row_rest = divmod(top + y_phase, scale)
        if scale > 1:
            right = -(-(column_rest + image.width) // scale) * scale
            bottom = -(-(row_rest + image.height) // scale) * scale
            image = image.crop((-column_rest, -row_rest, right - column_rest, bottom - row_rest)).reduce(scale)
        self.glyphs[key] = np.asarray(image), column, row
        return self.glyphs[key]

    def _draw_large(self, character: str) -> tuple[Image.Image, int, int]:
        """Return the glyph in its oversampled size, and the column and row of its corner from the pen position."""
        self._draw.text((self._pen, self._pen), character, fill=255, font=self._font, anchor="ls")
        box = self._scratch.getbbox() or (self._pen, self._pen, self._pen + 1, self._pen + 1)
        self._large[character] = self._scratch.crop(box), box[0] - self._pen, box[1] - self._pen
        self._scratch.paste(0, box)
        return self._large[character]


class FontSet:
    """Font families to draw pages with.

    Args:
        paths: TrueType and OpenType files, or folders of them; files without the Latin letters are left out.
        exclude: beginnings of the family names to leave out.

    Raises:
        ValueError: no usable font was found.
    """

    def __init__(self, paths: Iterable[str | Path] = FONT_FOLDERS, *, exclude: Sequence[str] = HELD_OUT_FAMILIES):
        self._load(paths, lambda family: not family.startswith(tuple(exclude)))

    @classmethod
    def only(cls, families: Sequence[str] = HELD_OUT_FAMILIES, paths: Iterable[str | Path] = FONT_FOLDERS) -> "FontSet":
        """Return the families whose names begin so and no others, for evaluation."""
        fonts = cls.__new__(cls)
        fonts._load(paths, lambda family: family.startswith(tuple(families)))
        return fonts

    def _load(self, paths: Iterable[str | Path], wanted: Callable[[str], bool]) -> None:
        by_family: dict[str, list[Face]] = {}
        seen = set()
        for path in _font_files(paths):
            face = _read_face(path, wanted)
            # The same font may be installed twice, as TrueType and OpenType or in two folders.
            if face is not None and (face.family, path.stem) not in seen:
                seen.add((face.family, path.stem))
                by_family.setdefault(face.family, []).append(face)
        if not by_family:
            raise ValueError(
                "no usable font found: install some (Debian: fonts-liberation, fonts-dejavu, fonts-lmodern)"
            )
        self.families = [Family(name, _group(name, faces), faces) for name, faces in sorted(by_family.items())]
        self._groups: dict[str, tuple[list[Family], list[Family]]] = {}
        for group in ("serif", "sans", "mono", "display"):
            members = [f for f in self.families if f.group == group] or self.families
            common = [f for f in members if COMMON.match(f.name)] if group != "display" else members
            self._groups[group] = members, common or members
        self._caches: OrderedDict[tuple[str, float], GlyphCache] = OrderedDict()

    def family(self, random: Random, group: str) -> Family:
        """Return a family of the group (of any, if the group is empty); two times in three a common one."""
        members, common = self._groups[group]
        return random.choice(common if random.random() < 0.65 else members)

    def glyphs(self, face: Face, size: float) -> GlyphCache:
        """Return the glyph bitmaps of a face at a size in pixels; the latest hundred are kept."""
        key = face.path, size
        cache = self._caches.pop(key, None)
        if cache is None:
            cache = GlyphCache(face, size)
            if len(self._caches) >= 100:
                self._caches.popitem(last=False)
        self._caches[key] = cache
        return cache

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_caches": OrderedDict()}


def _font_files(paths: Iterable[str | Path]) -> list[Path]:
    files: set[Path] = set()
    for path in (Path(p).expanduser() for p in paths):
        files.update([path] if path.is_file() else path.rglob("*.[ot]tf"))
    return sorted(files)


def _read_face(path: Path, wanted: Callable[[str], bool]) -> Face | None:
    """Return the face of a font file; None if it is not wanted, or cannot be read or written with."""
    try:
        with TTFont(path, lazy=True) as font:
            names = font["name"]
            family = str(names.getDebugName(16) or names.getDebugName(1) or path.stem)
            full = f"{names.getDebugName(4)} {path.stem}"  # some old fonts have their style in one of them only
            if not wanted(family) or UNREADABLE.search(family) or UNREADABLE.search(full):
                return None
            if family.startswith("Noto") and not NOTO_LATIN.match(family):
                return None
            weight = font["OS/2"].usWeightClass
            weight = 400 if weight < 10 else weight  # some old fonts count from 1 to 9
            if weight < 300:
                return None  # hairlines
            styles = font["head"].macStyle
            if styles & 1 or ("Bold" in full and "Semi" not in full):
                weight = max(weight, 700)
            italic = bool(styles & 2) or bool(re.search("Italic|Oblique|Slanted", full))
            mono = bool(font["post"].isFixedPitch) or bool(MONO.search(family))
            advances = _read_advances(font)
            if not advances.keys() >= set(_LETTERS):
                return None
            return Face(str(path), family, weight, italic, mono, advances)
    except (TTLibError, KeyError, AttributeError, AssertionError, TypeError, ValueError, struct.error):
        return None  # a font that cannot be read is left out


def _read_advances(font: TTFont) -> dict[str, float]:
    # With numbers for names, fontTools need not read those in the font, which takes most of the time.
    font.setGlyphOrder([str(i) for i in range(font["maxp"].numGlyphs)])
    count = font["hhea"].numberOfHMetrics
    widths = np.frombuffer(font.reader["hmtx"], ">u2", 2 * count)[::2] / font["head"].unitsPerEm
    return {
        chr(code): float(widths[min(int(glyph), count - 1)])
        for code, glyph in font.getBestCmap().items()
        if 32 <= code <= 0x2600 or 0xFB00 <= code <= 0xFB04
    }


def _group(family: str, faces: Sequence[Face]) -> str:
    if MONO.search(family) or all(face.mono for face in faces):
        return "mono"
    if DISPLAY.search(family):
        return "display"
    return "serif" if SERIF.search(family) and "Sans" not in family else "sans"
