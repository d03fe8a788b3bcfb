"""Vectors by colpali_engine, and NeoMME's by transformers with torchvision, of what `compare.py` prepared.

    .venv-references/colpali-engine/bin/python tests/references/reference_vectors.py JOBS.json

Runs in an environment of its own and imports nothing of this package. A job is {"family", "folder", "adapter", "saved",
"pages", "prepared", "queries", "out"}: pages are files of images, `prepared` files of tensors that go into the model as
they are, queries whole strings to be tokenized. With "saved", the weights are drawn here and saved into that folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

# torchvision from PyPI is built for CUDA, and beside a torch for the CPU it does not find the operators that it wants
# to describe. Declaring them is enough: none of them is called.
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from colpali_engine import models  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import NeoMMEForRetrieval, NeoMMEProcessor  # noqa: E402

CLASSES = {
    "ColPali": (models.ColPali, models.ColPaliProcessor),
    "ColQwen2": (models.ColQwen2, models.ColQwen2Processor),
    "ColQwen2.5": (models.ColQwen2_5, models.ColQwen2_5_Processor),
    "ColModernVBERT": (models.ColModernVBert, models.ColModernVBertProcessor),
    "ColIdefics3": (models.ColIdefics3, models.ColIdefics3Processor),
}


@torch.inference_mode()
def vectors(model, inputs) -> torch.Tensor:
    """Return the vectors of one page or query, without padding."""
    return model(**inputs)[0][inputs["attention_mask"][0].bool()].float().contiguous()


def fresh(model_class, folder: str):
    """Build a model whose weights are drawn here."""
    torch.manual_seed(2)
    model = model_class(model_class.config_class.from_pretrained(folder)).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    return model


def answer(job: dict) -> None:
    """Write the vectors of all pages and queries of a job into one file."""
    if job["family"] == "NeoMME":  # which colpali_engine does not have
        answer_with_transformers(job)
        return
    model_class, processor_class = CLASSES[job["family"]]
    if job["saved"]:
        model = fresh(model_class, job["folder"])
        model.save_pretrained(job["saved"])
    else:
        model = model_class.from_pretrained(job["folder"], dtype=torch.float32).eval()
    if job["adapter"]:
        model = PeftModel.from_pretrained(model, job["adapter"]).eval()
    processor = processor_class.from_pretrained(job["folder"])
    found = {}
    for number, file in enumerate(job["pages"]):
        inputs = processor.process_images([Image.open(file)])
        found[f"page {number}"] = vectors(model, inputs)
        found[f"ids of page {number}"] = inputs["input_ids"][0]
    for number, file in enumerate(job["prepared"]):
        found[f"prepared {number}"] = vectors(model, load_file(file))
    for number, text in enumerate(job["queries"]):
        found[f"query {number}"] = vectors(model, processor.process_texts([text]))
    save_file(found, job["out"])


@torch.inference_mode()
def answer_with_transformers(job: dict) -> None:
    """Answer the same by the processor of transformers, which needs torchvision, and its chat template."""
    model = NeoMMEForRetrieval.from_pretrained(job["folder"], dtype=torch.float32).eval()
    processor = NeoMMEProcessor.from_pretrained(job["folder"])
    found = {}
    inputs = [processor(images=[Image.open(file)], return_tensors="pt") for file in job["pages"]]
    for number, text in enumerate(job["queries"]):
        conversation = [[{"role": "user", "content": text}]]
        query = processor.apply_chat_template(
            conversation, task="query", tokenize=True, return_dict=True, return_tensors="pt"
        )
        found[f"query {number}"] = model(**query).embeddings[0].contiguous()
    for number, page in enumerate(inputs):
        found[f"page {number}"] = model(**page).embeddings[0].contiguous()
        found[f"ids of page {number}"] = page["input_ids"][0]
    save_file(found, job["out"])


for job in json.loads(Path(sys.argv[1]).read_text()):
    answer(job)
