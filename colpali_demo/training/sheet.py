"""What training pages are made of: paragraphs, headings, lists, tables, charts, forms of one look."""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from PIL import Image, ImageChops

from .canvas import Canvas, Color, Style
from .fonts import Family, FontSet
from .text import TextSource, code, number

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
        if random.random() < 0.75:
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
        """Any color."""
        return tuple(self.random.randint(0, 255) for _ in range(3))

    def readable_on(self, background: Color) -> Color:
        """A color that stands out from the background."""
        for _ in range(8):
            color = self.color()
            if abs(luminance(color) - luminance(background)) > 95:
                return color
        return (0, 0, 0) if luminance(background) > 127 else (255, 255, 255)

    def near(self, background: Color, amount: int = 25) -> Color:
        """A color close to the background, for fills behind text."""
        sign = -1 if luminance(background) > 127 else 1
        return tuple(min(255, max(0, part + sign * self.random.randint(0, amount))) for part in background)

    def _backdrop(self, dark: bool) -> None:
        """A faint picture behind the whole page."""
        picture = self.picture(self.width, self.height)
        plain = Image.new("RGB", picture.size, self.background)
        self.canvas.image.paste(Image.blend(plain, picture, self.random.uniform(0.05, 0.25)))
        self.ink = (255, 255, 255) if dark else (0, 0, 0)

    def picture(self, width: int, height: int) -> Image.Image:
        """Something like a photograph: blotches, a gradient, shapes, grain."""
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
        """A style of a family; `bold` and `italic` choose the face."""
        face = family.face(self.random, bold=kwargs.pop("bold", False), italic=kwargs.pop("italic", False))
        kwargs.setdefault("ligatures", self.ligatures)
        return Style(face, points * self.pt, color or self.ink, **kwargs)

    # Words

    def prose(self, count: int) -> list[list[str]]:
        """Paragraphs of `count` words in all, with rare words, numbers and codes strewn in on some pages."""
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
        """A rare word, number or code."""
        chance = self.random.random()
        if chance < 0.7:
            return self.source.rare(self.random)
        return number(self.random) if chance < 0.85 else code(self.random)

    def phrase(self, low: int, high: int) -> list[str]:
        """A heading or label, in one of the usual spellings."""
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
        """Words set in lines. `indent` is in pixels; with `emphasis` some words may stand in bold, italics or mono."""
        canvas = self.canvas
        style = style or self.body
        align = align or self.align
        step = style.size * (leading or self.leading)
        styles = self._emphasis(style, len(words)) if emphasis else {}
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
        """Where to break a word at a line's end so that its head fits; 0 if nowhere. Breaks follow a vowel."""
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

    def _emphasis(self, style: Style, count: int) -> dict[int, Style]:
        """Styles of the few words that differ from their paragraph."""
        random = self.random
        styles: dict[int, Style] = {}
        if random.random() < 0.45:
            for _ in range(random.randint(1, 3)):
                form = random.randrange(5)
                if form == 0:
                    changed = style.variant(face=self.body_family.face(random, bold=True))
                elif form == 1:
                    changed = style.variant(face=self.body_family.face(random, italic=True))
                elif form == 2:
                    changed = style.variant(face=self.mono_family.face(random), size=style.size * 0.92)
                elif form == 3:
                    changed = style.variant(underline=True)
                else:
                    changed = style.variant(color=self.accent)
                begin = random.randrange(max(1, count))
                styles.update(dict.fromkeys(range(begin, begin + random.randint(1, 8)), changed))
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
        """A colored box with text, light on dark or dark on light."""
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

    def figure(self, x: float, y: float, width: float, bottom: float) -> float:
        """A picture or a chart with its caption."""
        random = self.random
        height = min(bottom - y, width * random.uniform(0.3, 0.8)) - 2 * self.body.size
        if height < 6 * self.body.size:
            return y
        if random.random() < 0.5:
            self.canvas.image.paste(self.picture(round(width), round(height)), (round(x), round(y)))
            if random.random() < 0.3:
                self.on_picture(x, y, width, height)
        else:
            self.chart(x, y, width, height)
        return self.caption(x, y + height + self.body.size * 0.4, width, bottom, "Figure")

    def on_picture(self, x: float, y: float, width: float, height: float) -> None:
        """A line or two over a picture: white on a darkened strip of it, or black on a lightened one."""
        random = self.random
        light = random.random() < 0.5
        style = self.style(
            self.heading_family, random.uniform(10, 22), (255, 255, 255) if light else (0, 0, 0), bold=True
        )
        strip = style.size * 2.8
        top = y + random.random() * max(0.0, height - strip)
        box = tuple(map(round, (x, top, x + width, min(y + height, top + strip))))
        region = self.canvas.image.crop(box)
        veil = Image.new("RGB", region.size, (0, 0, 0) if light else (255, 255, 255))
        self.canvas.image.paste(Image.blend(region, veil, random.uniform(0.5, 0.8)), box)
        pad = style.size * 0.4
        self.paragraph(self.phrase(2, 9), x + pad, box[1], width - 2 * pad, box[3], style, align="left", emphasis=False)

    def caption(self, x: float, y: float, width: float, bottom: float, what: str) -> float:
        random = self.random
        style = self.style(self.body_family, self.body_points * random.uniform(0.8, 1.0), italic=random.random() < 0.3)
        words = [what, f"{random.randint(1, 30)}{random.choice(':.')}"] if random.random() < 0.8 else []
        align = random.choice(("left", "center"))
        words += self.words(random.randint(3, 25))
        return self.paragraph(words, x, y, width, bottom, style, align=align, emphasis=False) + style.size * 0.8

    def code(self, x: float, y: float, width: float, bottom: float, lines: int, style: Style | None = None) -> float:
        """Lines of a program or of a terminal."""
        random = self.random
        style = style or self.style(self.mono_family, self.body_points * random.uniform(0.8, 1.0), ligatures=False)
        step = style.size * random.uniform(1.1, 1.4)
        lines = min(lines, int((bottom - y) / step) - 1)
        if lines < 1:
            return y
        ink = style.color
        if random.random() < 0.5:
            fill = random.choice((self.near(self.background), (40, 44, 52), (245, 245, 245), (255, 255, 255)))
            ink = self.readable_on(fill)
            self.canvas.draw.rectangle((x, y, x + width, y + (lines + 1) * step), fill, self.near(fill, 60))
            style = style.variant(color=ink)
            x, y, width = x + style.size * 0.6, y + step * 0.5, width - style.size * 1.2
        else:
            fill = self.background
        colors = [style] + (
            [style.variant(color=self.readable_on(fill)) for _ in range(3)] if random.random() < 0.5 else []
        )
        numbers = random.random() < 0.2
        columns = max(8, int(width / style.space))
        depth = 0
        for i in range(lines):
            tokens = self._code_line(depth)
            baseline = y + (step + style.capital) / 2
            pen = x + style.space * 4 * depth
            if numbers:
                self.canvas.word(style.clean(str(i + 1)), x, baseline, style)
                pen += style.space * 5
            for token in tokens:
                own = random.choice(colors)
                token = own.clean(token)
                if pen + own.width(token) > x + columns * style.space:
                    break
                pen = self.canvas.word(token, pen, baseline, own) + style.space
            y += step
            depth = min(
                4, max(0, depth + (1 if tokens and tokens[-1].endswith((":", "{")) else random.choice((0, 0, 0, -1))))
            )
        return y + step * 0.8

    def _code_line(self, depth: int) -> list[str]:
        random = self.random

        def name() -> str:
            parts = [self.source.rare(random).lower() for _ in range(random.choice((1, 1, 2, 2, 3)))]
            return random.choice(("_".join(parts), parts[0] + "".join(p.title() for p in parts[1:]), parts[0]))

        form = random.randrange(12)
        if form == 0:
            return []
        if form == 1:
            return [random.choice(("def", "function", "func", "sub")), f"{name()}({name()},", f"{name()}):"]
        if form == 2:
            return [
                random.choice(("if", "while", "elif")),
                name(),
                random.choice(("==", "<", "!=", ">=")),
                f"{number(random)}:",
            ]
        if form == 3:
            return [random.choice(("#", "//", "--", "%"))] + self.source.run(random, random.randint(3, 9))
        if form == 4:
            return [
                random.choice(("$", ">", "#", "%", ">>>")),
                name(),
                f"--{name()}",
                f"{name()}.{random.choice(('txt', 'py', 'csv', 'c'))}",
            ]
        if form == 5:
            return ["return", f"{name()}.{name()}({name()})"]
        if form == 6:
            return [f"{name()}.{name()}({name()},", f'"{self.source.rare(random)}")']
        if form == 7:
            return [random.choice(("import", "from", "use", "#include")), name()]
        if form == 8:
            return ["for", name(), "in", f"{name()}:"]
        if form == 9:
            return [f"{name()}:", f"{number(random)},"]
        if form == 10:
            return self.source.run(random, random.randint(3, 10))
        return [name(), random.choice(("=", ":=", "+=")), random.choice((number(random), name(), f'"{name()}"'))]

    def table(self, x: float, y: float, width: float, bottom: float, rows: int, style: Style | None = None) -> float:
        """Rows of words, numbers and codes, with rules and stripes."""
        random, canvas = self.random, self.canvas
        style = style or self.body.variant(size=self.body.size * random.uniform(0.8, 1.0))
        step = style.size * random.uniform(1.3, 2.2)
        rows = min(rows, int((bottom - y) / step))
        if rows < 2:
            return y
        columns = random.randint(2, max(2, min(9, int(width / (style.size * 7)))))
        kinds = ["words"] + random.choices(("words", "number", "code", "word"), (0.2, 0.5, 0.15, 0.15), k=columns - 1)
        shares = np.array([random.uniform(1.5, 3) if kind == "words" else random.uniform(0.8, 1.4) for kind in kinds])
        edges = x + width * np.concatenate([[0.0], np.cumsum(shares / shares.sum())])
        header_fill = random.choice((None, None, self.near(self.background, 50), self.color()))
        stripe = self.near(self.background, 25) if random.random() < 0.35 else None
        rules = random.choice(("none", "rows", "grid", "book", "book"))
        line = random.choice((self.ink, self.near(self.background, 120)))
        thick = random.randint(1, 3)
        header_ink = self.readable_on(header_fill) if header_fill else self.ink
        header = self.style(self.body_family, style.size / self.pt, header_ink, bold=random.random() < 0.8)
        pad = style.size * 0.35
        for row in range(rows):
            top = y + row * step
            fill = header_fill if row == 0 else stripe if row % 2 == 0 else None
            if fill:
                canvas.draw.rectangle((x, top, x + width, top + step), fill)
            own = header if row == 0 else style
            baseline = top + (step + own.capital) / 2
            for kind, left, right in zip(kinds, edges[:-1], edges[1:], strict=True):
                align = "right" if kind == "number" else "left"
                cell = self.cell(kind if row else "label")
                canvas.line(cell, left + pad, baseline, own, align=align, width=right - left - 2 * pad)
            if rules in ("rows", "grid") or (rules == "book" and row in (0, 1)):
                canvas.draw.line((x, top, x + width, top), line, thick)
        end = y + rows * step
        if rules != "none":
            canvas.draw.line((x, end, x + width, end), line, thick)
        if rules == "grid":
            for edge in edges:
                canvas.draw.line((edge, y, edge, end), line, thick)
        return end + style.size

    def cell(self, kind: str) -> list[str]:
        """The words of a cell of a table or form: "number", "code", "word" (a rare one), "label" or "words"."""
        if kind == "number":
            return [number(self.random)]
        if kind == "code":
            return [code(self.random)]
        if kind == "word":
            return [self.source.rare(self.random)]
        return self.phrase(1, 2 if kind == "label" else 5)

    def chart(self, x: float, y: float, width: float, height: float) -> None:
        """Bars, lines, points or a pie, with title, axis labels, values and legend."""
        random, canvas = self.random, self.canvas
        draw = canvas.draw
        label = self.style(self.body_family, max(6.5, self.body_points * random.uniform(0.65, 0.95)))
        series = [self.readable_on(self.background) for _ in range(random.randint(1, 4))]
        names = [self.phrase(1, 2) for _ in series]
        if random.random() < 0.7:
            title = self.style(
                self.heading_family, self.body_points * random.uniform(1, 1.4), bold=random.random() < 0.6
            )
            canvas.line(
                self.phrase(2, 6), x, y + title.size, title, align=random.choice(("left", "center")), width=width
            )
            y, height = y + title.size * 1.6, height - title.size * 1.6
        legend_x = x
        for name, color in zip(names, series, strict=True):
            if legend_x < x + width * 0.7:
                draw.rectangle((legend_x, y + label.size * 0.2, legend_x + label.size, y + label.size), color)
                room = x + width - legend_x - label.size * 1.4
                legend_x = (
                    canvas.line(name, legend_x + label.size * 1.4, y + label.size, label, width=room) + label.size * 2
                )
        y, height = y + label.size * 1.8, height - label.size * 1.8
        form = random.choice(("bars", "bars", "lines", "points", "rows", "pie"))
        if form == "pie":
            self._pie(x, y, width, height, label)
            return
        left, base = x + label.size * 4, y + height - label.size * 2
        if base - y < label.size * 3 or width < label.size * 12:
            return
        grid = self.near(self.background, 60)
        ticks = random.randint(3, 6)
        step = random.choice((1, 2, 5, 10, 20, 25, 50, 100, 250, 1000, 0.5, 0.25))
        for i in range(ticks):
            tick_y = base - (base - y) * i / ticks
            draw.line((left, tick_y, x + width, tick_y), grid, 1)
            text = label.clean(f"{i * step:,g}" + random.choice(("", "", "%", "k", "M")))
            canvas.word(text, left - label.width(text) - label.size * 0.4, tick_y + label.middle, label)
        draw.line((left, y, left, base), self.ink, 2)
        draw.line((left, base, x + width, base), self.ink, 2)
        groups = random.randint(3, 9)
        span = (x + width - left) / groups
        values = [[random.uniform(0.05, 0.95) * (base - y) for _ in range(groups)] for _ in series]
        for i in range(groups):
            words = random.choice(([self.source.rare(random)], [number(random)], [code(random)], self.phrase(1, 2)))
            canvas.line(
                words, left + (i + 0.05) * span, base + label.size * 1.3, label, align="center", width=span * 0.9
            )
        for color, heights in zip(series, values, strict=True):
            k = series.index(color)
            points = [(left + (i + 0.5) * span, base - h) for i, h in enumerate(heights)]
            if form in ("bars", "rows"):
                bar = span * 0.8 / len(series)
                for i, h in enumerate(heights):
                    bar_x = left + i * span + span * 0.1 + k * bar
                    draw.rectangle((bar_x, base - h, bar_x + bar, base), color)
                    value = label.clean(number(random))
                    if len(series) == 1 and form == "rows" and label.width(value) < span:
                        canvas.word(value, bar_x, base - h - label.size * 0.4, label)
            elif form == "lines":
                draw.line(points, color, random.randint(2, 5))
            else:
                for px, py in points:
                    draw.ellipse((px - 5, py - 5, px + 5, py + 5), color)

    def _pie(self, x: float, y: float, width: float, height: float, label: Style) -> None:
        random, canvas = self.random, self.canvas
        side = min(width * 0.5, height)
        if side < 6 * label.size:
            return
        cuts = sorted(random.uniform(0, 360) for _ in range(random.randint(2, 6)))
        row = y + label.size * 1.5
        for begin, end in zip(cuts, cuts[1:] + [cuts[0] + 360], strict=True):
            color = self.readable_on(self.background)
            canvas.draw.pieslice((x, y, x + side, y + side), begin, end, color, self.background)
            if row < y + height:
                canvas.draw.rectangle((x + side * 1.1, row - label.size * 0.8, x + side * 1.1 + label.size, row), color)
                words = [*self.phrase(1, 3), f"{(end - begin) / 3.6:.1f}%"]
                begin_x = x + side * 1.1 + label.size * 1.5
                canvas.line(words, begin_x, row, label, width=x + width - begin_x)
                row += label.size * 1.7

    def running_heads(self) -> None:
        """Header, footer and page number, each by chance."""
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
        """Fill columns from `top` down with parts chosen by weight."""
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
                after = part(x, y, width, end)
                y = after if after > y else y + self.body.size

    def text_block(self, x: float, y: float, width: float, bottom: float) -> float:
        """A paragraph of prose."""
        words = self.words(self.random.choice((15, 30, 50, 70, 90, 120)))
        y = self.paragraph(words, x, y, width, bottom, indent=self.indent * self.body.size)
        return y + self.gap * self.body.size

    def code_block(self, x: float, y: float, width: float, bottom: float) -> float:
        return self.code(x, y, width, bottom, self.random.randint(2, 14)) + self.body.size * 0.5

    def table_block(self, x: float, y: float, width: float, bottom: float) -> float:
        end = self.table(x, y, width, bottom, self.random.randint(3, 14))
        return self.caption(x, end, width, bottom, "Table") if end > y and self.random.random() < 0.6 else end


def luminance(color: Color) -> float:
    """Brightness from 0 to 255, by the weights of ITU-R BT.601."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
