"""Documents for those who put the demo under load, and what to make of their seconds."""

from __future__ import annotations

import io
import statistics

from reportlab.pdfgen.canvas import Canvas

WORDS = ("revenue", "region", "harvest", "river", "employees", "average", "growth", "winter", "museum", "bridge")


def percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"n": len(seconds), "p50": round(cuts[9], 3), "p95": round(cuts[18], 3)}


def pdf(title: str, pages: int) -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica", 20)
        canvas.drawString(70, 760, f"{title}, page {number}")
        canvas.setFont("Helvetica", 11)
        for line in range(40):
            canvas.drawString(70, 720 - 16 * line, " ".join(WORDS[(line + word) % len(WORDS)] for word in range(9)))
        canvas.showPage()
    canvas.save()
    return data.getvalue()
