"""Training pages drawn on the fly from text and fonts, with the place of every character and word on them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image

from colpali_demo.training.corpus.fonts import FontSet
from colpali_demo.training.corpus.text import TextSource, code, number
from colpali_demo.training.pages import parts
from colpali_demo.training.pages.sheet import Sheet, luminance

__all__ = ["KINDS", "FontSet", "TextSource", "TrainingPage", "make_page"]


@dataclass
class TrainingPage:
    """A page and the text on it. Boxes are left, top, right, bottom as fractions of the image, y down."""

    image: Image.Image
    """RGB, at its natural shape."""
    chars: np.ndarray
    """One row for each visible character in the order drawn: fields `codepoint` (int32), `left`, `top`, `right` and
    `bottom` (float32). The middle of the box lies at half the height of the lower-case letters of its line."""
    words: list[str]
    """The words as drawn: with their punctuation, a hyphenated one in two parts."""
    word_boxes: np.ndarray
    """(words, 4) float32."""
    word_chars: np.ndarray
    """(words, 2) int32: begin and end of each word in `chars`."""


CHAR = np.dtype(
    [("codepoint", np.int32), ("left", np.float32), ("top", np.float32), ("right", np.float32), ("bottom", np.float32)]
)


def make_page(
    rng: np.random.Generator,
    source: TextSource,
    fonts: FontSet,
    *,
    kind: str | None = None,
    difficulty: float = 1.0,
) -> TrainingPage:
    """Draw one page.

    Args:
        kind: one of `KINDS`; drawn by chance if None.
        difficulty: from 0, body text of 14 to 24 points, to 1, mostly 9 to 12 points as in real documents.

    Raises:
        ValueError: there is no such kind.
    """
    random = Random(int(rng.integers(2**63)))
    if kind is None:
        kind = random.choices(list(KINDS), [weight for _, weight, _ in KINDS.values()])[0]
    if kind not in KINDS:
        raise ValueError(f"no kind of page is called {kind!r}; there are {', '.join(KINDS)}")
    draw, _, formats = KINDS[kind]
    sheet = Sheet(random, source, fonts, random.choice(formats), difficulty)
    draw(sheet)
    return _finish(sheet)


def _finish(sheet: Sheet) -> TrainingPage:
    canvas = sheet.canvas
    image = canvas.finish(sheet.random)
    size = np.array([sheet.width, sheet.height] * 2, np.float32)
    word_boxes = np.array(canvas.word_boxes, np.float32).reshape(-1, 4) / size
    word_chars = np.array(canvas.word_chars, np.int32).reshape(-1, 2)
    chars = np.zeros(len(canvas.codepoints), CHAR)
    chars["codepoint"] = canvas.codepoints
    chars["left"] = np.array(canvas.lefts) / sheet.width
    chars["right"] = np.array(canvas.rights) / sheet.width
    lengths = word_chars[:, 1] - word_chars[:, 0]
    chars["top"], chars["bottom"] = word_boxes[:, 1].repeat(lengths), word_boxes[:, 3].repeat(lengths)
    return TrainingPage(image, chars, canvas.words, word_boxes, word_chars)


# Kinds of pages


def _article(sheet: Sheet) -> None:
    """Draw a paper, report, book or newspaper page in one to four columns."""
    random = sheet.random
    sheet.running_heads()
    columns = random.choices((1, 2, 3, 4), (0.5, 0.36, 0.11, 0.03))[0]
    if columns > 1:
        sheet.body = sheet.body.variant(size=min(sheet.body.size, 13 * sheet.pt))
    y = sheet.top
    if random.random() < 0.3:
        y = sheet.heading(sheet.left, y, sheet.right - sheet.left, sheet.bottom, random.uniform(16, 34))
        if random.random() < 0.5:
            names = [sheet.source.rare(random).title() for _ in range(random.randint(2, 8))]
            y = sheet.paragraph(names, sheet.left, y, sheet.right - sheet.left, sheet.bottom, align="center")
        y += sheet.body.size
    if random.random() < 0.15:
        sheet.footnotes()
    share = {
        Sheet.text_block: 0.7,
        Sheet.heading: 0.12,
        Sheet.bullets: 0.04,
        Sheet.quote: 0.02,
        Sheet.note: 0.03,
        parts.figure: 0.04,
        parts.table_block: 0.03,
        parts.equation: 0.02,
    }
    if random.random() < 0.1:
        share[parts.equation] = 0.3
    sheet.flow(share, columns, y)


def _manual(sheet: Sheet) -> None:
    """Draw documentation: short paragraphs, listings, lists, notes, pictures of windows."""
    sheet.running_heads()
    share = {
        Sheet.text_block: 0.43,
        Sheet.heading: 0.16,
        Sheet.bullets: 0.11,
        Sheet.definitions: 0.06,
        Sheet.note: 0.04,
        parts.code_block: 0.13,
        parts.table_block: 0.04,
        parts.figure: 0.03,
    }
    sheet.flow(share, 1 if sheet.random.random() < 0.85 else 2, sheet.top)


def _tables(sheet: Sheet) -> None:
    random = sheet.random
    sheet.running_heads()
    width = sheet.right - sheet.left
    y = sheet.heading(sheet.left, sheet.top, width, sheet.bottom)
    while y + sheet.body.size * 4 < sheet.bottom:
        end = parts.table(sheet, sheet.left, y, width, sheet.bottom, random.randint(4, 50))
        y = end if end > y else y + sheet.body.size
        if random.random() < 0.5:
            y = sheet.text_block(sheet.left, y, width, sheet.bottom)


def _slide(sheet: Sheet) -> None:
    random, canvas = sheet.random, sheet.canvas
    width = sheet.right - sheet.left
    y = sheet.top
    if random.random() < 0.25:
        fill = sheet.color()
        height = sheet.height * random.uniform(0.12, 0.2)
        canvas.draw.rectangle((0, 0, sheet.width, height), fill)
        title = sheet.style(
            sheet.heading_family, random.uniform(22, 36), sheet.readable_on(fill), bold=random.random() < 0.6
        )
        canvas.line(sheet.phrase(2, 6), sheet.left, (height + title.capital) / 2, title, width=width)
        y = height + sheet.body.size
    else:
        y = sheet.heading(sheet.left, y, width, sheet.bottom, random.uniform(22, 44))
    form = random.choice(("bullets", "bullets", "two", "chart", "diagram", "table", "text", "picture"))
    half = width * 0.48
    if form == "bullets":
        while y + sheet.body.size * 2 < sheet.bottom and random.random() < 0.9:
            y = sheet.bullets(sheet.left, y, width, sheet.bottom, words=14) + sheet.body.size * 0.5
    elif form == "two":
        sheet.bullets(sheet.left, y, half, sheet.bottom, words=10)
        random.choice((Sheet.bullets, Sheet.note, parts.figure))(sheet, sheet.right - half, y, half, sheet.bottom)
    elif form in ("chart", "diagram"):
        draw = parts.chart if form == "chart" else parts.diagram
        draw(sheet, sheet.left, y, width, sheet.bottom - y)
    elif form == "table":
        parts.table(sheet, sheet.left, y, width, sheet.bottom, random.randint(3, 12))
    elif form == "text":
        sheet.paragraph(sheet.words(60), sheet.left, y, width, sheet.bottom, align=random.choice(("left", "center")))
    else:
        height = sheet.bottom - y
        canvas.image.paste(sheet.picture(round(half), round(height)), (round(sheet.right - half), round(y)))
        parts.on_picture(sheet, sheet.right - half, y, half, height)
        sheet.bullets(sheet.left, y, half * 0.95, sheet.bottom, words=10)
    if random.random() < 0.6:
        small = sheet.style(sheet.body_family, random.uniform(8, 12))
        align = random.choice(("left", "center", "right"))
        canvas.line(
            [*sheet.phrase(1, 5), str(random.randint(1, 80))],
            sheet.left,
            sheet.height * 0.975,
            small,
            align=align,
            width=width,
        )


def _form(sheet: Sheet) -> None:
    """Draw labels with boxes or lines to fill in, some filled in."""
    random, canvas = sheet.random, sheet.canvas
    sheet.running_heads()
    width = sheet.right - sheet.left
    y = sheet.heading(sheet.left, sheet.top, width, sheet.bottom, random.uniform(14, 24))
    label = sheet.style(sheet.body_family, sheet.body_points * random.uniform(0.75, 1.0), bold=random.random() < 0.3)
    filled_family = sheet.fonts.family(random, random.choice(("mono", "display", "sans", "serif")))
    filled = sheet.style(
        filled_family, sheet.body_points * random.uniform(0.95, 1.2), random.choice((sheet.ink, (20, 30, 140)))
    )
    if luminance(sheet.background) < 128:
        filled = filled.variant(color=sheet.ink)
    boxed, above = random.random() < 0.5, random.random() < 0.5
    row = filled.size * 2.2 + (label.size * 1.3 if above else 0)
    while y + row < sheet.bottom:
        if random.random() < 0.12:
            fill = sheet.color()
            bold = label.variant(color=sheet.readable_on(fill), face=sheet.heading_family.face(random, bold=True))
            canvas.draw.rectangle((sheet.left, y, sheet.right, y + bold.size * 1.8), fill)
            canvas.line(sheet.phrase(1, 5), sheet.left + bold.size * 0.5, y + bold.size * 0.9 + bold.capital / 2, bold)
            y += bold.size * 2.4
            continue
        if random.random() < 0.1:
            y = (
                sheet.paragraph(
                    sheet.words(random.randint(10, 50)), sheet.left, y, width, sheet.bottom, label, emphasis=False
                )
                + label.size
            )
            continue
        if random.random() < 0.1:
            side = label.size
            pen = sheet.left
            while pen < sheet.right - width * 0.2:
                canvas.draw.rectangle((pen, y, pen + side, y + side), outline=sheet.ink, width=2)
                if random.random() < 0.4:
                    canvas.draw.line((pen, y, pen + side, y + side, pen + side, y, pen, y + side), sheet.ink, 2)
                words = sheet.phrase(1, 3)
                pen = canvas.line(words, pen + side * 1.5, y + side * 0.9, label) + side * 2
            y += side * 2.2
            continue
        cells = random.choice((1, 2, 2, 3))
        for i in range(cells):
            left = sheet.left + width * i / cells
            right = left + width / cells - label.size
            words = sheet.cell("words")
            if above:
                canvas.line(words, left, y + label.size, label, width=right - left)
                begin, top = left, y + label.size * 1.4
            else:
                room = (right - left) * 0.45
                begin = canvas.line(words, left, y + filled.size * 1.25, label, width=room) + label.size * 0.6
                top = y
            if boxed:
                canvas.draw.rectangle((begin, top, right, top + filled.size * 1.8), None, sheet.ink, 1)
            else:
                canvas.draw.line((begin, top + filled.size * 1.6, right, top + filled.size * 1.6), sheet.ink, 1)
            if random.random() < 0.7:
                kind = random.choice(("words", "word", "number", "code"))
                room = right - begin - filled.size
                canvas.line(sheet.cell(kind), begin + filled.size * 0.4, top + filled.size * 1.25, filled, width=room)
        y += row


def _chart(sheet: Sheet) -> None:
    random = sheet.random
    sheet.running_heads()
    width = sheet.right - sheet.left
    y = sheet.heading(sheet.left, sheet.top, width, sheet.bottom)
    rows, columns = random.choice(((1, 1), (2, 1), (1, 2), (2, 2), (3, 2)))
    share = random.uniform(0.5, 1)
    height = (sheet.bottom - y) * share / rows
    for row in range(rows):
        for column in range(columns):
            left = sheet.left + width * column / columns
            parts.chart(sheet, left, y + row * height, width / columns - sheet.body.size, height - sheet.body.size)
    sheet.flow({Sheet.text_block: 1.0}, 1, y + rows * height + sheet.body.size)


def _code(sheet: Sheet) -> None:
    sheet.running_heads()
    if sheet.random.random() < 0.5:
        y = sheet.heading(sheet.left, sheet.top, sheet.right - sheet.left, sheet.bottom)
    else:
        y = sheet.top
    parts.listing(sheet, sheet.left, y, sheet.right - sheet.left, sheet.bottom, 100)


def _letter(sheet: Sheet) -> None:
    random, canvas = sheet.random, sheet.canvas
    source, width = sheet.source, sheet.right - sheet.left
    head = sheet.style(sheet.heading_family, random.uniform(12, 26), sheet.accent, bold=random.random() < 0.5)
    canvas.line(
        sheet.phrase(1, 4), sheet.left, sheet.top, head, align=random.choice(("left", "center", "right")), width=width
    )
    small = sheet.style(sheet.body_family, max(6.5, sheet.body_points * 0.8))
    address = [
        source.rare(random).title(),
        number(random),
        source.rare(random).title(),
        code(random),
        f"{source.rare(random).lower()}@{source.rare(random).lower()}.org",
    ]
    canvas.line(
        address,
        sheet.left,
        sheet.top + head.size * 0.9,
        small,
        align=random.choice(("left", "center", "right")),
        width=width,
    )
    y = sheet.top + head.size * 2.5
    step = sheet.body.size * sheet.leading
    for _ in range(random.randint(2, 5)):
        words = [source.rare(random).title() for _ in range(random.randint(1, 3))] + [code(random)] * random.randint(
            0, 1
        )
        canvas.line(words, sheet.left, y, sheet.body)
        y += step
    canvas.line(
        [code(random), *sheet.phrase(1, 2)],
        sheet.left,
        y + step,
        sheet.body,
        align=random.choice(("left", "right")),
        width=width,
    )
    y += 3 * step
    bold = sheet.style(sheet.body_family, sheet.body_points, bold=True)
    y = (
        sheet.paragraph(
            ["Re:", *sheet.phrase(3, 8)], sheet.left, y, width, sheet.bottom, bold, align="left", emphasis=False
        )
        + step
    )
    canvas.line(["Dear", source.rare(random).title() + ","], sheet.left, y, sheet.body)
    y += step
    end = sheet.bottom - 6 * step
    for _ in range(random.randint(2, 6)):
        if y < end:
            y = sheet.text_block(sheet.left, y, width, end) + step * 0.4
    canvas.line(["Yours", "sincerely,"], sheet.left, y + step, sheet.body)
    signature = sheet.style(
        sheet.fonts.family(random, "display"),
        sheet.body_points * random.uniform(1.2, 2),
        (20, 20, 120) if sheet.ink == (0, 0, 0) else sheet.ink,
    )
    canvas.line([source.rare(random).title() for _ in range(2)], sheet.left, y + 3 * step, signature)
    canvas.line([source.rare(random).title(), *sheet.phrase(1, 3)], sheet.left, y + 4.5 * step, sheet.body)
    if random.random() < 0.6:
        canvas.line(
            [*sheet.phrase(2, 6), code(random), code(random)],
            sheet.left,
            sheet.height * 0.97,
            small,
            align="center",
            width=width,
        )


def _invoice(sheet: Sheet) -> None:
    """Draw a bill: sender, addresses, references, a table of items, totals."""
    random, canvas, source = sheet.random, sheet.canvas, sheet.source
    width = sheet.right - sheet.left
    title = sheet.style(sheet.heading_family, random.uniform(18, 34), sheet.accent, bold=random.random() < 0.7)
    word = random.choice(("Invoice", "INVOICE", "Receipt", "Order", "Quotation", "Statement", "Delivery note"))
    canvas.line([word], sheet.left, sheet.top + title.size * 0.6, title, width=width)
    canvas.line(sheet.phrase(1, 3), sheet.left, sheet.top, sheet.body, align="right", width=width)
    y = sheet.top + title.size * 1.8
    step = sheet.body.size * sheet.leading
    bold = sheet.style(sheet.body_family, sheet.body_points, bold=True)
    begins = sheet.left, sheet.left + width * 0.5
    for row in range(random.randint(3, 6)):
        for begin in begins:
            if row == 0:
                canvas.line(random.choice((["Bill", "to"], ["Ship", "to"], sheet.phrase(1, 2))), begin, y, bold)
            elif random.random() < 0.5:
                words = [source.rare(random).title() for _ in range(2)] + [code(random)] * random.randint(0, 1)
                canvas.line(words, begin, y, sheet.body, width=width * 0.47)
            else:
                end = canvas.line(sheet.phrase(1, 2), begin, y, sheet.body, width=width * 0.25)
                canvas.line(
                    [random.choice((code, number))(random)], end + sheet.body.space, y, sheet.body, width=width * 0.2
                )
        y += step
    y = parts.table(sheet, sheet.left, y + step, width, sheet.bottom - 8 * step, random.randint(4, 18)) + step
    for label in ("Subtotal", "Tax", "Shipping", "Total")[random.randint(0, 2) :]:
        style = bold if label == "Total" else sheet.body
        canvas.line([label], sheet.left + width * 0.6, y, style, width=width * 0.2)
        amount = random.choice(("$", "\u20ac", "\u00a3", "")) + f"{random.random() * 10 ** random.randint(2, 5):,.2f}"
        canvas.line([amount], sheet.left + width * 0.75, y, style, align="right", width=width * 0.25)
        y += step * 1.2
    sheet.paragraph(sheet.words(random.randint(8, 40)), sheet.left, y + step, width, sheet.bottom)


def _contents(sheet: Sheet) -> None:
    """Draw a table of contents or an index."""
    random, canvas = sheet.random, sheet.canvas
    sheet.running_heads()
    width = sheet.right - sheet.left
    y = sheet.heading(sheet.left, sheet.top, width, sheet.bottom, random.uniform(14, 28))
    columns = random.choice((1, 1, 1, 2, 3))
    leaders = random.random() < 0.6 and columns == 1
    gutter = sheet.body.size * 1.5
    span = (width - gutter * (columns - 1)) / columns
    bold = sheet.style(sheet.body_family, sheet.body_points, bold=True)
    dot = sheet.body.clean(".")
    page_number = random.randint(1, 20)
    for column in range(columns):
        left, row = sheet.left + column * (span + gutter), y
        chapter = section = 0
        while row + sheet.body.size * sheet.leading * 1.2 < sheet.bottom:
            level = random.choice((0, 1, 1, 1, 2, 2))
            chapter, section = (chapter + 1, 0) if level == 0 else (chapter, section + 1)
            style = bold if level == 0 else sheet.body
            row += style.size * sheet.leading * (1.2 if level == 0 else 1)
            page_number += random.randint(0, 5)
            number_text = style.clean(str(page_number))
            edge = left + span - style.width(number_text)
            begin = left + level * style.size * 1.3
            label = str(chapter) if level == 0 else f"{chapter}.{section}"
            words = [label] * (columns == 1) + sheet.phrase(1, 6 if columns == 1 else 2)
            pen = begin
            for word in map(style.clean, words):
                if pen + style.width(word) + style.size > edge:
                    break
                pen = canvas.word(word, pen, row, style) + style.space
            if leaders and level:
                count = int((edge - pen - style.size) / style.width(dot)) if dot else 0
                if count > 3:
                    canvas.word(dot * count, edge - style.size * 0.5 - count * style.width(dot), row, style)
            canvas.word(number_text, edge if columns == 1 else pen, row, style)


def _poster(sheet: Sheet) -> None:
    """Draw large print over colors and pictures."""
    random, canvas = sheet.random, sheet.canvas
    if random.random() < 0.5:
        picture = sheet.picture(sheet.width, sheet.height)
        light = random.random() < 0.5
        veil = Image.new("RGB", picture.size, (0, 0, 0) if light else (255, 255, 255))
        canvas.image.paste(Image.blend(picture, veil, random.uniform(0.55, 0.8)))
        ink = (255, 255, 255) if light else (0, 0, 0)
    else:
        fill = sheet.color()
        canvas.draw.rectangle((0, 0, sheet.width, sheet.height), fill)
        ink = sheet.readable_on(fill)
    y, width = sheet.top, sheet.right - sheet.left
    align = random.choice(("left", "center", "center", "right"))
    while y < sheet.bottom - 20 * sheet.pt:
        points = random.choice((random.uniform(30, 60), random.uniform(16, 30), random.uniform(10, 18)))
        family = random.choice((sheet.heading_family, sheet.body_family))
        style = sheet.style(
            family, points, ink, bold=random.random() < 0.5, tracking=points * random.choice((0, 0, 0.1))
        )
        words = sheet.phrase(1, 5) if points > 22 else sheet.words(random.randint(5, 60))
        if random.random() < 0.25:
            words = [word.upper() for word in words]
        y = sheet.paragraph(words, sheet.left, y, width, sheet.bottom, style, align=align, emphasis=False, leading=1.15)
        y += points * sheet.pt * random.uniform(0.2, 1.5)


def _words(sheet: Sheet) -> None:
    """Single words of any size, in rows as tight as print sets them: as in glossaries, indexes, clouds of words."""
    random, canvas = sheet.random, sheet.canvas
    y = sheet.top
    while True:
        points = math.exp(random.uniform(math.log(7), math.log(36)))
        family = random.choice((sheet.heading_family, sheet.body_family, sheet.body_family))
        style = sheet.style(family, points, bold=random.random() < 0.3)
        gap, leading = random.uniform(0.3, 2) * style.size, random.uniform(1.1, 1.7) * style.size
        for _ in range(random.randint(1, round(200 / points))):
            y += leading
            if y > sheet.bottom:
                return
            x = sheet.left
            while x < sheet.right:
                word = sheet.source.rare(random, listed=0.7)
                word = random.choice((word, word, word.title(), word.upper() if points < 30 else word))
                x = canvas.line([word], x, y, style, width=sheet.right - x) + gap


_PORTRAIT = ("a4", "a4", "a4", "letter", "letter", "a5")
_ANY = (*_PORTRAIT, "a4 landscape", "letter landscape")
# How to draw each kind of page, how often it is chosen, and its formats. Single words, of which documents hardly
# consist, are drawn for training only, by their name.
KINDS: dict[str, tuple[Callable[[Sheet], None], float, tuple[str, ...]]] = {
    "article": (_article, 0.34, _PORTRAIT),
    "manual": (_manual, 0.2, _PORTRAIT),
    "table": (_tables, 0.09, _ANY),
    "slide": (_slide, 0.11, ("16:9", "16:9", "4:3", "a4 landscape", "square")),
    "form": (_form, 0.05, _ANY),
    "chart": (_chart, 0.05, _ANY),
    "code": (_code, 0.04, _ANY),
    "letter": (_letter, 0.04, _PORTRAIT),
    "invoice": (_invoice, 0.03, _PORTRAIT),
    "contents": (_contents, 0.05, _PORTRAIT),
    "poster": (_poster, 0.03, (*_ANY, "square", "16:9")),
    "words": (_words, 0.0, (*_ANY, "square", "16:9")),
}
