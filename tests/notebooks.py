"""Notebooks run as Jupyter runs them: in a process of their own, cell by cell, outputs kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


def run_notebook(path: Path, folder: Path, environment: dict[str, str], **parameters: Any) -> nbformat.NotebookNode:
    """Run a notebook in a folder; returns it with its outputs. A cell that fails raises CellExecutionError.

    parameters: what is set after the cell that is tagged "parameters", as papermill does it
    """
    notebook = nbformat.read(path, as_version=4)
    for place, cell in enumerate(notebook.cells):
        if parameters and "parameters" in cell.metadata.get("tags", ()):
            lines = [f"{name} = {value!r}" for name, value in parameters.items()]
            notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines)))
            break
    kernel = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / ".ipython"), **environment}
    with patch.dict(os.environ, kernel):
        return NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()


def shown(notebook: nbformat.NotebookNode, mime: str) -> list[str]:
    """What the cells show of a kind, such as text/html, in their order."""
    return [
        output.data[mime]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if mime in output.get("data", {})
    ]
