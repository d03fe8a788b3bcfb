"""Vectors by the MultiVectorEncoder of sentence-transformers, of what `compare.py` prepared.

A job is {"folder", "pages", "queries", "out"}: files of images, and queries as they are typed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from sentence_transformers import MultiVectorEncoder

for job in json.loads(Path(sys.argv[1]).read_text()):
    model = MultiVectorEncoder(job["folder"], device="cpu")
    pages = model.encode_document([Image.open(file) for file in job["pages"]])
    queries = model.encode_query(job["queries"])
    found = {f"page {number}": torch.as_tensor(page).contiguous() for number, page in enumerate(pages)}
    found |= {f"query {number}": torch.as_tensor(query).contiguous() for number, query in enumerate(queries)}
    save_file(found, job["out"])
