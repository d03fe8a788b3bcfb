"""Tables, listings, charts, diagrams and other parts of training pages.

Each takes the sheet and the column it stands in, as the parts of `Sheet` do, and returns the y at which it ends; those
that fill a box take its height.
"""

import numpy as np
from PIL import Image

from colpali_demo.training.corpus.text import code, number
from colpali_demo.training.pages.canvas import Style
from colpali_demo.training.pages.sheet import Sheet


def table(sheet: Sheet, x: float, y: float, width: float, bottom: float, rows: int) -> float:
    """Draw a table: rows of words, numbers and codes, with rules and stripes."""
    random, canvas = sheet.random, sheet.canvas
    style = sheet.body.variant(size=sheet.body.size * random.uniform(0.8, 1.0))
    step = style.size * random.uniform(1.3, 2.2)
    rows = min(rows, int((bottom - y) / step))
    if rows < 2:
        return y
    columns = random.randint(2, max(2, min(9, int(width / (style.size * 7)))))
    kinds = ["words"] + random.choices(("words", "number", "code", "word"), (0.2, 0.5, 0.15, 0.15), k=columns - 1)
    shares = np.array([random.uniform(1.5, 3) if kind == "words" else random.uniform(0.8, 1.4) for kind in kinds])
    edges = x + width * np.concatenate([[0.0], np.cumsum(shares / shares.sum())])
    header_fill = random.choice((None, None, sheet.near(sheet.background, 50), sheet.color()))
    stripe = sheet.near(sheet.background, 25) if random.random() < 0.35 else None
    rules = random.choice(("none", "rows", "grid", "book", "book"))
    line = random.choice((sheet.ink, sheet.near(sheet.background, 120)))
    thick = random.randint(1, 3)
    header_ink = sheet.readable_on(header_fill) if header_fill else sheet.ink
    header = sheet.style(sheet.body_family, style.size / sheet.pt, header_ink, bold=random.random() < 0.8)
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
            cell = sheet.cell(kind if row else "label")
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


def code_block(sheet: Sheet, x: float, y: float, width: float, bottom: float) -> float:
    return listing(sheet, x, y, width, bottom, sheet.random.randint(2, 14)) + sheet.body.size * 0.5


def table_block(sheet: Sheet, x: float, y: float, width: float, bottom: float) -> float:
    end = table(sheet, x, y, width, bottom, sheet.random.randint(3, 14))
    return sheet.caption(x, end, width, bottom, "Table") if end > y and sheet.random.random() < 0.6 else end


def listing(sheet: Sheet, x: float, y: float, width: float, bottom: float, lines: int) -> float:
    """Draw lines of a program or of a terminal."""
    random = sheet.random
    style = sheet.style(sheet.mono_family, sheet.body_points * random.uniform(0.8, 1.0), ligatures=False)
    step = style.size * random.uniform(1.1, 1.4)
    lines = min(lines, int((bottom - y) / step) - 1)
    if lines < 1:
        return y
    ink = style.color
    if random.random() < 0.5:
        fill = random.choice((sheet.near(sheet.background), (40, 44, 52), (245, 245, 245), (255, 255, 255)))
        ink = sheet.readable_on(fill)
        sheet.canvas.draw.rectangle((x, y, x + width, y + (lines + 1) * step), fill, sheet.near(fill, 60))
        style = style.variant(color=ink)
        x, y, width = x + style.size * 0.6, y + step * 0.5, width - style.size * 1.2
    else:
        fill = sheet.background
    colors = [style] + (
        [style.variant(color=sheet.readable_on(fill)) for _ in range(3)] if random.random() < 0.5 else []
    )
    numbers = random.random() < 0.2
    columns = max(8, int(width / style.space))
    depth = 0
    for i in range(lines):
        tokens = _code_line(sheet, depth)
        baseline = y + (step + style.capital) / 2
        pen = x + style.space * 4 * depth
        if numbers:
            sheet.canvas.word(style.clean(str(i + 1)), x, baseline, style)
            pen += style.space * 5
        for token in tokens:
            own = random.choice(colors)
            token = own.clean(token)
            if pen + own.width(token) > x + columns * style.space:
                break
            pen = sheet.canvas.word(token, pen, baseline, own) + style.space
        y += step
        depth = min(
            4, max(0, depth + (1 if tokens and tokens[-1].endswith((":", "{")) else random.choice((0, 0, 0, -1))))
        )
    return y + step * 0.8


def _code_line(sheet: Sheet, depth: int) -> list[str]:
    random = sheet.random

    def name() -> str:
        parts = [sheet.source.rare(random).lower() for _ in range(random.choice((1, 1, 2, 2, 3)))]
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
        return [random.choice(("#", "//", "--", "%"))] + sheet.source.run(random, random.randint(3, 9))
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
        return [f"{name()}.{name()}({name()},", f'"{sheet.source.rare(random)}")']
    if form == 7:
        return [random.choice(("import", "from", "use", "#include")), name()]
    if form == 8:
        return ["for", name(), "in", f"{name()}:"]
    if form == 9:
        return [f"{name()}:", f"{number(random)},"]
    if form == 10:
        return sheet.source.run(random, random.randint(3, 10))
    return [name(), random.choice(("=", ":=", "+=")), random.choice((number(random), name(), f'"{name()}"'))]


def figure(sheet: Sheet, x: float, y: float, width: float, bottom: float) -> float:
    """Return a picture, chart, diagram or window with its caption."""
    random = sheet.random
    height = min(bottom - y, width * random.uniform(0.3, 0.8)) - 2 * sheet.body.size
    if height < 6 * sheet.body.size:
        return y
    form = random.choice(("picture", "chart", "diagram", "window"))
    if form == "picture":
        sheet.canvas.image.paste(sheet.picture(round(width), round(height)), (round(x), round(y)))
        if random.random() < 0.4:
            on_picture(sheet, x, y, width, height)
    else:
        {"chart": chart, "diagram": diagram, "window": window}[form](sheet, x, y, width, height)
    return sheet.caption(x, y + height + sheet.body.size * 0.4, width, bottom, "Figure")


def diagram(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """Draw labelled boxes in a grid, joined by lines."""
    random, draw = sheet.random, sheet.canvas.draw
    label = sheet.style(sheet.heading_family, sheet.body_points * random.uniform(0.7, 1.0))
    columns = random.randint(2, max(2, min(5, int(width / (label.size * 8)))))
    rows = random.randint(1, max(1, min(4, int(height / (label.size * 5)))))
    across, down = width / columns, height / rows
    fill = random.choice((None, sheet.near(sheet.background, 60), sheet.color()))
    inside = label.variant(color=sheet.readable_on(fill)) if fill else label
    line = sheet.near(sheet.background, 200)
    round_corners = random.choice((0, 0, label.size))
    for row in range(rows):
        for column in range(columns):
            left, top = x + column * across, y + row * down
            box = (left + across * 0.1, top + down * 0.2, left + across * 0.9, top + down * 0.8)
            middle = top + down / 2
            if column + 1 < columns and random.random() < 0.8:
                draw.line((box[2], middle, box[2] + across * 0.2, middle), line, 2)
            if row + 1 < rows and random.random() < 0.6:
                draw.line((left + across / 2, box[3], left + across / 2, box[3] + down * 0.4), line, 2)
            if random.random() < 0.9:
                draw.rounded_rectangle(box, round_corners, fill, line, 2)
                sheet.paragraph(
                    sheet.phrase(1, 4),
                    box[0] + 4,
                    middle - label.size * 1.2,
                    box[2] - box[0] - 8,
                    box[3],
                    inside,
                    align="center",
                    leading=1.15,
                    emphasis=False,
                )


def window(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """Draw the picture of a program's window: title bar, menu, fields and buttons in small print."""
    random, canvas = sheet.random, sheet.canvas
    draw = canvas.draw
    gray = random.choice((236, 246, 255, 60, 40))
    face, ink = (gray,) * 3, ((20, 20, 20) if gray > 127 else (225, 225, 225))
    bar = random.choice((sheet.color(), sheet.near(face, 60)))
    small = sheet.style(sheet.fonts.family(random, "sans"), max(6.5, sheet.body_points * random.uniform(0.7, 0.9)), ink)
    step = small.size * 2
    draw.rectangle((x, y, x + width, y + height), face, sheet.near(face, 120), 2)
    draw.rectangle((x, y, x + width, y + step), bar)
    title = small.variant(color=sheet.readable_on(bar))
    canvas.line(sheet.phrase(1, 4), x, y + (step + title.capital) / 2, title, align="center", width=width)
    row = y + step
    pad = small.size
    menu = small.variant(tracking=1.0)
    canvas.line(sheet.phrase(4, 8), x + pad, row + (step + small.capital) / 2, menu, width=width - 2 * pad)
    row += step * 1.3
    while row + step * 1.2 < y + height:
        baseline = row + (step * 0.8 + small.capital) / 2
        form = random.randrange(4)
        if form == 0:
            canvas.line(sheet.words(12), x + pad, baseline, small, width=width - 2 * pad)
        elif form == 1:
            begin = canvas.line(sheet.phrase(1, 3), x + pad, baseline, small, width=width * 0.4) + pad
            draw.rectangle((begin, row, x + width - pad, row + step * 0.8), sheet.near(face, 20), sheet.near(face, 90))
            entry = sheet.cell(random.choice(("word", "number", "code")))
            canvas.line(entry, begin + 4, baseline, small, width=x + width - pad - begin - 8)
        elif form == 2:
            begin = x + pad
            for _ in range(random.randint(1, 4)):
                end = canvas.line(sheet.phrase(1, 2), begin + pad, baseline, small, width=width * 0.25) + pad
                if end > x + width - 6 * pad:
                    break
                draw.rounded_rectangle((begin, row, end, row + step * 0.8), 4, None, sheet.near(face, 110), 2)
                begin = end + pad
        else:
            draw.rectangle((x + pad, row + 4, x + pad + small.size, row + 4 + small.size), None, ink, 2)
            canvas.line(sheet.phrase(2, 6), x + 3 * pad, baseline, small, width=width - 4 * pad)
        row += step


def equation(sheet: Sheet, x: float, y: float, width: float, bottom: float) -> float:
    """Return a displayed formula with sub- and superscripts, often numbered."""
    random, canvas = sheet.random, sheet.canvas
    step = sheet.body.size * 2.2
    if y + step > bottom:
        return y
    upright = sheet.body
    italic = upright.variant(face=sheet.body_family.face(random, italic=True))
    baseline = y + (step + upright.capital) / 2
    pen = x + width * random.uniform(0.05, 0.3)
    tag = upright.clean(f"({random.randint(1, 9)}.{random.randint(1, 30)})")
    end = x + width - upright.width(tag) - 2 * upright.size
    for i in range(random.randint(4, 12)):
        if i % 2:
            style, symbol = upright, random.choice("=+\u2212\u00d7<\u2264\u2208/\u2211\u222b")
        elif random.random() < 0.3:
            function = random.choice(("log", "sin", "max", "exp", "f", "P"))
            style, symbol = upright, f"{function}({chr(random.randint(97, 122))})"
        else:
            style = italic
            symbol = chr(random.choice((random.randint(97, 122), random.randint(65, 90), random.randint(945, 969))))
        symbol = style.clean(symbol)
        if pen + style.width(symbol) + 2 * style.size > end:
            break
        pen = canvas.word(symbol, pen, baseline, style)
        if i % 2 == 0 and random.random() < 0.6:
            rise = style.size * random.choice((-0.2, 0.38))
            script = style.variant(size=style.size * 0.68, rise=rise)
            index = script.clean(random.choice(("i", "n", "2", "k", "ij", "0", "t", "T", "-1")))
            pen = canvas.word(index, pen, baseline, script)
        pen += style.space
    if random.random() < 0.6:
        canvas.word(tag, x + width - upright.width(tag), baseline, upright)
    return y + step


def on_picture(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """Draw a line or two over a picture: white on a darkened strip of it, or black on a lightened one."""
    random = sheet.random
    light = random.random() < 0.5
    style = sheet.style(
        sheet.heading_family, random.uniform(10, 22), (255, 255, 255) if light else (0, 0, 0), bold=True
    )
    strip = style.size * 2.8
    top = y + random.random() * max(0.0, height - strip)
    box = tuple(map(round, (x, top, x + width, min(y + height, top + strip))))
    region = sheet.canvas.image.crop(box)
    veil = Image.new("RGB", region.size, (0, 0, 0) if light else (255, 255, 255))
    sheet.canvas.image.paste(Image.blend(region, veil, random.uniform(0.5, 0.8)), box)
    pad = style.size * 0.4
    sheet.paragraph(sheet.phrase(2, 9), x + pad, box[1], width - 2 * pad, box[3], style, align="left", emphasis=False)


def chart(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """Draw bars, lines, points or a pie, with title, axis labels, values and legend."""
    random, canvas = sheet.random, sheet.canvas
    draw = canvas.draw
    label = sheet.style(sheet.body_family, max(6.5, sheet.body_points * random.uniform(0.65, 0.95)))
    series = [sheet.readable_on(sheet.background) for _ in range(random.randint(1, 4))]
    names = [sheet.phrase(1, 2) for _ in series]
    if random.random() < 0.7:
        title = sheet.style(
            sheet.heading_family, sheet.body_points * random.uniform(1, 1.4), bold=random.random() < 0.6
        )
        canvas.line(sheet.phrase(2, 6), x, y + title.size, title, align=random.choice(("left", "center")), width=width)
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
        _pie(sheet, x, y, width, height, label)
        return
    left, base = x + label.size * 4, y + height - label.size * 2
    if base - y < label.size * 3 or width < label.size * 12:
        return
    grid = sheet.near(sheet.background, 60)
    ticks = random.randint(3, 6)
    step = random.choice((1, 2, 5, 10, 20, 25, 50, 100, 250, 1000, 0.5, 0.25))
    for i in range(ticks):
        tick_y = base - (base - y) * i / ticks
        draw.line((left, tick_y, x + width, tick_y), grid, 1)
        text = label.clean(f"{i * step:,g}" + random.choice(("", "", "%", "k", "M")))
        canvas.word(text, left - label.width(text) - label.size * 0.4, tick_y + label.middle, label)
    draw.line((left, y, left, base), sheet.ink, 2)
    draw.line((left, base, x + width, base), sheet.ink, 2)
    groups = random.randint(3, 9)
    span = (x + width - left) / groups
    values = [[random.uniform(0.05, 0.95) * (base - y) for _ in range(groups)] for _ in series]
    for i in range(groups):
        words = random.choice(([sheet.source.rare(random)], [number(random)], [code(random)], sheet.phrase(1, 2)))
        canvas.line(words, left + (i + 0.05) * span, base + label.size * 1.3, label, align="center", width=span * 0.9)
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


def _pie(sheet: Sheet, x: float, y: float, width: float, height: float, label: Style) -> None:
    random, canvas = sheet.random, sheet.canvas
    side = min(width * 0.5, height)
    if side < 6 * label.size:
        return
    cuts = sorted(random.uniform(0, 360) for _ in range(random.randint(2, 6)))
    row = y + label.size * 1.5
    for begin, end in zip(cuts, cuts[1:] + [cuts[0] + 360], strict=True):
        color = sheet.readable_on(sheet.background)
        canvas.draw.pieslice((x, y, x + side, y + side), begin, end, color, sheet.background)
        if row < y + height:
            canvas.draw.rectangle((x + side * 1.1, row - label.size * 0.8, x + side * 1.1 + label.size, row), color)
            words = [*sheet.phrase(1, 3), f"{(end - begin) / 3.6:.1f}%"]
            begin_x = x + side * 1.1 + label.size * 1.5
            canvas.line(words, begin_x, row, label, width=x + width - begin_x)
            row += label.size * 1.7
