"""A page image that remembers where each of its characters and words was drawn."""

from collections.abc import Iterable
from math import inf
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from colpali_demo.training.corpus.fonts import Face, FontSet

Color = tuple[int, int, int]

_MARGIN = 96  # room around the masks for glyphs that hang over the edge of the page
_LIGATURES = {"\ufb03": "ffi", "\ufb04": "ffl", "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl"}
_SUBSTITUTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2022": "*",
        "\u2026": "...",
        "\u00a0": " ",
    }
)


class Style:
    """A face at a size in pixels, with its color.

    Args:
        tracking: extra space after each character, in pixels.
        ligatures: draw fi, fl, ff, ffi and ffl as one glyph where the face has them.
        highlight: color behind the words.
        rise: how far words stand above the baseline, in pixels (exponents, footnote marks).
    """

    def __init__(
        self,
        face: Face,
        size: float,
        color: Color = (0, 0, 0),
        *,
        tracking: float = 0.0,
        ligatures: bool = False,
        underline: bool = False,
        highlight: Color | None = None,
        rise: float = 0.0,
    ):
        self.face, self.color, self.tracking = face, color, tracking
        self.underline, self.highlight, self.rise = underline, highlight, rise
        self.size = size = max(4.0, round(size * 4) / 4)
        self.advances = _Advances(face.advances, size, tracking)
        self.space = face.advances.get(" ", 0.25) * size + tracking
        x_height, capital, ascender, descender = (size * part for part in face.metrics)
        self.capital = capital
        self.middle = x_height / 2  # middle of the lower-case letters, above the baseline
        self.half = max(ascender, capital) - self.middle  # half the height of every character's box
        self.half = max(self.half, descender + self.middle)
        self.ligatures = [
            (letters, glyph) for glyph, letters in _LIGATURES.items() if ligatures and glyph in face.advances
        ]

    def variant(self, **changes) -> "Style":
        """Return the same style with some arguments changed."""
        same = {
            "face": self.face,
            "size": self.size,
            "color": self.color,
            "tracking": self.tracking,
            "ligatures": bool(self.ligatures),
            "underline": self.underline,
            "highlight": self.highlight,
            "rise": self.rise,
        }
        return Style(**{**same, **changes})

    def clean(self, word: str) -> str:
        """Return the word as this face can draw it: without the characters that it lacks."""
        known = self.face.advances
        if not all(character in known for character in word):
            word = "".join(character for character in word.translate(_SUBSTITUTES) if character in known)
        for letters, glyph in self.ligatures:
            if letters in word:
                word = word.replace(letters, glyph)
        return word

    def width(self, word: str) -> float:
        """Return the width in pixels of a word that went through `clean`."""
        return sum(map(self.advances.__getitem__, word))


class _Advances(dict):
    def __init__(self, em: dict[str, float], size: float, tracking: float):
        super().__init__()
        self._em, self._size, self._tracking = em, size, tracking

    def __missing__(self, character: str) -> float:
        self[character] = width = self._em[character] * self._size + self._tracking
        return width


class Canvas:
    """A page being drawn: shapes at once, text gathered in one mask per color and laid over them at the end."""

    def __init__(self, width: int, height: int, background: Color, fonts: FontSet):
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width, height), background)
        self.draw = ImageDraw.Draw(self.image)
        self.words: list[str] = []
        self.word_boxes: list[tuple[float, float, float, float]] = []
        self.word_chars: list[tuple[int, int]] = []
        self.codepoints: list[int] = []
        self.lefts: list[float] = []
        self.rights: list[float] = []
        self._fonts = fonts
        self._masks: dict[Color, np.ndarray] = {}

    def word(self, word: str, x: float, baseline: float, style: Style) -> float:
        """Draw a word, cleaned for its style, from a pen position in pixels; returns where the pen stands after it.

        A word that does not lie wholly on the page is left out.
        """
        advances = style.advances
        end = x + sum(map(advances.__getitem__, word))
        baseline -= style.rise
        middle = baseline - style.middle
        top, bottom = middle - style.half, middle + style.half
        if not word or x < 0 or top < 0 or end > self.width or bottom > self.height:
            return end
        mask = self._masks.get(style.color)
        if mask is None:
            shape = self.height + 2 * _MARGIN, self.width + 2 * _MARGIN
            mask = self._masks[style.color] = np.zeros(shape, np.uint8)
        if style.highlight:
            self.draw.rectangle((x, top, end, bottom), style.highlight)
        cache = self._fonts.glyphs(style.face, style.size)
        glyphs, scale = cache.glyphs, cache.oversampling
        row, y_phase = divmod(round((baseline + _MARGIN) * scale), scale)
        start, pen, tracking = len(self.codepoints), x, style.tracking
        for character in word:
            advance = advances[character]
            column, x_phase = divmod(round((pen + _MARGIN) * scale), scale)
            key = character, x_phase, y_phase
            bitmap, left, up = glyphs.get(key) or cache.draw(key)
            height, width = bitmap.shape
            left += column
            up += row
            part = mask[up : up + height, left : left + width]
            if part.shape == bitmap.shape:
                np.maximum(part, bitmap, out=part)
            if character in _LIGATURES:
                letters = _LIGATURES[character]
                share = advance / len(letters)
                for i, letter in enumerate(letters):
                    self.codepoints.append(ord(letter))
                    self.lefts.append(pen + i * share)
                    self.rights.append(pen + (i + 1) * share)
            else:
                self.codepoints.append(ord(character))
                self.lefts.append(pen)
                self.rights.append(pen + advance - tracking)
            pen += advance
        if style.underline:
            y = baseline + style.size * 0.12
            self.draw.line((x, y, end, y), fill=style.color, width=max(1, round(style.size / 16)))
        self.words.append("".join(map(chr, self.codepoints[start:])))
        self.word_boxes.append((x, top, end - tracking, bottom))
        self.word_chars.append((start, len(self.codepoints)))
        return end

    def line(
        self, words: Iterable[str], x: float, baseline: float, style: Style, *, align: str = "left", width: float = inf
    ) -> float:
        """Draw words on one line, cleaning them, aligned "left", "center" or "right" within `width` pixels from x.

        Words that do not fit in the width are left out. Returns where the pen stands at the end.
        """
        fitting: list[str] = []
        room = width
        for word in filter(None, map(style.clean, words)):
            needed = style.width(word) + style.space * bool(fitting)
            if needed > room:
                break
            room -= needed
            fitting.append(word)
        if align != "left":
            x += room / 2 if align == "center" else room
        for i, word in enumerate(fitting):
            x = self.word(word, x + style.space * (i > 0), baseline, style)
        return x

    def finish(self, random: Random) -> Image.Image:
        """Lay the text over the shapes and return the image. Print comes out a little thinner or fatter by chance."""
        exponent = random.choice((1.0, 1.0, 1.0, random.uniform(0.65, 1.3)))
        curve = [round(255 * (i / 255) ** exponent) for i in range(256)]
        for color, mask in self._masks.items():
            inked = Image.fromarray(mask[_MARGIN : _MARGIN + self.height, _MARGIN : _MARGIN + self.width])
            box = inked.getbbox()
            if box is not None:
                inked = inked.crop(box)
                self.image.paste(color, box[:2], inked if exponent == 1.0 else inked.point(curve))
        return self.image
