"""The annual report of a company that does not exist: eight A4 pages with charts, tables and portraits."""

from __future__ import annotations

import math
from pathlib import Path

from drawing import A4, Sheet, mix

NIGHT, DEEP, TEAL, AQUA, FOAM = "#08303f", "#0f4c5c", "#17788a", "#63b9b5", "#dcefee"
SAND, CORAL, AMBER, INK, SLATE, HAIR = "#f7f1e8", "#e4603f", "#efae4a", "#17242b", "#56666e", "#d5dcde"
LEFT, RIGHT = 56.0, A4[0] - 56.0
WIDTH = RIGHT - LEFT

YEARS = ["2021", "2022", "2023", "2024", "2025"]
REGIONS = {  # revenue in millions of euros
    "Europe": [412, 428, 441, 467, 498],
    "North America": [236, 251, 274, 288, 317],
    "Asia Pacific": [148, 163, 189, 221, 264],
    "Latin America": [71, 74, 79, 83, 88],
    "Africa and Middle East": [43, 49, 52, 61, 73],
}
REGION_COLORS = [NIGHT, TEAL, AQUA, AMBER, CORAL]
ENERGY = {  # percent of all energy used by our sites
    "Hydropower": [24, 27, 31, 36, 38],
    "Wind": [12, 16, 20, 24, 27],
    "Solar": [4, 6, 9, 12, 14],
    "Biogas": [2, 2, 3, 4, 6],
    "Natural gas": [38, 33, 26, 17, 11],
    "Grid, unspecified": [20, 16, 11, 7, 4],
}
ENERGY_COLORS = [DEEP, "#3a93a0", AMBER, "#8fae5d", "#b9a89a", "#dccfc4"]
EMISSIONS = [61, 54, 44, 33, 24]  # thousand tonnes of CO2 equivalent
EXPENSES = {  # millions of euros: 2024, 2025
    "Materials and components": (409, 446),
    "Personnel": (328, 362),
    "Logistics and freight": (70, 74),
    "Research and development": (57, 68),
    "Depreciation": (57, 63),
    "Energy": (47, 41),
    "Other": (34, 37),
}


def make(path: Path) -> None:
    sheet = Sheet(
        path,
        A4,
        title="Calder & Lune plc: Annual Report 2025",
        author="Calder & Lune plc (fictional)",
        subject="Sample document of a company that does not exist",
    )
    for number, draw in enumerate([_cover, _letter, _revenue, _energy, _expenses, _board, _outlook, _notes], start=1):
        draw(sheet)
        if number > 1:
            _furniture(sheet, number)
        sheet.next_page()
    sheet.save()


def _furniture(s: Sheet, number: int) -> None:
    s.text(LEFT, 41, "Calder & Lune", "Serif-Semibold", 9.5, DEEP)
    s.text(RIGHT, 41, "Annual Report 2025", "Sans", 9.5, SLATE, align="right")
    s.line(LEFT, 50, RIGHT, 50, HAIR)
    s.text(RIGHT, s.height - 34, str(number), "Sans-Semibold", 9.5, DEEP, align="right")


def _heading(s: Sheet, label: str, title: str, y: float = 84) -> float:
    s.rect(LEFT, y - 9, 22, 3, CORAL)
    s.text(LEFT + 30, y - 4, label, "Sans-Semibold", 10.5, CORAL)
    s.text(LEFT, y + 32, title, "Serif-Semibold", 31, NIGHT)
    return y + 54


def _body(s: Sheet, x: float, y: float, w: float, *paragraphs: str, size: float = 10.6) -> float:
    for text in paragraphs:
        y = s.paragraph(x, y, w, text, "Sans", size, INK, leading=size * 1.46) + size * 0.62
    return y


def _logo(s: Sheet, x: float, y: float, size: float, ink: str, second: str) -> None:
    """Draw two rivers that meet."""
    for shift, tone in ((0.0, ink), (0.34, second)):
        points = [
            (x + size * i / 40, y + size * (0.5 - shift * (1 - i / 40) * 1.1 + 0.16 * math.sin(i / 40 * 6.3 + shift)))
            for i in range(41)
        ]
        s.polyline(points, tone, width=size * 0.11)


def _cover(s: Sheet) -> None:
    s.gradient(0, 0, s.width, 520, "#0b3949", "#2b8592")
    s.rect(0, 519, s.width, s.height - 519, "#2b8592")
    s.circle(424, 392, 74, "#f3b562")
    s.circle(424, 392, 104, "#f3b562", alpha=0.10)
    s.circle(424, 392, 140, "#f3b562", alpha=0.07)
    layers = 9
    for k in range(layers):
        share = k / (layers - 1)
        base = 404 + 40 * k + 5.5 * k * (k - 1) / 2
        height = 12 + 15 * share
        wave = [
            (
                x,
                base
                + height * math.sin(x / (96 + 22 * k) + 1.9 * k)
                + height * 0.5 * math.sin(x / (41 + 8 * k) + 0.7 * k),
            )
            for x in range(0, 601, 5)
        ]
        tone = mix("#5fb3b3", "#072530", share**0.8)
        s.polygon([*wave, (600, s.height), (0, s.height)], tone)
        s.polyline(wave, mix(tone, "#ffffff", 0.35 - 0.22 * share), width=0.9)
    _logo(s, LEFT, 52, 30, "#ffffff", "#f3b562")
    s.text(LEFT + 42, 73, "Calder & Lune", "Serif-Semibold", 19, "#ffffff")
    s.text(LEFT - 3, 190, "Annual", "Serif-Semibold", 76, "#ffffff")
    s.text(LEFT - 3, 264, "Report 2025", "Serif-Semibold", 76, "#ffffff")
    s.text(LEFT, 304, "Water, moved well.", "Serif-Italic", 21, "#cfe6e4")
    s.text(LEFT, s.height - 74, "Pumps, valves and water meters", "Sans-Semibold", 13, "#ffffff")
    s.text(LEFT, s.height - 56, "for cities, farms and factories in 64 countries", "Sans", 13, "#bcd6d6")
    s.text(RIGHT, s.height - 56, "Lancaster, March 2026", "Sans", 11, "#bcd6d6", align="right")


def _letter(s: Sheet) -> None:
    y = _heading(s, "Letter to shareholders", "A year of steady currents")
    column = 316.0
    y = (
        s.paragraph(
            LEFT,
            y,
            column,
            "In 2025 we sold more pumps with less energy than in any year since the company "
            "was founded, and we kept the promises that we made to you.",
            "Serif-Italic",
            15,
            DEEP,
            leading=21.5,
        )
        + 14
    )
    y = (
        _body(
            s,
            LEFT,
            y,
            column,
            "Dear shareholders,",
            "Revenue rose by 10.7 percent to 1,240 million euros. Every region grew. In Asia Pacific, the water "
            "utilities of Busan and Da Nang chose our pressure meters for whole districts at a time. Operating profit "
            "reached 149 million euros, a margin of 12.0 percent against 10.5 percent the year before.",
            "The harder news came in spring. A flood on the river Lune stopped our foundry in Lancaster for nineteen "
            "days. Nobody was hurt. Colleagues from Gdynia drove through the night with spare motors, and by the end "
            "of May the furnaces were back at full output. The repair cost us 6 million euros, of which insurance has "
            "paid 4.",
            "We invest where water is lost. In an average city almost a third of drinking water leaks away before it "
            "reaches a tap. Our new listening valve hears a leak the size of a pinhole from two hundred metres, and "
            "41 cities ordered it in its first year.",
            "Four years ago, natural gas and the grid supplied more than half of our energy; today it is 15 percent. "
            "We did this because it is right, and because it pays: our energy bill fell by 6 million euros while "
            "output rose.",
            "The board proposes a dividend of 1.34 euros a share, after 1.10 euros last year. I thank our 5,870 "
            "colleagues, who earned it, and I thank you for your trust.",
            size=11.3,
        )
        + 4
    )
    s.curve(
        (LEFT + 4, y + 24),
        [
            ((LEFT + 18, y - 14), (LEFT + 30, y + 2), (LEFT + 20, y + 30)),
            ((LEFT + 30, y + 4), (LEFT + 42, y + 8), (LEFT + 40, y + 22)),
            ((LEFT + 48, y + 8), (LEFT + 58, y + 10), (LEFT + 56, y + 24)),
            ((LEFT + 70, y - 6), (LEFT + 82, y - 4), (LEFT + 78, y + 22)),
            ((LEFT + 98, y + 6), (LEFT + 110, y + 26), (LEFT + 138, y + 12)),
        ],
        NIGHT,
        width=1.3,
    )
    s.text(LEFT, y + 46, "Mateus Carvalho", "Sans-Bold", 11, NIGHT)
    s.text(LEFT, y + 60, "Chief Executive", "Sans", 10.5, SLATE)

    x, w = 404.0, s.width - 404.0
    s.rect(x, 138, w, 640, SAND)
    s.text(x + 22, 170, "2025 at a glance", "Serif-Semibold", 15, NIGHT)
    facts = [
        ("€1,240 m", "revenue, up 10.7 percent"),
        ("€149 m", "operating profit, a margin of 12.0 percent"),
        ("€1.34", "dividend proposed per share"),
        ("85 %", "of our energy came from renewable sources"),
        ("5,870", "employees in 23 countries"),
        ("41", "cities ordered the listening valve"),
    ]
    for k, (value, label) in enumerate(facts):
        top = 192 + 96 * k
        s.line(x + 22, top, RIGHT, top, mix(SAND, INK, 0.2))
        s.text(x + 22, top + 34, value, "Serif-Semibold", 25, CORAL if k == 0 else TEAL)
        s.paragraph(x + 22, top + 42, 112, label, "Sans", 11, INK, leading=14)


def _revenue(s: Sheet) -> None:
    y = _heading(s, "Financial review", "Revenue by region")
    end = _body(
        s,
        LEFT,
        y,
        300,
        "All five regions sold more than the year before. <b>Europe</b> remains our largest market with 498 million "
        "euros, helped by the new drinking water rules of the European Union. <b>Asia Pacific</b> added 43 million "
        "euros and has grown by 78 percent in four years.",
        "<b>North America</b> grew by 10.1 percent as cities in Ohio and Ontario replaced pumping stations built in "
        "the 1970s. Growth in <b>Latin America</b> slowed to 6.0 percent because two irrigation projects in Chile "
        "moved into 2026.",
    )
    x = 392.0
    s.rect(x, y - 2, RIGHT - x, end - y - 6, FOAM, radius=4)
    s.text(x + 16, y + 22, "Growth in 2025", "Sans-Semibold", 10.5, DEEP)
    s.text(x + 16, y + 57, "+10.7 %", "Serif-Semibold", 32, DEEP)
    s.paragraph(
        x + 16,
        y + 67,
        120,
        "the best year since 2011; at constant exchange rates 11.9 percent",
        "Sans",
        10.6,
        INK,
        leading=13.6,
    )

    top = end + 22
    s.text(LEFT, top, "Revenue in millions of euros, 2021 to 2025", "Sans-Bold", 12, NIGHT)
    cursor = LEFT
    for name, tone in zip(REGIONS, REGION_COLORS, strict=True):
        s.rect(cursor, top + 12, 9, 9, tone)
        cursor += 14 + s.text(cursor + 13, top + 20, name, "Sans", 10, INK) + 14
    base, height = top + 282, 228.0
    for value in range(0, 1251, 250):
        level = base - height * value / 1250
        s.line(LEFT + 34, level, RIGHT, level, INK if value == 0 else HAIR, width=0.8 if value == 0 else 0.5)
        s.text(LEFT + 27, level + 3.4, f"{value:,}", "Sans", 10, SLATE, align="right")
    pitch = (RIGHT - LEFT - 34) / len(YEARS)
    for k, year in enumerate(YEARS):
        x, level = LEFT + 34 + pitch * k + (pitch - 52) / 2, base
        for (name, values), tone in zip(REGIONS.items(), REGION_COLORS, strict=True):
            h = height * values[k] / 1250
            s.rect(x, level - h, 52, h, tone)
            if name in ("Europe", "North America", "Asia Pacific"):
                light = tone in (NIGHT, TEAL)
                s.text(
                    x + 26,
                    level - h / 2 + 3.4,
                    str(values[k]),
                    "Sans-Semibold",
                    9.5,
                    "#ffffff" if light else NIGHT,
                    align="center",
                )
            level -= h
        s.text(
            x + 26,
            level - 6,
            f"{sum(values[k] for values in REGIONS.values()):,}",
            "Sans-Bold",
            11,
            NIGHT,
            align="center",
        )
        s.text(x + 26, base + 15, year, "Sans-Semibold", 10.5, INK, align="center")
    rows = [["Region", *YEARS, "Change"]]
    rows += [
        [name, *map(str, values), f"+{100 * (values[4] / values[3] - 1):.1f} %"] for name, values in REGIONS.items()
    ]
    totals = [sum(values[k] for values in REGIONS.values()) for k in range(5)]
    rows += [["Total revenue", *(f"{t:,}" for t in totals), f"+{100 * (totals[4] / totals[3] - 1):.1f} %"]]
    s.table(
        LEFT,
        base + 34,
        [WIDTH - 5 * 56 - 66, 56, 56, 56, 56, 56, 66],
        rows,
        row_height=23.5,
        font="Sans",
        bold="Sans-Bold",
        size=11,
        ink=INK,
        rule=HAIR,
        head=TEAL,
        total=True,
    )


def _energy(s: Sheet) -> None:
    y = _heading(s, "Sustainability", "Where our energy comes from")
    y = _body(
        s,
        LEFT,
        y,
        WIDTH - 30,
        "Four years ago, natural gas and the grid supplied more than half of our energy. Today 85 percent of the 212 "
        "gigawatt hours that our sites use comes from hydropower, wind, sun and biogas. The last gas boiler in "
        "Lancaster will be switched off in the autumn of 2026; an induction furnace, fed by the weir beside the "
        "works, takes its place.",
    )
    top = y + 16
    s.text(LEFT, top, "Energy mix of our sites, percent", "Sans-Bold", 12, NIGHT)
    left, right, base, height = LEFT, LEFT + 356, top + 262, 240.0
    step = (right - left) / 4
    floor = [0.0] * 5
    for (name, values), tone in zip(reversed(ENERGY.items()), reversed(ENERGY_COLORS), strict=True):
        roof = [a + b for a, b in zip(floor, values, strict=True)]
        lower = [(left + step * k, base - height * floor[k] / 100) for k in range(5)]
        upper = [(left + step * k, base - height * roof[k] / 100) for k in range(5)]
        s.polygon([*upper, *reversed(lower)], tone, stroke="#ffffff", width=1.1)
        middle = base - height * (floor[4] + roof[4]) / 200
        s.text(right + 14, middle + 3.8, f"{values[4]} %", "Sans-Bold", 10.6, INK)
        s.text(right + 46, middle + 3.8, name, "Sans", 10.6, INK)
        floor = roof
    for k, year in enumerate(YEARS):
        align = "left" if k == 0 else "right" if k == 4 else "center"
        s.text(left + step * k, base + 16, year, "Sans-Semibold", 10.5, INK, align=align)
    share = sum(ENERGY[name][4] for name in list(ENERGY)[:4])
    s.text(left + 12, base - 14, "natural gas and grid", "Sans-Italic", 10.5, INK)
    s.text(left + 12, base - height + 20, "renewable sources", "Sans-Italic", 10.5, "#ffffff")

    top = base + 66
    half = (WIDTH - 34) / 2
    s.text(LEFT, top, "Carbon emissions, thousand tonnes", "Sans-Bold", 12, NIGHT)
    base, height = top + 166, 134.0
    s.line(LEFT, base, LEFT + half, base, INK, width=0.8)
    for k, value in enumerate(EMISSIONS):
        x, h = LEFT + 6 + k * (half - 6) / 5, height * value / 61
        s.rect(x, base - h, 32, h, CORAL if k == 4 else mix("#b9a89a", "#ffffff", 0.25), radius=0)
        s.text(x + 16, base - h - 6, str(value), "Sans-Bold", 10.6, CORAL if k == 4 else INK, align="center")
        s.text(x + 16, base + 15, YEARS[k], "Sans", 10.5, INK, align="center")
    s.paragraph(
        LEFT,
        base + 30,
        half,
        "Emissions from our own sites and from purchased energy fell by 61 percent between 2021 and 2025.",
        "Sans",
        10.6,
        INK,
        leading=14.5,
    )

    x = LEFT + half + 34
    s.text(x, top, "Targets and where we stand", "Sans-Bold", 12, NIGHT)
    goals = [
        ("Renewable energy", share, 100, "85 of 100 percent by 2028"),
        ("Recycled steel in castings", 64, 75, "64 of 75 percent by 2027"),
        ("Water reused on site", 71, 80, "71 of 80 percent by 2027"),
        ("Women in management", 37, 40, "37 of 40 percent by 2026"),
    ]
    for k, (name, value, goal, note) in enumerate(goals):
        line = top + 28 + 45 * k
        s.text(x, line, name, "Sans-Semibold", 10.6, INK)
        s.text(x + half, line, note, "Sans", 9.8, SLATE, align="right")
        s.rect(x, line + 7, half, 7, FOAM)
        s.rect(x, line + 7, half * value / 100, 7, TEAL)
        s.line(x + half * goal / 100, line + 4, x + half * goal / 100, line + 17, CORAL, width=1.6)
    s.paragraph(
        x,
        base + 30,
        half,
        "The coral mark is the target. An outside auditor checks all four figures every year.",
        "Sans",
        10.6,
        INK,
        leading=14.5,
    )


def _expenses(s: Sheet) -> None:
    y = _heading(s, "Financial review", "Operating expenses")
    y = _body(
        s,
        LEFT,
        y,
        WIDTH,
        "Operating expenses rose by 8.9 percent to 1,091 million euros, more slowly than revenue. Copper and stainless "
        "steel became dearer in the first half of the year, while our bill for energy fell by 6 million euros because "
        "the works in Porto now runs on its own solar roof. Research and development grew by 19 percent.",
    )
    top = y + 18
    s.text(LEFT, top, "From revenue to operating profit 2025, millions of euros", "Sans-Bold", 12, NIGHT)
    base, height = top + 262, 232.0
    s.line(LEFT, base, RIGHT, base, INK, width=0.8)
    steps = [("Revenue", 1240)] + [(name, -cost[1]) for name, cost in EXPENSES.items()] + [("Operating profit", 149)]
    pitch, level = WIDTH / len(steps), 0.0
    labels = {
        "Materials and components": "Materials",
        "Research and development": "Research",
        "Depreciation": "Deprec.",
        "Logistics and freight": "Logistics",
        "Operating profit": "Profit",
    }
    for k, (name, value) in enumerate(steps):
        x, w = LEFT + pitch * k + 5, pitch - 10
        ends = name in ("Revenue", "Operating profit")
        low, high = (0.0, float(value)) if ends else (level + value, level)
        tone = TEAL if name == "Revenue" else CORAL if ends else mix(TEAL, "#ffffff", 0.55)
        s.rect(x, base - height * high / 1240, w, height * (high - low) / 1240, tone)
        s.text(
            x + w / 2,
            base - height * high / 1240 - 6,
            f"{value:,}".replace("-", "−"),
            "Sans-Bold",
            10.6,
            CORAL if name == "Operating profit" else INK,
            align="center",
        )
        s.text(
            x + w / 2, base + 16, labels.get(name, name), "Sans-Semibold" if ends else "Sans", 10, INK, align="center"
        )
        level = low if not ends else level + value
        if k < len(steps) - 1:
            line = base - height * (high if name == "Revenue" else low) / 1240
            s.line(x + w, line, x + w + 10, line, SLATE, width=0.5)
    rows = [["Millions of euros", "2024", "2025", "Change", "Share of revenue"]]
    for name, (before, now) in EXPENSES.items():
        rows.append(
            [
                name,
                str(before),
                str(now),
                f"{100 * (now / before - 1):+.1f} %".replace("-", "−"),
                f"{now / 12.40:.1f} %",
            ]
        )
    before, now = (sum(cost[k] for cost in EXPENSES.values()) for k in (0, 1))
    rows.append(
        [
            "Total operating expenses",
            f"{before:,}",
            f"{now:,}",
            f"{100 * (now / before - 1):+.1f} %",
            f"{now / 12.40:.1f} %",
        ]
    )
    end = s.table(
        LEFT,
        base + 40,
        [WIDTH - 290, 62, 62, 72, 94],
        rows,
        row_height=22.5,
        font="Sans",
        bold="Sans-Bold",
        size=10.8,
        ink=INK,
        rule=HAIR,
        head=TEAL,
        total=True,
    )
    s.paragraph(
        LEFT,
        end + 9,
        WIDTH,
        "Other expenses include 6 million euros for repairs after the flood in Lancaster.",
        "Sans-Italic",
        10,
        SLATE,
    )


def _portrait(s: Sheet, x: float, y: float, r: float, tones: tuple[str, str, str, str], hair: str) -> None:
    """Draw a head and shoulders from plain shapes, clipped to a circle of radius `r` around (x, y)."""
    background, coat, skin, locks = tones
    canvas = s.canvas
    canvas.saveState()
    clip = canvas.beginPath()
    clip.circle(x, s.height - y, r)
    canvas.clipPath(clip, stroke=0, fill=0)
    s.rect(x - r, y - r, 2 * r, 2 * r, background)
    if hair == "long":
        s.rect(x - 0.44 * r, y - 0.5 * r, 0.88 * r, 1.02 * r, locks, radius=0.36 * r)
    if hair == "bun":
        s.circle(x, y - 0.66 * r, 0.2 * r, locks)
    s.circle(x, y + 1.22 * r, 0.82 * r, coat)
    s.rect(x - 0.15 * r, y + 0.1 * r, 0.3 * r, 0.44 * r, mix(skin, "#5b3020", 0.18), radius=0.14 * r)
    s.polygon([(x - 0.2 * r, y + 0.44 * r), (x + 0.2 * r, y + 0.44 * r), (x, y + 0.78 * r)], "#ffffff")
    s.rect(x - 0.15 * r, y + 0.1 * r, 0.3 * r, 0.38 * r, mix(skin, "#5b3020", 0.18), radius=0.14 * r)
    s.rect(x - 0.33 * r, y - 0.48 * r, 0.66 * r, 0.8 * r, skin, radius=0.32 * r)
    if hair in ("short", "bun", "long"):
        cap = [
            (x + 0.37 * r * math.cos(a), y - 0.16 * r + 0.44 * r * math.sin(a))
            for a in (math.radians(180 + 6 * i) for i in range(31))
        ]
        part = {"short": 0.1, "bun": 0.0, "long": -0.14}[hair]
        s.polygon([*cap, (x + 0.3 * r, y - 0.2 * r), (x + part * r, y - 0.34 * r), (x - 0.3 * r, y - 0.18 * r)], locks)
    if hair == "beard":
        s.polygon(
            [
                (x - 0.33 * r, y - 0.02 * r),
                (x - 0.24 * r, y + 0.1 * r),
                (x + 0.24 * r, y + 0.1 * r),
                (x + 0.33 * r, y - 0.02 * r),
                (x + 0.3 * r, y + 0.22 * r),
                (x, y + 0.42 * r),
                (x - 0.3 * r, y + 0.22 * r),
            ],
            locks,
        )
    canvas.restoreState()


def _board(s: Sheet) -> None:
    y = _heading(s, "Governance", "Board of directors")
    y = (
        s.paragraph(
            LEFT,
            y,
            WIDTH,
            "Six directors, four of them independent, met eleven times in 2025.",
            "Serif-Italic",
            13.5,
            DEEP,
            leading=19,
        )
        + 22
    )
    people = [
        (
            "Ingrid Solheim",
            "Chair of the board",
            "Former head of the Norwegian coastal administration. Joined the board in "
            "2017 and leads the nomination committee.",
            ("#cfe3e2", DEEP, "#f0c9a8", "#cfa35b"),
            "bun",
        ),
        (
            "Mateus Carvalho",
            "Chief Executive",
            "Mechanical engineer from Porto. Ran the valve division for nine years "
            "before he became chief executive in 2020.",
            ("#f3dcc0", NIGHT, "#c98f63", "#33241c"),
            "short",
        ),
        (
            "Priya Raman",
            "Chief Financial Officer",
            "Chartered accountant. Came from a railway builder in Chennai in 2022; "
            "responsible for finance, risk and procurement.",
            ("#f6d3c8", TEAL, "#a96e45", "#231815"),
            "long",
        ),
        (
            "Tomasz Wilk",
            "Senior independent director",
            "Shipyard manager in Gdynia until 2019. Chairs the pay committee and speaks for the independent directors.",
            ("#d9e6d3", "#3f5a4a", "#eec2a0", "#8d8a86"),
            "beard",
        ),
        (
            "Adaeze Okafor",
            "Independent director",
            "Auditor for twenty years in Lagos and London. Chairs the audit committee, which met six times.",
            ("#fae3b4", "#7a3b2e", "#7b4a2d", "#1c1412"),
            "bun",
        ),
        (
            "Hélène Marchetti",
            "Independent director",
            "Hydrologist at the University of Grenoble. Chairs the sustainability "
            "committee and advises on river basins.",
            ("#d5dcee", "#39466b", "#f2cdb2", "#5f3626"),
            "long",
        ),
    ]
    column = (WIDTH - 30) / 2
    for k, (name, role, text, tones, hair) in enumerate(people):
        x, top = LEFT + (column + 30) * (k % 2), y + 154 * (k // 2)
        s.line(x, top, x + column, top, HAIR)
        _portrait(s, x + 36, top + 54, 36, tones, hair)
        s.text(x + 86, top + 30, name, "Serif-Semibold", 14, NIGHT)
        s.text(x + 86, top + 46, role, "Sans-Semibold", 10.5, CORAL)
        s.paragraph(x + 86, top + 52, column - 86, text, "Sans", 10.4, INK, leading=13.9)
    top = y + 154 * 3 + 12
    s.text(LEFT, top, "Attendance at meetings 2025", "Sans-Bold", 12, NIGHT)
    rows = [
        ["Director", "Since", "Board", "Audit", "Pay", "Sustainability"],
        ["Solheim", "2017", "11 of 11", "", "4 of 4", "3 of 3"],
        ["Wilk", "2019", "11 of 11", "6 of 6", "4 of 4", ""],
        ["Okafor", "2021", "10 of 11", "6 of 6", "", "3 of 3"],
        ["Marchetti", "2023", "10 of 11", "", "4 of 4", "3 of 3"],
    ]
    s.table(
        LEFT,
        top + 8,
        [WIDTH - 370, 50, 80, 80, 80, 80],
        rows,
        row_height=20,
        font="Sans",
        bold="Sans-Bold",
        size=10.4,
        ink=INK,
        rule=HAIR,
        head=TEAL,
    )


def _outlook(s: Sheet) -> None:
    y = _heading(s, "Outlook", "What we expect in 2026")
    y = _body(
        s,
        LEFT,
        y,
        WIDTH,
        "Orders in hand stood at 486 million euros at the end of December, enough for almost five months of work. We "
        "expect the repair of old city networks to outlast any pause in house building, and we plan for higher copper "
        "prices throughout the year.",
    )
    top = y + 10
    cards = [
        ("7 to 9 %", "growth in revenue", "10.7 percent in 2025"),
        ("12.5 to 13 %", "operating margin", "12.0 percent in 2025"),
        ("€90 m", "capital expenditure", "€78 m in 2025"),
    ]
    w = (WIDTH - 28) / 3
    for k, (value, label, note) in enumerate(cards):
        x = LEFT + (w + 14) * k
        s.rect(x, top, w, 100, [NIGHT, DEEP, TEAL][k], radius=4)
        s.text(x + 15, top + 41, value, "Serif-Semibold", 22.5, "#ffffff")
        s.text(x + 15, top + 62, label, "Sans-Semibold", 11, "#ffffff")
        s.text(x + 15, top + 78, note, "Sans", 10.5, "#d5e8e7")
    top += 152
    s.text(LEFT, top, "Milestones in 2026", "Sans-Bold", 12, NIGHT)
    line = top + 34
    s.line(LEFT, line, RIGHT, line, TEAL, width=2)
    events = [
        ("February", "Smart meters for all 190,000 homes in Porto"),
        ("May", "Service centre opens in Nairobi"),
        ("September", "New pump works in Gdynia starts production"),
        ("November", "Last gas boiler switched off in Lancaster"),
    ]
    for k, (month, text) in enumerate(events):
        x = LEFT + 6 + k * WIDTH / 4
        s.circle(x, line, 6, "#ffffff", stroke=CORAL if k == 2 else TEAL, width=3)
        s.text(x - 6, line + 26, month, "Serif-Semibold", 13, CORAL if k == 2 else NIGHT)
        s.paragraph(x - 6, line + 31, WIDTH / 4 - 16, text, "Sans", 10.6, INK, leading=14)
    top = line + 122
    s.text(LEFT, top, "Principal risks", "Sans-Bold", 12, NIGHT)
    risks = [
        (
            "Copper price",
            "High",
            "A rise of 10 percent costs us 9 million euros a year. Two thirds of our need for 2026 is hedged.",
        ),
        (
            "Exchange rates",
            "Medium",
            "A weaker dollar lowers revenue in North America. We match costs and income in each currency.",
        ),
        (
            "Drought and floods",
            "Medium",
            "Low rivers slow our barges, high rivers close our foundry. A flood wall in Lancaster is under way.",
        ),
        (
            "Cyber security",
            "Low",
            "Meters report over public networks. Independent testers attack our systems twice a year.",
        ),
    ]
    y = top + 12
    tones = {"High": CORAL, "Medium": AMBER, "Low": AQUA}
    for name, level, text in risks:
        s.line(LEFT, y, RIGHT, y, HAIR)
        s.text(LEFT, y + 25, name, "Serif-Semibold", 12.5, NIGHT)
        s.circle(LEFT + 138, y + 21, 5, tones[level])
        s.text(LEFT + 150, y + 24.8, level, "Sans-Semibold", 10.6, INK)
        s.paragraph(LEFT + 216, y + 12, WIDTH - 216, text, "Sans", 10.6, INK, leading=14.2)
        y += 56
    s.line(LEFT, y, RIGHT, y, HAIR)


def _notes(s: Sheet) -> None:
    y = _heading(s, "Financial statements", "Notes to the accounts")
    w = (WIDTH - 30) / 2

    def note(x: float, y: float, title: str, *texts: str) -> float:
        s.text(x, y + 11, title, "Serif-Semibold", 12, NIGHT)
        return _body(s, x, y + 18, w, *texts, size=10)

    ruled = {
        "row_height": 18.5,
        "font": "Sans",
        "bold": "Sans-Bold",
        "size": 10,
        "ink": INK,
        "rule": HAIR,
        "head": TEAL,
    }
    left = note(
        LEFT,
        y,
        "1  Basis of preparation",
        "These accounts follow International Financial Reporting Standards as "
        "adopted by the European Union. All amounts are in millions of euros and rounded, so totals may differ "
        "from the sum of their parts. The accounting year ends on 31 December.",
    )
    left = note(
        LEFT,
        left + 6,
        "2  Leases",
        "We lease offices, warehouses and 340 delivery vans. Payments that fall due in later years:",
    )
    left = (
        s.table(
            LEFT,
            left - 4,
            [w - 130, 65, 65],
            [
                ["Due", "2024", "2025"],
                ["Within one year", "17", "19"],
                ["One to five years", "46", "52"],
                ["After five years", "21", "18"],
                ["Total", "84", "89"],
            ],
            total=True,
            **ruled,
        )
        + 16
    )
    left = note(
        LEFT,
        left,
        "3  Inventories",
        "Inventories of 168 million euros (2024: 171) are valued at the lower of cost "
        "and net realisable value. After the flood in Lancaster, castings worth 2 million euros were written off.",
    )
    right = note(
        LEFT + w + 30,
        y,
        "4  Pension obligations",
        "The pension fund for employees in Britain was closed to new "
        "members in 2014. The deficit fell to 12 million euros as interest rates rose.",
    )
    right = (
        s.table(
            LEFT + w + 30,
            right - 4,
            [w - 130, 65, 65],
            [
                ["Millions of euros", "2024", "2025"],
                ["Obligations", "207", "198"],
                ["Plan assets", "188", "186"],
                ["Deficit", "19", "12"],
            ],
            total=True,
            **ruled,
        )
        + 16
    )
    right = note(
        LEFT + w + 30,
        right,
        "5  Legal proceedings",
        "A former supplier of bearings claims 5 million euros for a "
        "cancelled contract. The board considers the claim unfounded and has made no provision.",
    )
    right = note(
        LEFT + w + 30,
        right + 6,
        "6  Events after the year end",
        "On 14 January 2026 we agreed to buy Nordvik "
        "Sensors of Bergen for 31 million euros in cash. The purchase awaits the consent of the authorities.",
    )
    y = max(left, right) + 20
    s.text(LEFT, y, "Five-year summary", "Serif-Semibold", 12, NIGHT)
    y = (
        s.table(
            LEFT,
            y + 4,
            [WIDTH - 300, 60, 60, 60, 60, 60],
            [
                ["Millions of euros", *YEARS],
                ["Revenue", "910", "965", "1,035", "1,120", "1,240"],
                ["Operating profit", "84", "92", "103", "118", "149"],
                ["Net income", "57", "63", "71", "82", "104"],
                ["Dividend per share, euros", "0.82", "0.90", "0.98", "1.10", "1.34"],
                ["Employees", "4,910", "5,080", "5,260", "5,490", "5,870"],
            ],
            **ruled,
        )
        + 26
    )
    s.rect(LEFT, y, WIDTH, 104, SAND, radius=4)
    s.text(LEFT + 18, y + 28, "Financial calendar 2026", "Serif-Semibold", 13, NIGHT)
    for k, (day, event) in enumerate(
        [
            ("28 April", "Annual general meeting, Lancaster"),
            ("5 May", "Dividend payment"),
            ("13 August", "Half-year report"),
        ]
    ):
        s.text(LEFT + 18, y + 50 + 17 * k, day, "Sans-Semibold", 10.6, INK)
        s.text(LEFT + 78, y + 50 + 17 * k, event, "Sans", 10.6, INK)
    x = LEFT + w + 30
    s.text(x, y + 28, "Investor relations", "Serif-Semibold", 13, NIGHT)
    for k, text in enumerate(
        ["Old Weir Works, Lancaster", "investors@calderlune.example", "Printed on recycled paper"]
    ):
        s.text(x, y + 50 + 17 * k, text, "Sans", 10.6, INK)
    s.text(
        LEFT,
        s.height - 34,
        "Calder & Lune plc is a fictional company; this report is a sample document.",
        "Sans",
        9.5,
        SLATE,
    )
