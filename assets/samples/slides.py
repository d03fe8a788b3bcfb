"""A slide deck of a city that does not exist: eight 16:9 slides with a map, charts and drawings."""

from __future__ import annotations

import math
import random
from pathlib import Path

from drawing import WIDESCREEN, Sheet, mix

FOREST, LEAF, LIME, CREAM = "#16382b", "#3f8f5b", "#c3dc86", "#fbf7ee"
CLAY, SUN, SKY, INK, STONE, HAIR = "#cf5a33", "#f4b942", "#d3e8ea", "#1d2a24", "#66736c", "#dcdcd0"
LEFT, RIGHT = 64.0, WIDESCREEN[0] - 64.0
LIGHT, MEDIUM, BOLD, HEAVY = "Geometric", "Geometric-Medium", "Geometric-Bold", "Geometric-ExtraBold"


def make(path: Path) -> None:
    sheet = Sheet(
        path,
        WIDESCREEN,
        title="Cooler Streets: a tree plan for Marlow Quay",
        author="Parks Department of Marlow Quay (fictional)",
        subject="Sample document of a city that does not exist",
    )
    for draw in (_title, _nights, _map, _shade, _species, _cost, _timeline, _decision):
        draw(sheet)
        sheet.next_page()
    sheet.save()


def _slide(s: Sheet, number: int, title: str, lead: str = "") -> None:
    s.rect(0, 0, s.width, s.height, CREAM)
    s.text(LEFT, 84, title, HEAVY, 36, FOREST)
    if lead:
        s.text(LEFT, 116, lead, MEDIUM, 17, STONE)
    s.text(LEFT, 512, "Cooler Streets", BOLD, 12, LEAF)
    s.text(LEFT + 96, 512, "Marlow Quay, June 2026", LIGHT, 12, STONE)
    s.text(RIGHT, 512, str(number), BOLD, 12, LEAF, align="right")


def _crown(s: Sheet, x: float, y: float, r: float, tone: str, seed: int, *, squeeze: float = 1.0) -> None:
    """Draw a leafy crown: overlapping circles, with light from the upper left."""
    noise = random.Random(seed)
    blobs = [(0.0, 0.0, 0.78)]
    blobs += [
        (0.55 * math.cos(a), 0.55 * math.sin(a), 0.46)
        for a in (math.radians(d + 18 * noise.random()) for d in range(0, 360, 45))
    ]
    for dark in (True, False):
        for bx, by, br in blobs:
            shift, shade = (0.06 * r, mix(tone, FOREST, 0.45)) if dark else (-0.02 * r, tone)
            s.circle(x + bx * r * squeeze + shift, y + by * r + shift, br * r * (0.98 if dark else 0.92), shade)
    for _ in range(14):
        angle, reach = 6.283 * noise.random(), 0.62 * noise.random() ** 0.5
        s.circle(
            x + reach * r * squeeze * math.cos(angle) - 0.1 * r,
            y + reach * r * math.sin(angle) - 0.12 * r,
            r * (0.07 + 0.08 * noise.random()),
            mix(tone, "#ffffff", 0.16),
        )


def _tree(
    s: Sheet, x: float, ground: float, height: float, tone: str, seed: int, *, squeeze: float = 1.0, lift: float = 0.62
) -> None:
    r = height * 0.36
    trunk = mix("#6b4a35", FOREST, 0.25)
    middle = ground - height * lift
    s.polygon(
        [
            (x - height * 0.035, ground),
            (x - height * 0.02, middle),
            (x + height * 0.02, middle),
            (x + height * 0.035, ground),
        ],
        trunk,
    )
    s.polyline([(x, middle + r * 0.75), (x + r * 0.3 * squeeze, middle + r * 0.2)], trunk, width=height * 0.02)
    s.polyline([(x, middle + r * 0.9), (x - r * 0.3 * squeeze, middle + r * 0.3)], trunk, width=height * 0.02)
    _crown(s, x, middle, r, tone, seed, squeeze=squeeze)


def _house(
    s: Sheet, x: float, ground: float, w: float, h: float, wall: str, roof: str, *, columns: int, rows: int
) -> None:
    s.rect(x, ground - h, w, h, wall)
    s.polygon(
        [(x - 5, ground - h), (x + w + 5, ground - h), (x + w - 14, ground - h - 26), (x + 14, ground - h - 26)], roof
    )
    cell_w, cell_h = w / columns, (h - 34) / rows
    for row in range(rows):
        for column in range(columns):
            wx, wy = x + cell_w * (column + 0.28), ground - h + 12 + cell_h * (row + 0.1)
            s.rect(wx, wy, cell_w * 0.44, cell_h * 0.62, mix(wall, "#23424a", 0.72))
            s.rect(wx, wy, cell_w * 0.44, cell_h * 0.14, mix(wall, "#ffffff", 0.55))
    s.rect(x + w * 0.42, ground - 30, w * 0.16, 30, mix(roof, INK, 0.35))


def _title(s: Sheet) -> None:
    s.gradient(0, 0, s.width, s.height, "#fdf3dc", "#f8dcae")
    s.circle(772, 148, 70, SUN)
    for k in range(1, 4):
        s.circle(772, 148, 70 + 42 * k, SUN, alpha=0.16 / k)
    hills = [(x, 352 - 34 * math.sin(x / 150) - 14 * math.sin(x / 61 + 1)) for x in range(0, 965, 8)]
    s.polygon([*hills, (960, 540), (0, 540)], "#cfd9a0")
    ground = 452.0
    for x, w, h, wall, roof, columns, rows in [
        (498, 96, 148, "#e9b38d", "#a8482c", 3, 3),
        (598, 112, 196, "#f5e6cc", "#7d5a47", 4, 4),
        (714, 88, 132, "#b8cfc9", "#3f5d63", 3, 3),
        (806, 122, 172, "#efc98a", "#9a4a33", 4, 4),
        (930, 80, 140, "#e3d3c3", "#7d5a47", 3, 3),
    ]:
        _house(s, x, ground, w, h, wall, roof, columns=columns, rows=rows)
    s.rect(0, ground, s.width, 90, FOREST)
    s.rect(0, ground, s.width, 9, "#e2d5b8")
    for x in range(20, 960, 64):
        s.rect(x, ground + 24, 34, 3.5, LIME, alpha=0.45)
    for k, (x, height) in enumerate([(470, 150), (566, 128), (672, 158), (776, 136), (868, 166), (946, 132)]):
        _tree(s, x, ground + 4, height, [LEAF, "#5aa564", "#357a52"][k % 3], k)
    s.text(LEFT - 3, 160, "Cooler", HEAVY, 76, FOREST)
    s.text(LEFT - 3, 238, "Streets", HEAVY, 76, FOREST)
    s.text(LEFT, 284, "A tree plan for Marlow Quay", BOLD, 23, CLAY)
    s.text(LEFT, 311, "2026 to 2029", MEDIUM, 18, INK)
    s.text(LEFT, 513, "Parks Department, city council meeting, 9 June 2026", MEDIUM, 14, LIME)
    s.text(RIGHT, 513, "The city is fictional", MEDIUM, 12, mix(LIME, FOREST, 0.25), align="right")


def _nights(s: Sheet) -> None:
    _slide(s, 2, "Our nights are getting hotter", "Nights in a year that never cooled below 20 degrees Celsius")
    years = range(1990, 2026)
    counts = [
        3,
        1,
        2,
        1,
        4,
        2,
        1,
        3,
        2,
        3,
        2,
        4,
        3,
        9,
        3,
        5,
        8,
        4,
        5,
        6,
        9,
        6,
        8,
        10,
        7,
        13,
        11,
        12,
        18,
        16,
        14,
        13,
        22,
        19,
        21,
        27,
    ]
    left, right, base, top = LEFT + 30, 664.0, 452.0, 160.0
    for value in range(0, 31, 10):
        y = base - (base - top) * value / 30
        s.line(left, y, right, y, INK if value == 0 else HAIR, width=1 if value == 0 else 0.7)
        s.text(left - 10, y + 4.5, str(value), MEDIUM, 13, STONE, align="right")
    step = (right - left) / len(years)
    for k, (year, count) in enumerate(zip(years, counts, strict=True)):
        h = (base - top) * count / 30
        s.rect(left + step * k + 1.5, base - h, step - 3, h, mix(SUN, CLAY, min(1.0, count / 24)))
        if year % 5 == 0:
            s.text(left + step * (k + 0.5), base + 20, str(year), MEDIUM, 13, INK, align="center")
    s.text(left + step * 35.5, base - (base - top) * 27 / 30 - 8, "27", HEAVY, 15, CLAY, align="center")
    s.rect(706, 152, 190, 304, "#ffffff", radius=10)
    s.text(728, 214, "9 times", HEAVY, 34, CLAY)
    s.paragraph(728, 226, 152, "as many hot nights as in the year 1990", MEDIUM, 15, INK, leading=21)
    s.line(728, 306, 876, 306, HAIR, width=1)
    s.text(728, 350, "1 in 4", HEAVY, 34, FOREST)
    s.paragraph(728, 362, 152, "residents is older than 65 and at risk in a heat wave", MEDIUM, 15, INK, leading=21)


def _map(s: Sheet) -> None:
    _slide(s, 3, "Where shade is missing", "Tree canopy cover by neighbourhood, percent of the ground")
    grid = [
        (1, 0, 31),
        (2, 0, 34),
        (3, 0, 28),
        (4, 0, 22),
        (5, 0, 19),
        (0, 1, 27),
        (1, 1, 24),
        (2, 1, 21),
        (3, 1, 17),
        (4, 1, 14),
        (5, 1, 16),
        (1, 2, 18),
        (2, 2, 13),
        (3, 2, 8),
        (4, 2, 6),
        (5, 2, 9),
        (6, 2, 15),
        (0, 3, 16),
        (1, 3, 11),
        (2, 3, 7),
        (3, 3, 4),
        (4, 3, 5),
        (5, 3, 12),
        (1, 4, 14),
        (2, 4, 9),
        (3, 4, 5),
        (4, 4, 8),
        (5, 4, 18),
        (6, 4, 23),
    ]
    names = {(2, 0): "Hill Park", (3, 3): "Harbour", (6, 4): "Elm Bank", (0, 1): "Westmoor", (2, 3): "Tannery"}
    r, x0, y0 = 40.0, 102.0, 186.0
    wide = r * math.sqrt(3)
    for column, row, cover in grid:
        cx, cy = x0 + wide * (column + 0.5 * (row % 2)), y0 + 1.5 * r * row
        corners = [
            (cx + (r - 2) * math.cos(math.radians(60 * i + 30)), cy + (r - 2) * math.sin(math.radians(60 * i + 30)))
            for i in range(6)
        ]
        tone = mix("#f6e7c1", "#1f6b43", min(1.0, cover / 34) ** 0.8)
        hot = cover <= 6
        s.polygon(corners, mix(CLAY, "#ffffff", 0.12) if hot else tone)
        ink = "#ffffff" if cover > 20 or hot else INK
        named = (column, row) in names
        s.text(cx, cy + (0 if named else 6), str(cover), HEAVY, 16, ink, align="center")
        if named:
            s.text(cx, cy + 14, names[column, row], BOLD, 11, ink, align="center")
    x = 640.0
    s.text(x, 172, "Harbour has 4 percent shade.", HEAVY, 19, CLAY)
    s.text(x, 198, "Hill Park has 34.", HEAVY, 19, LEAF)
    s.paragraph(
        x,
        212,
        256,
        "The old docks were paved for lorries in 1962 and never opened again. Eleven thousand people now "
        "live there, in the hottest part of the city.",
        MEDIUM,
        15,
        INK,
        leading=22,
    )
    s.text(x, 344, "We plant first where", BOLD, 15, FOREST)
    for k, line in enumerate(
        ["canopy cover is below 7 percent", "a school or a care home is near", "pipes leave room for roots"]
    ):
        s.circle(x + 5, 365 + 26 * k, 4, LEAF)
        s.text(x + 18, 370 + 26 * k, line, MEDIUM, 15, INK)
    for k in range(6):
        s.rect(x + 34 * k, 446, 34, 12, mix("#f6e7c1", "#1f6b43", (k / 5) ** 0.8))
    s.text(x, 476, "7 percent", MEDIUM, 12, STONE)
    s.text(x + 204, 476, "34 percent", MEDIUM, 12, STONE, align="right")
    s.rect(x + 218, 446, 12, 12, mix(CLAY, "#ffffff", 0.12))
    s.text(x + 236, 456, "6 or less", MEDIUM, 12, STONE)


def _shade(s: Sheet) -> None:
    _slide(s, 4, "A tree is worth twenty degrees", "Surface temperature at three in the afternoon, 18 July 2025")
    bars = [
        ("Artificial turf in the sun", 61, False),
        ("Black asphalt in the sun", 54, False),
        ("Concrete slabs in the sun", 48, False),
        ("Dry lawn in the sun", 38, False),
        ("Asphalt in the shade of a tree", 33, True),
        ("Lawn in the shade of a tree", 27, True),
    ]
    left, scale = LEFT + 258, 5.3
    for k, (name, value, shaded) in enumerate(bars):
        y = 158 + 53 * k
        s.text(left - 16, y + 24, name, BOLD if shaded else MEDIUM, 15, LEAF if shaded else INK, align="right")
        s.rect(left, y, scale * value, 36, LEAF if shaded else mix(SUN, CLAY, (value - 34) / 27), radius=4)
        s.text(left + scale * value - 12, y + 25, f"{value} °C", HEAVY, 17, "#ffffff", align="right")
    x, sunny, shady = 706.0, 158 + 53 + 18, 158 + 4 * 53 + 18
    s.polyline(
        [(left + scale * 54 + 10, sunny), (x, sunny), (x, shady), (left + scale * 33 + 16, shady)], FOREST, width=1.6
    )
    s.polygon(
        [(left + scale * 33 + 9, shady), (left + scale * 33 + 19, shady - 5), (left + scale * 33 + 19, shady + 5)],
        FOREST,
    )
    s.rect(724, 226, 172, 166, "#ffffff", radius=10)
    s.text(744, 280, "−21 °C", HEAVY, 36, LEAF)
    s.paragraph(
        744, 292, 138, "between asphalt in the sun and asphalt under a lime tree", MEDIUM, 14.5, INK, leading=20
    )


def _species(s: Sheet) -> None:
    _slide(s, 5, "Five species for hot streets", "Chosen for drought, salt and narrow pavements")
    species = [
        ("Field maple", "Acer campestre", "12 m", "low", "wide", "#6fa84f", 1.0, 150),
        ("Small-leaved lime", "Tilia cordata", "18 m", "medium", "wide", LEAF, 0.9, 186),
        ("Holm oak", "Quercus ilex", "15 m", "low", "dense", "#2f6a4a", 1.08, 168),
        ("Hackberry", "Celtis australis", "16 m", "low", "wide", "#83ad5a", 1.05, 174),
        ("Ginkgo", "Ginkgo biloba", "14 m", "medium", "narrow", "#d9b23c", 0.62, 164),
    ]
    w, ground = (RIGHT - LEFT - 4 * 14) / 5, 338.0
    for k, (name, latin, height, water, shade, tone, squeeze, size) in enumerate(species):
        x = LEFT + (w + 14) * k
        s.rect(x, 138, w, 346, "#ffffff", radius=10)
        s.rect(x, ground, w, 4, "#d8cfb4")
        _tree(s, x + w / 2, ground + 1, size, tone, 20 + k, squeeze=squeeze)
        s.text(x + 14, 370, name, HEAVY, 15, FOREST)
        s.text(x + 14, 389, latin, LIGHT, 12.5, STONE)
        for row, (label, value) in enumerate([("Height", height), ("Water", water), ("Shade", shade)]):
            y = 416 + 23 * row
            s.line(x + 14, y - 15, x + w - 14, y - 15, HAIR, width=0.7)
            s.text(x + 14, y, label, MEDIUM, 13, STONE)
            s.text(x + w - 14, y, value, BOLD, 13, INK, align="right")


def _cost(s: Sheet) -> None:
    _slide(s, 6, "What it costs", "6.4 million euros over four years for 3,200 trees: 2,000 euros a tree")
    parts = [
        ("Trees and planting", 2.6, FOREST),
        ("Pits and good soil", 1.9, LEAF),
        ("Watering, three summers", 1.1, LIME),
        ("Pruning and care", 0.8, SUN),
    ]
    x, y, angle = LEFT + 136, 318.0, 0.0
    for _, value, tone in parts:
        extent = 360 * value / 6.4
        s.ring(x, y, 136, 82, angle + 0.8, extent - 1.6, tone)
        angle += extent
    s.text(x, y + 6, "€6.4 m", HEAVY, 32, FOREST, align="center")
    s.text(x, y + 28, "in four years", MEDIUM, 14, STONE, align="center")
    for k, (name, value, tone) in enumerate(parts):
        top = 206 + 62 * k
        s.rect(LEFT + 306, top, 14, 14, tone, radius=3)
        s.text(LEFT + 330, top + 12.5, name, BOLD, 15, INK)
        s.text(LEFT + 330, top + 33, f"{value} million euros", MEDIUM, 14, STONE)
    s.rect(608, 166, 288, 304, "#ffffff", radius=10)
    s.text(630, 200, "Who pays", HEAVY, 19, FOREST)
    for k, (name, value, tone) in enumerate(
        [("City budget", 3.2, FOREST), ("Region, climate fund", 1.9, LEAF), ("Sponsors and residents", 1.3, CLAY)]
    ):
        top = 236 + 56 * k
        s.text(630, top, name, MEDIUM, 14.5, INK)
        s.text(874, top, f"€{value} m", BOLD, 14.5, INK, align="right")
        s.rect(630, top + 9, 244, 12, CREAM, radius=6)
        s.rect(630, top + 9, 244 * value / 3.2, 12, tone, radius=6)
    s.paragraph(
        630,
        394,
        246,
        "Anyone can adopt a tree for 150 euros a year; 212 residents have signed up.",
        MEDIUM,
        14,
        STONE,
        leading=20,
    )


def _timeline(s: Sheet) -> None:
    _slide(s, 7, "Timeline", "Trees are planted from November to March, when they sleep")
    left, right, top, row = LEFT + 196, RIGHT, 150.0, 43.0
    year = (right - left) / 4
    for k in range(4):
        s.rect(left + year * k, top, year, 330, "#ffffff" if k % 2 == 0 else CREAM)
        s.text(left + year * k + 12, top + 24, str(2026 + k), HEAVY, 17, FOREST)
    tasks = [
        ("Survey of pipes and cables", 0.45, 1.0, STONE, ""),
        ("Harbour and docks", 0.84, 1.25, CLAY, "600 trees"),
        ("Tannery quarter", 1.84, 2.25, CLAY, "800 trees"),
        ("School streets", 1.84, 2.25, LEAF, "500 trees"),
        ("Station and market", 2.84, 3.25, LEAF, "900 trees"),
        ("Westmoor", 3.55, 3.98, LEAF, "400 trees"),
        ("Watering by tank lorry", 1.25, 3.98, "#4c8fa3", "every ten days in summer"),
    ]
    for k, (name, start, end, tone, note) in enumerate(tasks):
        y = top + 36 + row * k
        s.line(LEFT, y, right, y, HAIR, width=0.7)
        s.text(LEFT, y + 26, name, BOLD, 14.5, INK)
        s.rect(left + year * start, y + 8, year * (end - start), row - 16, tone, radius=5)
        if k == len(tasks) - 1:
            s.text(left + year * (start + end) / 2, y + 26, note, BOLD, 13, "#ffffff", align="center")
        elif note:
            after = end < 3.5
            s.text(
                left + year * (end if after else start) + (8 if after else -8),
                y + 26,
                note,
                MEDIUM,
                13,
                INK,
                align="left" if after else "right",
            )
    s.line(left + year * 0.44, top, left + year * 0.44, top + 330, CLAY, width=1.2, dash=(4, 3))
    s.text(left + year * 0.44, top - 6, "today", BOLD, 12, CLAY, align="center")


def _decision(s: Sheet) -> None:
    s.rect(0, 0, s.width, s.height, FOREST)
    for k, (x, y, r) in enumerate([(930, 60, 120), (800, -10, 90), (960, 250, 90), (880, 520, 120), (720, 560, 70)]):
        _crown(s, x, y, r, mix(FOREST, LEAF, 0.30 + 0.08 * (k % 3)), 60 + k)
    s.text(LEFT, 100, "Three decisions for today", HEAVY, 38, "#ffffff")
    asks = [
        ("Approve the budget", "3.2 million euros from the city, spread evenly over four years."),
        ("Close Dock Street to lorries", "Only then is there room for 140 lime trees and a cycle path."),
        ("Write shade into the building code", "One tree for every six parking spaces, in all new permits."),
    ]
    for k, (head, text) in enumerate(asks):
        y = 150 + 98 * k
        s.circle(LEFT + 26, y + 30, 26, LIME)
        s.text(LEFT + 26, y + 39, str(k + 1), HEAVY, 25, FOREST, align="center")
        s.text(LEFT + 74, y + 26, head, HEAVY, 22, "#ffffff")
        s.text(LEFT + 74, y + 52, text, MEDIUM, 16.5, "#d8e6d2")
    s.text(LEFT, 482, "Questions: Oona Brandt, Parks Department", BOLD, 15, LIME)
    s.text(LEFT, 504, "trees@marlowquay.example", MEDIUM, 14, "#d8e6d2")
