"""A page to draw on with the origin at its top left corner, and the fonts of the samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import matplotlib
from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

rl_config.useA85 = 0  # streams stay binary: a fifth smaller

Point = tuple[float, float]

A4 = (595.28, 841.89)  # points
LETTER = (612.0, 792.0)
WIDESCREEN = (960.0, 540.0)

_MATPLOTLIB = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = {
    "Sans": files("font_source_sans_pro") / "files" / "SourceSansPro-Regular.ttf",
    "Sans-Italic": files("font_source_sans_pro") / "files" / "SourceSansPro-It.ttf",
    "Sans-Semibold": files("font_source_sans_pro") / "files" / "SourceSansPro-Semibold.ttf",
    "Sans-Bold": files("font_source_sans_pro") / "files" / "SourceSansPro-Bold.ttf",
    "Serif": files("font_source_serif_pro") / "files" / "SourceSerifPro-Regular.ttf",
    "Serif-Italic": files("font_source_serif_pro") / "files" / "SourceSerifPro-It.ttf",
    "Serif-Semibold": files("font_source_serif_pro") / "files" / "SourceSerifPro-Semibold.ttf",
    "Geometric": files("font_manrope") / "files" / "Manrope-Regular.ttf",
    "Geometric-Medium": files("font_manrope") / "files" / "Manrope-Medium.ttf",
    "Geometric-Bold": files("font_manrope") / "files" / "Manrope-Bold.ttf",
    "Geometric-ExtraBold": files("font_manrope") / "files" / "Manrope-ExtraBold.ttf",
    "Stix": _MATPLOTLIB / "STIXGeneral.ttf",
    "Stix-Italic": _MATPLOTLIB / "STIXGeneralItalic.ttf",
    "Stix-Bold": _MATPLOTLIB / "STIXGeneralBol.ttf",
    "Stix-BoldItalic": _MATPLOTLIB / "STIXGeneralBolIta.ttf",
    "Typewriter": _MATPLOTLIB / "cmtt10.ttf",
}
_FAMILIES = [
    ("Sans", "Sans-Semibold", "Sans-Italic", "Sans-Bold"),
    ("Serif", "Serif-Semibold", "Serif-Italic", "Serif-Semibold"),
    ("Geometric", "Geometric-Bold", "Geometric", "Geometric-Bold"),
    ("Stix", "Stix-Bold", "Stix-Italic", "Stix-BoldItalic"),
]
_ALIGN = {"left": TA_LEFT, "center": TA_CENTER, "right": TA_RIGHT, "justify": TA_JUSTIFY}


def register_fonts() -> None:
    """Make the fonts known to reportlab, with `<b>` and `<i>` in paragraphs."""
    for name, path in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(path)))
    for normal, bold, italic, both in _FAMILIES:
        pdfmetrics.registerFontFamily(normal, normal=normal, bold=bold, italic=italic, boldItalic=both)


def color(code: str, alpha: float = 1.0) -> Color:
    """Return the color of a code such as `#0b3c49`."""
    base = HexColor(code)
    return Color(base.red, base.green, base.blue, alpha)


def mix(first: str, second: str, share: float) -> str:
    """Return the code of the color that lies `share` (0 to 1) of the way from `first` to `second`."""
    pairs = zip(HexColor(first).rgb(), HexColor(second).rgb(), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in pairs)


class Sheet:
    """A PDF file drawn page by page; x goes right and y goes down from the top left corner, in points."""

    def __init__(self, path: Path, size: Point, *, title: str, author: str, subject: str) -> None:
        self.width, self.height = size
        self.canvas = Canvas(str(path), pagesize=size, invariant=1, pageCompression=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(author)
        self.canvas.setSubject(subject)

    def next_page(self) -> None:
        self.canvas.showPage()

    def save(self) -> None:
        self.canvas.save()

    def _paint(self, fill: str | None, stroke: str | None, width: float, alpha: float) -> dict[str, int]:
        if fill:
            self.canvas.setFillColor(color(fill, alpha))
        if stroke:
            self.canvas.setStrokeColor(color(stroke, alpha))
            self.canvas.setLineWidth(width)
        return {"fill": int(bool(fill)), "stroke": int(bool(stroke))}

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        fill: str | None = None,
        *,
        stroke: str | None = None,
        width: float = 0.6,
        radius: float = 0,
        alpha: float = 1.0,
    ) -> None:
        paint = self._paint(fill, stroke, width, alpha)
        if radius:
            self.canvas.roundRect(x, self.height - y - h, w, h, radius, **paint)
        else:
            self.canvas.rect(x, self.height - y - h, w, h, **paint)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        stroke: str,
        *,
        width: float = 0.6,
        dash: Sequence[float] = (),
        alpha: float = 1.0,
    ) -> None:
        self.polyline([(x1, y1), (x2, y2)], stroke, width=width, dash=dash, alpha=alpha)

    def polyline(
        self,
        points: Sequence[Point],
        stroke: str,
        *,
        width: float = 1.0,
        dash: Sequence[float] = (),
        alpha: float = 1.0,
    ) -> None:
        self._paint(None, stroke, width, alpha)
        self.canvas.setDash(list(dash))
        self.canvas.setLineJoin(1)
        self.canvas.setLineCap(0 if dash else 1)
        self.canvas.drawPath(self._path(points), stroke=1, fill=0)
        self.canvas.setDash([])

    def polygon(
        self,
        points: Sequence[Point],
        fill: str | None,
        *,
        stroke: str | None = None,
        width: float = 0.6,
        alpha: float = 1.0,
    ) -> None:
        path = self._path(points)
        path.close()
        self.canvas.drawPath(path, **self._paint(fill, stroke, width, alpha))

    def _path(self, points: Sequence[Point]):
        path = self.canvas.beginPath()
        path.moveTo(points[0][0], self.height - points[0][1])
        for x, y in points[1:]:
            path.lineTo(x, self.height - y)
        return path

    def curve(
        self, start: Point, steps: Sequence[tuple[Point, Point, Point]], stroke: str, *, width: float = 1.0
    ) -> None:
        """Draw Bezier curves from `start`; each step gives two control points and an end."""
        self._paint(None, stroke, width, 1.0)
        self.canvas.setLineCap(1)
        path = self.canvas.beginPath()
        path.moveTo(start[0], self.height - start[1])
        for (ax, ay), (bx, by), (x, y) in steps:
            path.curveTo(ax, self.height - ay, bx, self.height - by, x, self.height - y)
        self.canvas.drawPath(path, stroke=1, fill=0)

    def circle(
        self,
        x: float,
        y: float,
        r: float,
        fill: str | None = None,
        *,
        stroke: str | None = None,
        width: float = 0.6,
        alpha: float = 1.0,
    ) -> None:
        self.canvas.circle(x, self.height - y, r, **self._paint(fill, stroke, width, alpha))

    def ring(self, x: float, y: float, outer: float, inner: float, start: float, extent: float, fill: str) -> None:
        """Draw a piece of a ring; angles in degrees, clockwise from twelve o'clock."""
        steps = max(2, round(abs(extent)))
        angles = [math.radians(start + extent * i / steps - 90) for i in range(steps + 1)]
        edge = [(x + outer * math.cos(a), y + outer * math.sin(a)) for a in angles]
        edge += [(x + inner * math.cos(a), y + inner * math.sin(a)) for a in reversed(angles)]
        self.polygon(edge, fill)

    def gradient(self, x: float, y: float, w: float, h: float, top: str, bottom: str) -> None:
        self.canvas.saveState()
        path = self.canvas.beginPath()
        path.rect(x, self.height - y - h, w, h)
        self.canvas.clipPath(path, stroke=0, fill=0)
        self.canvas.linearGradient(x, self.height - y, x, self.height - y - h, [color(top), color(bottom)])
        self.canvas.restoreState()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        size: float,
        fill: str,
        *,
        align: str = "left",
        tracking: float = 0.0,
    ) -> float:
        """Write one line with its baseline at `y`; returns its width."""
        width = pdfmetrics.stringWidth(text, font, size) + tracking * max(0, len(text) - 1)
        left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
        self.canvas.setFillColor(color(fill))
        self.canvas.setFont(font, size)
        self.canvas.drawString(left, self.height - y, text, charSpace=tracking)
        return width

    def paragraph(
        self,
        x: float,
        y: float,
        w: float,
        text: str,
        font: str,
        size: float,
        fill: str,
        *,
        leading: float | None = None,
        align: str = "left",
        indent: float = 0,
    ) -> float:
        """Write a paragraph whose first line starts at `y`; returns the y of its lower end."""
        style = ParagraphStyle(
            "",
            fontName=font,
            fontSize=size,
            leading=leading or size * 1.45,
            textColor=color(fill),
            alignment=_ALIGN[align],
            firstLineIndent=indent,
        )
        flowable = Paragraph(text, style)
        _, height = flowable.wrap(w, self.height)
        flowable.drawOn(self.canvas, x, self.height - y - height)
        return y + height

    def table(
        self,
        x: float,
        y: float,
        widths: Sequence[float],
        rows: Sequence[Sequence[str]],
        *,
        row_height: float,
        font: str,
        bold: str,
        size: float,
        ink: str,
        rule: str,
        head: str,
        total: bool = False,
    ) -> float:
        """Draw a table with a heading row and hairlines; all but the first column are set flush right."""
        for number, row in enumerate(rows):
            baseline = y + row_height * 0.68
            strong = number == 0 or (total and number == len(rows) - 1)
            left = x
            for column, (cell, w) in enumerate(zip(row, widths, strict=True)):
                at, align = (left, "left") if column == 0 else (left + w, "right")
                self.text(at, baseline, cell, bold if strong else font, size, head if number == 0 else ink, align=align)
                left += w
            y += row_height
            last = number == len(rows) - 1
            heavy = number == 0 or last or (total and number == len(rows) - 2)
            self.line(x, y, x + sum(widths), y, ink if heavy else rule, width=0.9 if heavy else 0.5)
        return y
