"""Calls of the API without a session: they share one rate."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from colpali_demo.web.api import add_endpoints
from colpali_demo.web.faults import Refused


def test_too_many_callers_without_a_session_are_refused(sessions, engine, upload):
    with gr.Blocks() as demo:
        add_endpoints(sessions, replace(engine.settings, files_per_minute=1))
    (search_pdf,) = (function.fn for function in demo.fns.values() if function.fn.__name__ == "search_pdf")
    for _ in range(3):  # whoever brings no file keeps nobody else out
        with pytest.raises(Refused, match="Upload a file first"):
            search_pdf(None, "revenue")
        with pytest.raises(Refused, match="Upload a file first"):
            search_pdf({"path": "/etc/hostname"}, "revenue")
    assert search_pdf({"path": upload()}, "revenue")["results"]
    with pytest.raises(Refused, match="Too many requests at once"):
        search_pdf({"path": upload()}, "revenue")
    assert len(sessions) == 0
