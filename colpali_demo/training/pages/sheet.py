"""What training pages are made of: paragraphs, headings, lists, tables, charts, forms of one look."""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from PIL import Image, ImageChops

from colpali_demo.training.corpus.fonts import Family, FontSet
from colpali_demo.training.corpus.text import TextSource, code, number
from colpali_demo.training.pages.canvas import Canvas, Color, Style

# Page formats: width and height in points.
FORMATS = {
    "a4": (595, 842),
    "letter": (612, 792),
    "a4 landscape": (842, 595),
    "letter landscape": (792, 612),
    "a5": (420, 595),
    "square": (700, 700),
    "4:3": (720, 540),
    "16:9": (960, 540),
}
_BULLETS = ("\u2022", "-", "\u2013", "*", "\u25e6", "\u25aa", "\u25cf", "\u2192", "\u203a")


class Sheet:
    """What all parts of one page share: format, colors and fonts; and the parts that pages are made of.

    Parts take the column they stand in, in pixels (left edge x, width, top y, and the bottom that they must not pass),
    and return the y at which they end.
    """

    def __init__(self, random: Random, source: TextSource, fonts: FontSet, format: str, difficulty: float):
        self.random, self.source, self.fonts = random, source, fonts
        width, height = FORMATS[format]
        long_side = 1600 if random.random() < 0.5 else random.randint(1200, 1600)
        self.pt = long_side / max(width, height)
        self.width, self.height = round(width * self.pt), round(height * self.pt)
        self.slide = format in ("4:3", "16:9", "square")
        dark = random.random() < (0.3 if self.slide else 0.05)
        self.background = self._paper(dark)
        self.canvas = Canvas(self.width, self.height, self.background, fonts)
        self.ink = self._ink(dark)
        self.accent = self.readable_on(self.background)
        if random.random() < 0.06:
            self._backdrop(dark)

        group = random.choices(("serif", "sans", "mono", "display"), (0.42, 0.48, 0.05, 0.05))[0]
        self.body_family = fonts.family(random, group)
        if random.random() < 0.5:
            self.heading_family = self.body_family
        else:
            self.heading_family = fonts.family(
                random, random.choices(("serif", "sans", "mono", "display"), (0.3, 0.45, 0.05, 0.2))[0]
            )
        self.mono_family = fonts.family(random, "mono")
        self.body_points = self._body_points(difficulty)
        self.leading = random.uniform(1.08, 1.5)
        self.align = "justify" if random.random() < 0.5 else "left"
        self.ligatures = random.random() < 0.4
        self.hyphenate = random.random() < (0.6 if self.align == "justify" else 0.1)
        self.indent = random.choice((0.0, 0.0, 1.0, 1.5, 2.0))
        self.gap = random.choice((0.0, 0.4, 0.6, 1.0)) if self.indent else random.uniform(0.4, 1.1)
        self.tracking = random.uniform(-0.02, 0.05) if random.random() < 0.12 else 0.0
        self.rare_share = random.choice((0.0, 0.0, 0.05, 0.15, 0.4))
        self.body = self.style(self.body_family, self.body_points)
        margin = random.uniform(0.05, 0.13)
        self.left = self.width * margin
        self.right = self.width - self.width * (margin if random.random() < 0.8 else random.uniform(0.05, 0.13))
        self.top, self.bottom = self.height * random.uniform(0.05, 0.11), self.height * random.uniform(0.89, 0.95)

    # Looks

    def _body_points(self, difficulty: float) -> float:
        random = self.random
        if random.random() >= difficulty:
            return random.uniform(14, 24) if not self.slide else random.uniform(18, 32)
        if self.slide:
            return random.choices(
                (random.uniform(9, 14), random.uniform(14, 22), random.uniform(22, 32)), (0.25, 0.5, 0.25)
            )[0]
        ranges = ((7, 9), (9, 11), (11, 12.5), (12.5, 16))
        return random.uniform(*random.choices(ranges, (0.17, 0.5, 0.25, 0.08))[0])

    def _paper(self, dark: bool) -> Color:
        random = self.random
        if dark:
            return tuple(random.randint(0, 70) for _ in range(3))
        if random.random() < 0.82:
            return (255, 255, 255)
        return tuple(random.randint(215, 255) for _ in range(3))

    def _ink(self, dark: bool) -> Color:
        random = self.random
        if dark:
            return (255, 255, 255) if random.random() < 0.5 else tuple(random.randint(190, 255) for _ in range(3))
        if random.random() < 0.65:
            return (0, 0, 0)
        shade = random.randint(0, 90)
        return tuple(min(255, shade + random.randint(0, 20)) for _ in range(3))

    def color(self) -> Color:
        """Draw a color at random."""
        return tuple(self.random.randint(0, 255) for _ in range(3))

    def readable_on(self, background: Color) -> Color:
        """Return a color that stands out from the background."""
        for _ in range(8):
            color = self.color()
            if abs(luminance(color) - luminance(background)) > 95:
                return color
        return (0, 0, 0) if luminance(background) > 127 else (255, 255, 255)

    def near(self, background: Color, amount: int = 25) -> Color:
        """Return a color close to the background, for fills behind text."""
        sign = -1 if luminance(background) > 127 else 1
        return tuple(min(255, max(0, part + sign * self.random.randint(0, amount))) for part in background)

    def _backdrop(self, dark: bool) -> None:
        """Draw a faint picture behind the whole page."""
        picture = self.picture(self.width, self.height)
        plain = Image.new("RGB", picture.size, self.background)
        self.canvas.image.paste(Image.blend(plain, picture, self.random.uniform(0.05, 0.25)))
        self.ink = (255, 255, 255) if dark else (0, 0, 0)

    def picture(self, width: int, height: int) -> Image.Image:
        """Draw something like a photograph: blotches, a gradient, shapes, grain."""
        random = self.random
        noise = np.random.default_rng(random.getrandbits(64))
        rows, columns = random.randint(2, 12), random.randint(2, 12)
        low = noise.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        if random.random() < 0.3:
            low[:] = low.mean(axis=2, keepdims=True)
        picture = Image.fromarray(low).resize(
            (width, height), random.choice((Image.BICUBIC, Image.BICUBIC, Image.NEAREST))
        )
        if random.random() < 0.4:
            grain = noise.normal(128, random.uniform(5, 30), (height // 3 + 1, width // 3 + 1)).clip(0, 255)
            grain = Image.fromarray(grain.astype(np.uint8)).resize((width, height), Image.NEAREST)
            picture = ImageChops.add(picture, Image.merge("RGB", [grain] * 3), offset=-128)
        return picture

    def style(self, family: Family, points: float, color: Color | None = None, **kwargs) -> Style:
        """Return a style of a family; `bold` and `italic` choose the face."""
        face = family.face(self.random, bold=kwargs.pop("bold", False), italic=kwargs.pop("italic", False))
        kwargs.setdefault("ligatures", self.ligatures)
        kwargs.setdefault("tracking", self.tracking * points * self.pt)
        return Style(face, points * self.pt, color or self.ink, **kwargs)

    # Words

    def prose(self, count: int) -> list[list[str]]:
        """Draw paragraphs of `count` words in all, with rare words, numbers and codes strewn in on some pages."""
        paragraphs = self.source.paragraphs(self.random, count)
        if self.rare_share:
            random = self.random
            for words in paragraphs:
                for i in range(len(words)):
                    if random.random() < self.rare_share:
                        words[i] = self.filler()
        return paragraphs

    def words(self, count: int) -> list[str]:
        return [word for words in self.prose(count) for word in words]

    def filler(self) -> str:
        """Return a rare word, number or code."""
        chance = self.random.random()
        if chance < 0.7:
            return self.source.rare(self.random)
        return number(self.random) if chance < 0.85 else code(self.random)

    def phrase(self, low: int, high: int) -> list[str]:
        """Return a heading or label, in one of the usual spellings."""
        words = self.source.phrase(self.random, low, high, title=self.random.random() < 0.4)
        return [word.upper() for word in words] if self.random.random() < 0.12 else words

    # Parts of pages

    def paragraph(
        self,
        words: Sequence[str],
        x: float,
        y: float,
        width: float,
        bottom: float,
        style: Style | None = None,
        *,
        align: str | None = None,
        leading: float | None = None,
        indent: float = 0.0,
        emphasis: bool = True,
    ) -> float:
        """Set words in lines. `indent` is in pixels; with `emphasis` some words may stand in bold, italics or mono."""
        canvas = self.canvas
        style = style or self.body
        align = align or self.align
        step = style.size * (leading or self.leading)
        words = list(words)
        styles = self._emphasis(style, words) if emphasis else {}
        pending = [
            (cleaned, styles.get(i, style))
            for i, word in enumerate(words)
            if (cleaned := styles.get(i, style).clean(word))
        ]
        pending.reverse()
        space = style.space
        while pending and y + step <= bottom:
            room = width - indent
            line: list[tuple[str, float, Style]] = []
            used = 0.0
            while pending:
                word, own = pending[-1]
                size = own.width(word)
                if used + size + space * len(line) <= room:
                    line.append((word, size, own))
                    used += size
                    pending.pop()
                    continue
                cut = self._cut(word, own, room - used - space * len(line)) if self.hyphenate or not line else 0
                if cut:
                    head = word[:cut] + "-"
                    size = own.width(head)
                    line.append((head, size, own))
                    used += size
                    pending[-1] = word[cut:], own
                elif not line:
                    pending.pop()  # too long for the column
                    continue
                break
            if not line:
                break
            baseline = y + (step + style.capital) / 2
            rest = room - used - space * (len(line) - 1)
            gap, pen = space, x + indent
            if align == "justify" and pending and len(line) > 1 and rest < room * 0.35:
                gap += rest / (len(line) - 1)
            elif align == "center":
                pen += rest / 2
            elif align == "right":
                pen += rest
            for word, size, own in line:
                canvas.word(word, pen, baseline, own)
                pen += size + gap
            y += step
            indent = 0.0
        return y

    def _cut(self, word: str, style: Style, room: float) -> int:
        """Return where to break a word at a line's end so that its head fits; 0 if nowhere. Breaks follow a vowel."""
        if len(word) < 7 or not word.isalpha():
            return 0
        room -= style.width(style.clean("-"))
        cut = 0
        for i, character in enumerate(word[:-3]):
            room -= style.advances[character]
            if room < 0:
                break
            if i >= 2 and character in "aeiouy" and word[i + 1] not in "aeiouy":
                cut = i + 1
        return cut

    def _emphasis(self, style: Style, words: list[str]) -> dict[int, Style]:
        """Styles of the few words that differ from their paragraph, by position; some become capitals or marks."""
        random = self.random
        styles: dict[int, Style] = {}
        if random.random() < 0.55:
            return styles
        for _ in range(random.randint(1, 3)):
            begin = random.randrange(max(1, len(words)))
            span = range(begin, min(len(words), begin + random.randint(1, 8)))
            form = random.randrange(8)
            if form == 0:
                changed = style.variant(face=self.body_family.face(random, bold=True))
            elif form == 1:
                changed = style.variant(face=self.body_family.face(random, italic=True))
            elif form == 2:
                changed = style.variant(face=self.mono_family.face(random), size=style.size * 0.92)
            elif form == 3:
                changed = style.variant(underline=True)
            elif form == 4:
                changed = style.variant(color=self.readable_on(self.background))
            elif form == 5:
                changed = style.variant(highlight=random.choice(((255, 245, 120), self.near(self.background, 60))))
                if luminance(self.background) < 128:
                    changed = changed.variant(color=self.readable_on(changed.highlight))
            elif form == 6:
                changed = style
                for i in span:
                    words[i] = words[i].upper()
            else:
                span = span[:1]
                changed = style.variant(size=style.size * 0.65, rise=style.size * 0.35)
                for i in span:
                    words[i] = random.choice((f"{random.randint(1, 99)}", f"[{random.randint(1, 30)}]", "*", "\u2020"))
            styles.update(dict.fromkeys(span, changed))
        return styles

    def heading(self, x: float, y: float, width: float, bottom: float, points: float | None = None) -> float:
        random = self.random
        size = points or self.body_points * random.choice((1.0, 1.15, 1.3, 1.5, 1.8))
        tracking = size * self.pt * random.choice((0, 0, 0, 0, 0.05, 0.12))
        style = self.style(
            self.heading_family,
            size,
            self.accent if random.random() < 0.35 else self.ink,
            bold=random.random() < 0.7,
            italic=random.random() < 0.1,
            tracking=tracking,
        )
        words = self.phrase(1, 6)
        if random.random() < 0.35:
            words = [
                random.choice(
                    (
                        f"{random.randint(1, 12)}",
                        f"{random.randint(1, 9)}.{random.randint(1, 9)}",
                        f"{random.randint(1, 9)}.",
                    )
                )
            ] + words
        align = "center" if random.random() < 0.15 else "left"
        y += style.size * random.uniform(0.2, 0.8)
        end = self.paragraph(words, x, y, width, bottom, style, align=align, leading=1.2, emphasis=False)
        if random.random() < 0.12 and end < bottom:
            self.canvas.draw.line((x, end, x + width, end), fill=self.accent, width=random.randint(1, 4))
        return end + style.size * random.uniform(0.1, 0.5)

    def bullets(
        self, x: float, y: float, width: float, bottom: float, style: Style | None = None, words: int = 24
    ) -> float:
        random = self.random
        style = style or self.body
        mark = random.choice([m for m in _BULLETS if m in style.face.advances] or ["-"])
        numbered = random.random() < 0.35
        hang = style.size * random.uniform(1.2, 2.2)
        form = random.randrange(3)
        for i in range(random.randint(2, 6)):
            step = style.size * self.leading
            if y + step > bottom:
                break
            label = style.clean((f"{i + 1}.", f"{i + 1})", f"({chr(97 + i)})")[form] if numbered else mark)
            hang = max(hang, style.width(label) + style.space)
            self.canvas.word(label, x, y + (step + style.capital) / 2, style)
            y = self.paragraph(
                self.words(random.randint(2, words)), x + hang, y, width - hang, bottom, style, align="left"
            )
            y += step * random.choice((0, 0.2, 0.5))
        return y

    def note(self, x: float, y: float, width: float, bottom: float) -> float:
        """Return a colored box with text, light on dark or dark on light."""
        random = self.random
        pad = self.body.size * random.uniform(0.5, 1.2)
        height = min(bottom - y, self.body.size * random.uniform(4, 12))
        if height < self.body.size * 3:
            return y
        fill = self.color() if random.random() < 0.5 else self.near(self.background, 40)
        box = (x, y, x + width, y + height)
        outline = self.accent if random.random() < 0.4 else None
        self.canvas.draw.rounded_rectangle(box, random.choice((0, 0, pad)), fill, outline, random.randint(1, 4))
        ink = self.readable_on(fill)
        style = self.body.variant(color=ink)
        inner = y + pad * 0.6
        if random.random() < 0.5:
            bold = self.style(self.heading_family, self.body_points, ink, bold=True)
            inner = self.paragraph(
                self.phrase(1, 4), x + pad, inner, width - 2 * pad, y + height, bold, align="left", emphasis=False
            )
        words = self.words(int(width * height / self.body.size**2))
        self.paragraph(words, x + pad, inner, width - 2 * pad, y + height - pad * 0.4, style, emphasis=False)
        return y + height + self.body.size

    def caption(self, x: float, y: float, width: float, bottom: float, what: str) -> float:
        random = self.random
        style = self.style(self.body_family, self.body_points * random.uniform(0.8, 1.0), italic=random.random() < 0.3)
        words = [what, f"{random.randint(1, 30)}{random.choice(':.')}"] if random.random() < 0.8 else []
        align = random.choice(("left", "center"))
        words += self.words(random.randint(3, 25))
        return self.paragraph(words, x, y, width, bottom, style, align=align, emphasis=False) + style.size * 0.8

    def cell(self, kind: str) -> list[str]:
        """Return the words of a cell of a table or form: "number", "code", "word" (a rare one), "label" or "words"."""
        if kind == "number":
            return [number(self.random)]
        if kind == "code":
            return [code(self.random)]
        if kind == "word":
            return [self.source.rare(self.random)]
        return self.phrase(1, 2 if kind == "label" else 5)

    def running_heads(self) -> None:
        """Draw header, footer and page number, each by chance."""
        random = self.random
        style = self.style(
            self.body_family, max(6.5, self.body_points * random.uniform(0.7, 0.95)), italic=random.random() < 0.2
        )
        width = self.right - self.left
        page_number = random.choice(
            (
                f"{random.randint(1, 700)}",
                f"Page {random.randint(1, 99)} of {random.randint(99, 200)}",
                f"- {random.randint(1, 99)} -",
            )
        )
        if random.random() < 0.5:
            baseline = self.top * random.uniform(0.5, 0.8)
            self.canvas.line(
                self.phrase(2, 7), self.left, baseline, style, align=random.choice(("left", "center")), width=width
            )
            if random.random() < 0.5:
                self.canvas.line(page_number.split(), self.left, baseline, style, align="right", width=width)
            if random.random() < 0.4:
                rule = baseline + style.size * 0.5
                self.canvas.draw.line((self.left, rule, self.right, rule), fill=self.ink, width=1)
        if random.random() < 0.6:
            baseline = self.height - (self.height - self.bottom) * random.uniform(0.3, 0.6)
            self.canvas.line(
                page_number.split(),
                self.left,
                baseline,
                style,
                align=random.choice(("left", "center", "right")),
                width=width,
            )

    def flow(self, parts: dict[Callable[..., float], float], columns: int, top: float) -> None:
        """Fill columns from `top` down with parts chosen by weight: functions of the sheet and the column."""
        random = self.random
        gutter = self.width * random.uniform(0.02, 0.045)
        width = (self.right - self.left - gutter * (columns - 1)) / columns
        if columns > 1 and random.random() < 0.15:
            for i in range(1, columns):
                line = self.left + i * (width + gutter) - gutter / 2
                self.canvas.draw.line((line, top, line, self.bottom), self.near(self.background, 90), 1)
        self.bottom = min(self.bottom, self.height - 4.0)
        end = self.bottom if random.random() < 0.8 else top + (self.bottom - top) * random.uniform(0.4, 1)
        for i in range(columns):
            x, y = self.left + i * (width + gutter), top
            while y + self.body.size * self.leading < end:
                part = random.choices(list(parts), list(parts.values()))[0]
                after = part(self, x, y, width, end)
                y = after if after > y else y + self.body.size

    def text_block(self, x: float, y: float, width: float, bottom: float) -> float:
        """Return a paragraph of prose."""
        words = self.words(self.random.choice((15, 30, 50, 70, 90, 120)))
        y = self.paragraph(words, x, y, width, bottom, indent=self.indent * self.body.size)
        return y + self.gap * self.body.size

    def quote(self, x: float, y: float, width: float, bottom: float) -> float:
        """Return a paragraph set in from both sides."""
        inset = width * self.random.uniform(0.04, 0.12)
        style = self.style(self.body_family, self.body_points * 0.95, italic=self.random.random() < 0.6)
        y += self.body.size * 0.5
        words = self.words(self.random.randint(10, 50))
        return self.paragraph(words, x + inset, y, width - 2 * inset, bottom, style, emphasis=False) + self.body.size

    def definitions(self, x: float, y: float, width: float, bottom: float) -> float:
        """Draw terms in bold or mono, each with its explanation set in below or beside it."""
        random = self.random
        family = random.choice((self.body_family, self.body_family, self.mono_family))
        term = self.style(family, self.body_points * 0.97, bold=random.random() < 0.7)
        inset = width * random.uniform(0.05, 0.12)
        beside = random.random() < 0.3
        for _ in range(random.randint(2, 5)):
            step = term.size * self.leading
            if y + 2 * step > bottom:
                break
            if beside:
                inset = width * 0.3
                words, room = self.phrase(1, 2), inset - term.space
            else:
                words, room = self.phrase(1, 4), width
            self.canvas.line(words, x, y + (step + term.capital) / 2, term, width=room)
            explanation = self.words(random.randint(5, 40))
            y = self.paragraph(explanation, x + inset, y + step * (not beside), width - inset, bottom)
            y += step * random.choice((0, 0.3, 0.6))
        return y

    def footnotes(self) -> None:
        """Draw notes under a short rule at the foot of the page, which raise the bottom for what follows."""
        random = self.random
        style = self.style(self.body_family, max(6.0, self.body_points * random.uniform(0.75, 0.88)))
        mark = style.variant(size=style.size * 0.7, rise=style.size * 0.3)
        count = random.randint(1, 4)
        width = self.right - self.left
        top = y = self.bottom - count * style.size * 2.6
        self.canvas.draw.line((self.left, y - 4, self.left + width * random.uniform(0.2, 0.5), y - 4), self.ink, 1)
        for i in range(count):
            step = style.size * self.leading
            self.canvas.word(mark.clean(str(i + 1)), self.left, y + (step + style.capital) / 2, mark)
            inset = style.size * 1.2
            words = self.words(random.randint(5, 22))
            y = self.paragraph(words, self.left + inset, y, width - inset, self.bottom, style, emphasis=False)
        self.bottom = top - self.body.size


def luminance(color: Color) -> float:
    """Return the brightness from 0 to 255, by the weights of ITU-R BT.601."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
