"""Pages embedded once, for runs in which only queries learn: `python -m colpali_demo.training features`.

Drawing a page and embedding it takes a hundred times as long as a query does. With the pages' vectors on disk a step
sees many queries, and beside each page others of its document, from which a question has to tell it. The language model
is that of pages, too: from the tower's features one page a step is embedded anew and compared with what it was.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from colpali_demo.encoder import Encoder
from colpali_demo.training.batches import WORDS_SHARE, PageStream
from colpali_demo.training.corpus.fonts import FontSet
from colpali_demo.training.model import page_ids
from colpali_demo.training.pages.degrade import degrade
from colpali_demo.training.pages.drawn import TextSource, make_page
from colpali_demo.training.pages.pdf import PdfPages
from colpali_demo.training.pages.targets import Example, make_example, searchable

GROUP = 4  # pages of one document
GROUPS = 8  # a file


def collect(encoder: Encoder, stream: PageStream, groups: int, out: Path) -> None:
    """Write the examples of `groups` documents to `out`, with features in place of pixels, a few documents a file."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = document_groups(stream)
    for number in range(-(-groups // GROUPS)):
        found = [[with_features(encoder, example) for example in next(drawn)] for _ in range(GROUPS)]
        file = out / f"features-{stream.seed:03}-{number:04}.pt"
        torch.save([[plain(example) for example in group] for group in found], file.with_suffix(".new"))
        file.with_suffix(".new").rename(file)


def document_groups(stream: PageStream) -> Iterator[list[Example]]:
    """Yield groups of a few pages without end: of one PDF each, or drawn one by one."""
    rng = np.random.default_rng((stream.seed, 0))
    source, fonts, pdfs = TextSource(stream.text), FontSet(stream.fonts), PdfPages(stream.pdfs)

    def draw():
        kind = "words" if rng.random() < WORDS_SHARE else None
        return make_page(rng, source, fonts, kind=kind, difficulty=stream.difficulty)

    while True:
        pages = pdfs.make_pages(rng, GROUP) if rng.random() < stream.pdf_share else [draw() for _ in range(GROUP)]
        examples = [make_example(degrade(page, rng), stream.tokenizer, stream.size) for page in pages]
        examples = [e for e in examples if len(e.piece_ids) >= 5 and any(map(searchable, e.words))]
        if len(examples) > 1:
            yield examples


@torch.inference_mode()
def with_features(encoder: Encoder, example: Example) -> Example:
    """Return the example with features and vectors in place of its pixels."""
    pixels = torch.from_numpy(example.pixels.copy()).permute(2, 0, 1)[None].float().div_(127.5).sub_(1.0)
    pixels = pixels.to(encoder.model.device, encoder.model.dtype, memory_format=torch.channels_last)
    image = encoder.model.vlm.get_image_features(pixels)
    return with_vectors(
        encoder, replace(example, pixels=None, features=image.pooler_output[0].cpu().bfloat16().clone())
    )


@torch.inference_mode()
def with_vectors(encoder: Encoder, example: Example) -> Example:
    ids = page_ids(encoder.processor).to(encoder.model.device)
    image = BaseModelOutputWithPooling(
        pooler_output=example.features[None].to(encoder.model.device, encoder.model.dtype)
    )
    vectors = encoder.model(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        token_type_ids=torch.zeros_like(ids),
        mm_encoder_outputs={"image": image},
        use_cache=False,
    ).embeddings[0]
    return replace(example, vectors=vectors.cpu().half().clone())


def load(folder: Path) -> list[list[Example]]:
    """Return the groups of all files in `folder`; features stay on disk until they are used."""
    files = sorted(folder.glob("features-*.pt"))
    groups = [group for file in files for group in torch.load(file, map_location="cpu", mmap=True)]
    return [[from_plain(values) for values in group] for group in groups]


def plain(example: Example) -> dict:
    """Return the example's parts, arrays as tensors: torch loads them without unpickling objects."""
    values = {name: value for name, value in vars(example).items() if value is not None}
    return {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in values.items()}


def from_plain(values: dict) -> Example:
    arrays = {
        name: value.numpy() if isinstance(value, torch.Tensor) and name not in ("features", "vectors") else value
        for name, value in values.items()
    }
    return Example(**{"pixels": None, **arrays})


def feature_batches(folder: Path, documents: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches of `documents` groups without end; files that came since the last round are taken in."""
    rng = np.random.default_rng((seed, 2))
    while True:
        groups = load(folder)
        order = rng.permutation(len(groups))
        for start in range(0, len(order) - documents + 1, documents):
            yield [example for place in order[start : start + documents] for example in groups[place]]
