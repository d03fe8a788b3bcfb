"""Small PDFs written by hand, sound and hostile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

FONT = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
BLACK_SQUARE = b"100 100 200 200 re f"


@dataclass(frozen=True)
class Content:
    """What a page draws, with entries for its resource dictionary and further objects (numbered from 1000)."""

    operators: bytes
    resources: bytes = b""
    objects: dict[int, bytes] = field(default_factory=dict)


def write_pdf(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF with these objects, and object 1 as its catalog."""
    data = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, body in objects.items():
        offsets[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table, size = len(data), max(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        data += b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 00000 f \n"
    data += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, table)
    return bytes(data)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def pages_pdf(
    contents: Sequence[bytes | Content],
    *,
    box: bytes = b"0 0 612 792",
    attributes: bytes = b"",
    font: bytes = FONT,
) -> bytes:
    """Return one page for each content, all with the same media box; `attributes` go into each page's dictionary."""
    contents = [content if isinstance(content, Content) else Content(content) for content in contents]
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>"}
    kids = range(3, 3 + 2 * len(contents), 2)
    for number, content in zip(kids, contents, strict=True):
        resources = font + content.resources
        objects[number] = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %d 0 R/Resources<<%s>>%s>>" % (
            box,
            number + 1,
            resources,
            attributes,
        )
        objects[number + 1] = stream(content.operators)
        objects |= content.objects
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(contents), b" ".join(b"%d 0 R" % kid for kid in kids))
    return write_pdf(objects)


def text(words: str, x: float = 72, y: float = 700, size: float = 24, matrix: str = "1 0 0 1") -> bytes:
    """Draw words in Helvetica from (x, y); `matrix` holds the four numbers that turn or scale them."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {matrix} {x} {y} Tm ({escaped}) Tj ET\n".encode("cp1252")


def self_drawing_form() -> Content:
    """Return a form that draws itself ten times over, which takes memory without end."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 1000 0 R>>>>"
    return Content(b"/X Do", b"/XObject<</X 1000 0 R>>", {1000: stream(b"q /X Do Q " * 10, entries)})


def exponential_forms() -> Content:
    """Return twelve forms, each drawing the next ten times: a million million squares."""
    forms = {
        1000 + i: stream(
            b"q /X Do Q " * 10,
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (1001 + i),
        )
        for i in range(12)
    }
    forms[1012] = stream(b"0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    return Content(b"/X Do", b"/XObject<</X 1000 0 R>>", forms)


def slow_shading() -> Content:
    """Return a shading that takes hours, because each pixel runs a long program."""
    program = b"{" + b" sin cos exch" * 6000 + b" pop }"
    function = stream(program, b"/FunctionType 4/Domain[0 612 0 792]/Range[0 1]")
    shading = b"/Shading<</S<</ShadingType 1/ColorSpace/DeviceGray/Domain[0 612 0 792]/Function 1000 0 R>>>>"
    return Content(b"/S sh", shading, {1000: function})


def nested_filters() -> bytes:
    """Return a page whose content is under 1 kB, and 70 MB once unpacked twice."""
    packed = zlib.compress(zlib.compress(b"0 0 m 9 9 l S " * 5_000_000))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"
    return write_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: page,
            4: stream(packed, b"/Filter[/FlateDecode/FlateDecode]"),
        }
    )


def object_stream_bomb() -> bytes:
    """Return a page whose font lies in an object stream of 3 kB that unpacks to 300 MB."""
    body = b"10 0 " + b" " * 300_000_000
    packed = zlib.compress(zlib.compress(body, 1), 9)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 10 0 R>>>>>>",
        4: stream(text("1")),
        5: stream(packed, b"/Type/ObjStm/N 1/First 5/Filter[/FlateDecode/FlateDecode]"),
    }
    return xref_stream_pdf(objects, {10: (5, 0)})


def xref_stream_pdf(objects: dict[int, bytes], packed: dict[int, tuple[int, int]]) -> bytes:
    """Return a PDF with a cross-reference stream: `packed` objects lie in the object stream (number, index)."""
    data = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    entries = {0: (0, 0, 65535)}
    for number, body in objects.items():
        entries[number] = (1, len(data), 0)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    entries |= {number: (2, *place) for number, place in packed.items()}
    table = max(entries) + 1
    entries[table] = (1, len(data), 0)
    rows = b"".join(struct.pack(">BIH", *entries.get(number, (0, 0, 0))) for number in range(table + 1))
    body = stream(rows, b"/Type/XRef/Size %d/W[1 4 2]/Root 1 0 R" % (table + 1))
    return bytes(data + b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, body, len(data)))


def giant_image() -> Content:
    """Return an image of 60,000 x 60,000 pixels (10 GB in RGB) whose data is a few bytes."""
    entries = (
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8"
        b"/Filter/FlateDecode"
    )
    return Content(
        b"q 600 0 0 700 0 0 cm /I Do Q", b"/XObject<</I 1000 0 R>>", {1000: stream(zlib.compress(bytes(9)), entries)}
    )


def nested_operators(depth: int = 500_000) -> bytes:
    """Return graphics states, arrays and dictionaries opened half a million deep."""
    return b"q " * depth + b"[" * depth + b"<<" * depth + BLACK_SQUARE


def nested_page_tree(depth: int = 5_000) -> bytes:
    """Return a page below thousands of page tree nodes, one in the other."""
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>"}
    for number in range(2, depth):
        objects[number] = b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % (number + 1)
    objects[depth] = b"<</Type/Page/MediaBox[0 0 612 792]>>"
    return write_pdf(objects)
