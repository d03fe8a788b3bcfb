"""A typed letter and an invoice of 1968 as a scanner sees them: two slightly crooked images, no text layer."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawing import A4, FONTS, Sheet
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.utils import ImageReader

SIZE = (2480, 3508)  # A4 at 300 dpi while drawing
SCAN = (1240, 1754)  # 150 dpi in the file
PITCH, LINE = 25.4 / 10, 25.4 / 6  # a typewriter's ten characters and six lines an inch, in millimetres
INK, BLUE, RED = (38, 36, 44), (38, 52, 110), (166, 38, 40)


def make(path: Path) -> None:
    sheet = Sheet(
        path,
        A4,
        title="Letter from Skerry Point with invoice",
        author="Northern Harbour Board (fictional)",
        subject="Sample document: a scan without a text layer",
    )
    for draw, seed, angle in ((_letter, 3, 0.55), (_invoice, 8, -0.8)):
        page = Image.new("RGB", SIZE, (255, 255, 255))
        draw(_Pen(page, seed))
        buffer = io.BytesIO()
        _scanned(page, seed, angle).save(buffer, "JPEG", quality=52, optimize=True)
        sheet.canvas.drawImage(ImageReader(buffer), 0, 0, *A4)
        sheet.next_page()
    sheet.save()


class _Pen:
    """Types, prints and writes on the page; positions in millimetres, as on paper."""

    def __init__(self, page: Image.Image, seed: int) -> None:
        self.page, self.draw, self.noise = page, ImageDraw.Draw(page), np.random.default_rng(seed)
        self.typewriter = ImageFont.truetype(str(FONTS["Typewriter"]), 55)

    def type(self, x: float, y: float, text: str, ink: tuple[int, int, int] = INK) -> None:
        """Type a text; each letter hits the paper a little higher or lower, darker or paler than the last."""
        for number, letter in enumerate(text):
            pale = self.noise.uniform(0.0, 0.3)
            tone = tuple(round(c + (255 - c) * pale) for c in ink)
            at = (_px(x + PITCH * number) + self.noise.normal(0, 0.7), _px(y) + self.noise.normal(0, 1.4))
            self.draw.text(at, letter, tone, self.typewriter, anchor="ls", stroke_width=1, stroke_fill=tone)

    def print(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        size: float,
        *,
        align: str = "l",
        ink: tuple[int, int, int] = INK,
    ) -> None:
        self.draw.text((_px(x), _px(y)), text, ink, ImageFont.truetype(str(FONTS[font]), _px(size)), anchor=align + "s")

    def line(self, points: Sequence[tuple[float, float]], ink: tuple[int, int, int] = INK, width: int = 4) -> None:
        self.draw.line([(_px(x), _px(y)) for x, y in points], ink, width, joint="curve")

    def sign(self, x: float, y: float, scale: float, knots: Sequence[tuple[float, float]]) -> None:
        """Draw a pen stroke through `knots` (Catmull-Rom), thicker where the pen goes down."""
        points = np.array([knots[0], *knots, knots[-1]], float) * scale + (x, y)
        for p0, p1, p2, p3 in zip(points, points[1:], points[2:], points[3:], strict=False):
            for t in np.linspace(0, 1, 60):
                at = 0.5 * (
                    2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
                )
                r = 3.2 + 2.6 * max(0.0, (p2 - p1)[1] / (abs(p2 - p1).sum() + 1e-6))
                self.draw.ellipse([_px(at[0]) - r, _px(at[1]) - r, _px(at[0]) + r, _px(at[1]) + r], fill=BLUE)


def _px(millimetres: float) -> int:
    return round(millimetres / 25.4 * 300)


def _letter(pen: _Pen) -> None:
    _lighthouse(pen, 32, 20)
    pen.print(46, 28, "Northern Harbour Board", "Stix-Bold", 8.2)
    pen.print(46, 34.5, "Skerry Point Lighthouse, Keeper's Office", "Stix-Italic", 5)
    pen.line([(24, 42), (186, 42)], width=5)
    pen.line([(24, 43), (186, 43)], width=2)
    text = """\
                                      Skerry Point, 12 March 1968

Mr. A. Lindqvist
Chief Engineer
Harbour Street 4, Port Alden

Subject: fog horn and lamp at Skerry Point

Dear Mr. Lindqvist,

The fog horn failed again in the night of 4 March. The
compressor lost pressure shortly after two o'clock and could
not be started by hand. For three hours the keeper rang the
old bell instead. No ship was harmed, but the ferry Ragna
passed very close to the reef.

We have examined the horn. The diaphragm is cracked and two
valves leak. A repair would cost about 1,850 crowns, a new
compressor 6,400 crowns. I recommend the new compressor: the
old one dates from 1931, and spare parts can no longer be had.

The lamp is in good order. The lens was cleaned in February
and the brass clockwork was oiled. Forty litres of paraffin
and one dozen mantles have arrived; the invoice is enclosed.

The boat house lost eleven slates in the January storm. The
carpenter will mend the roof in April if the Board agrees to
his price of 240 crowns.

                         Yours faithfully,





                         E. Thorsen, Head Keeper

Encl.: invoice no. 2217"""
    for number, row in enumerate(text.splitlines()):
        pen.type(27, 56 + LINE * 1.27 * number, row)
    pen.sign(
        94,
        234,
        1.15,
        [
            (0, 2),
            (7, -8),
            (2, -3),
            (5, 4),
            (10, -1),
            (8, -3),
            (4, 0),
            (12, 1),
            (16, -9),
            (20, -11),
            (17, 3),
            (19, -4),
            (23, -3),
            (23, 2),
            (27, -3),
            (29, 1),
            (33, -2),
            (36, 1),
            (44, -1),
            (58, -4),
        ],
    )


def _lighthouse(pen: _Pen, x: float, y: float) -> None:
    """Draw the board's emblem, printed in one color."""
    pen.draw.polygon(
        [(_px(a), _px(b)) for a, b in [(x - 2.6, y + 16), (x - 1.6, y + 4), (x + 1.6, y + 4), (x + 2.6, y + 16)]],
        outline=INK,
        width=5,
    )
    for low, high in ((6, 8.4), (10.8, 13.2)):
        w0, w1 = 1.6 + low / 12 - 4 / 12, 1.6 + high / 12 - 4 / 12
        pen.draw.polygon(
            [
                (_px(a), _px(b))
                for a, b in [(x - w0, y + low), (x + w0, y + low), (x + w1, y + high), (x - w1, y + high)]
            ],
            fill=INK,
        )
    pen.draw.rectangle([_px(x - 2.2), _px(y + 3.4), _px(x + 2.2), _px(y + 4)], fill=INK)
    pen.draw.rectangle([_px(x - 1.2), _px(y + 1), _px(x + 1.2), _px(y + 3.4)], outline=INK, width=4)
    pen.draw.polygon([(_px(x - 1.6), _px(y + 1)), (_px(x), _px(y - 1)), (_px(x + 1.6), _px(y + 1))], fill=INK)
    for angle in (-24, 0, 24):
        for side in (-1, 1):
            dx, dy = side * math.cos(math.radians(angle)), math.sin(math.radians(angle))
            pen.line([(x + 2.4 * dx, y + 2.2 + 2.4 * dy), (x + 6.4 * dx, y + 2.2 + 6.4 * dy)], width=4)
    pen.line([(x - 6, y + 16), (x + 6, y + 16)], width=5)


def _invoice(pen: _Pen) -> None:
    pen.print(24, 36, "Halvorsen & Sons", "Serif-Semibold", 11.5)
    pen.print(24, 43, "Ship chandlers since 1889", "Serif-Italic", 5.2)
    pen.print(24, 49.5, "Fish Quay 17, Port Alden", "Serif", 4.6)
    pen.print(186, 36, "INVOICE", "Serif-Semibold", 11.5, align="r")
    for row, (label, value) in enumerate([("Number", "2217"), ("Date", "7 March 1968"), ("Customer", "Harbour Board")]):
        y = 46 + 8 * row
        pen.print(118, y, label, "Serif-Italic", 4.8)
        pen.line([(140, y + 1.2), (186, y + 1.2)], width=2)
        pen.type(142, y - 0.4, value)
    pen.print(24, 70, "Delivered to", "Serif-Italic", 4.8)
    pen.type(52, 70, "Skerry Point Lighthouse")
    edges, top, height = [24, 48, 124, 154, 186], 82.0, 10.2
    items = [
        ("40", "Paraffin, litres", "1.35", "54.00"),
        ("12", "Lamp mantles", "4.20", "50.40"),
        ("2", "Brass valves, 3/4 inch", "38.50", "77.00"),
        ("1", "Horn diaphragm, bronze", "415.00", "415.00"),
        ("25", "Manila rope, metres", "3.60", "90.00"),
        ("6", "Signal flags, wool", "18.75", "112.50"),
        ("3", "Storm lanterns", "46.00", "138.00"),
        ("1", "Freight by motor boat", "65.00", "65.00"),
    ]
    rows = 11
    pen.draw.rectangle([_px(24), _px(top), _px(186), _px(top + height)], fill=(222, 220, 214))
    for row in range(rows + 1):
        pen.line([(24, top + height * row), (186, top + height * row)], width=6 if row in (0, 1, rows) else 2)
    for edge in edges:
        pen.line([(edge, top), (edge, top + height * rows)], width=4)
    for label, left, right, align in zip(
        ["Quantity", "Description", "Price", "Amount"], edges, edges[1:], "llrr", strict=False
    ):
        pen.print(left + 2 if align == "l" else right - 2, top + 6.8, label, "Serif-Semibold", 4.8, align=align)
    for row, cells in enumerate(items):
        for column, cell in enumerate(cells):
            left = edges[column] + 2 if column < 2 else edges[column + 1] - 2 - PITCH * len(cell)
            pen.type(left, top + height * (row + 1) + 7, cell)
    y = top + height * rows
    for row, (label, value) in enumerate(
        [("Sum", "1,001.90"), ("Sales tax, 10 percent", "100.19"), ("Total in crowns", "1,102.09")]
    ):
        base = y + 9 + 9.5 * row
        pen.print(150, base, label, "Serif-Semibold" if row == 2 else "Serif", 5, align="r")
        pen.type(186 - 2 - PITCH * len(value), base, value)
        pen.line([(154, base + 2.2), (186, base + 2.2)], width=6 if row == 2 else 2)
    pen.print(24, 262, "Payment within thirty days to the Seamen's Savings Bank, Port Alden.", "Serif-Italic", 4.8)
    pen.print(24, 269, "Goods remain our property until paid in full.", "Serif-Italic", 4.8)
    pen.sign(
        60,
        232,
        0.9,
        [(0, 0), (4, -9), (6, -10), (5, 2), (8, -4), (11, -4), (11, 1), (15, -5), (17, 1), (21, -3), (30, -5)],
    )
    pen.print(24, 243, "Received in good order", "Serif-Italic", 4.4, align="l")
    pen.line([(24, 238), (110, 238)], width=2)
    _stamp(pen, 62, 206, "PAID", "29 MAR 1968")


def _stamp(pen: _Pen, x: float, y: float, word: str, date: str) -> None:
    """Draw a rubber stamp at an angle, with ink that did not take everywhere."""
    w, h = _px(56), _px(26)
    mask = Image.new("L", (w, h), 0)
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle([6, 6, w - 7, h - 7], 26, outline=255, width=11)
    draw.text((w / 2, h * 0.60), word, 255, ImageFont.truetype(str(FONTS["Geometric-ExtraBold"]), _px(14)), anchor="ms")
    draw.text((w / 2, h * 0.85), date, 255, ImageFont.truetype(str(FONTS["Geometric-Bold"]), _px(5.2)), anchor="ms")
    patches = Image.fromarray((pen.noise.random((h // 12, w // 12)) * 255).astype("uint8")).resize(
        (w, h), Image.BICUBIC
    )
    ink = np.asarray(mask, float) * np.clip(0.55 + np.asarray(patches, float) / 255 * 0.6, 0, 0.92)
    mask = Image.fromarray(ink.astype("uint8")).rotate(9, Image.BICUBIC, expand=True)
    pen.page.paste(RED, (_px(x) - mask.width // 2, _px(y) - mask.height // 2), mask)


def _scanned(page: Image.Image, seed: int, angle: float) -> Image.Image:
    """Scan the page on yellowed, folded paper, laid on the glass a little crooked and slightly out of focus."""
    noise = np.random.default_rng(seed + 100)
    ink = page.rotate(angle, Image.BICUBIC, fillcolor=(255, 255, 255)).resize(SCAN, Image.LANCZOS)
    ink = np.asarray(ink.filter(ImageFilter.GaussianBlur(0.75)), float) / 255
    width, height = SCAN
    x, y = np.linspace(0, 1, width)[None, :], np.linspace(0, 1, height)[:, None]
    stains = (
        np.asarray(Image.fromarray((noise.random((9, 7)) * 255).astype("uint8")).resize(SCAN, Image.BICUBIC), float)
        / 255
    )
    light = (
        0.915 + 0.03 * stains - 0.05 * np.exp(-x / 0.025) - 0.03 * np.exp(-(1 - x) / 0.02) - 0.03 * np.exp(-y / 0.012)
    )
    for fold in (0.335, 0.667):
        at = y - fold - 0.002 * np.sin(3 * x + 9 * fold) - math.tan(math.radians(angle)) * (0.5 - x) * width / height
        light = light - 0.06 * np.exp(-((at / 0.0012) ** 2)) + 0.025 * np.exp(-(((at - 0.004) / 0.003) ** 2))
    light = light + noise.normal(0, 0.010, (height, width))
    paper = light[..., None] * np.array([1.0, 0.985, 0.945])
    return Image.fromarray((np.clip(paper * (0.07 + 0.93 * ink), 0, 1) * 255).astype("uint8"))
