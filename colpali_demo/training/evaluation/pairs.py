"""Whether words are close that mean nearly the same: triples of a word, a related and an unrelated one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from colpali_demo import maxsim
from colpali_demo.encoder import Encoder
from colpali_demo.training.evaluation.measures import typed_vectors
from colpali_demo.training.pages.targets import patch_overlap


def meaning(encoder: Encoder, pairs: Path) -> dict[str, float]:
    """Measure in what share of triples "word related unrelated" the word is closer to the related one on a page.

    Compared are the best cosines of the query's typed tokens with the patches that show each.
    """
    right = []
    for triples, patches in pages_of_pairs(encoder, pairs):
        for word, *others in triples:
            query = typed_vectors(encoder, word)
            related, unrelated = (maxsim.similarities(query, patches[other]).max() for other in others)
            right.append(bool(related > unrelated))
    return {"related_closer": float(np.mean(right)), "triples": len(right)}


def pages_of_pairs(encoder: Encoder, pairs: Path) -> Iterator[tuple[list[list[str]], dict[str, torch.Tensor]]]:
    """Yield ten triples "word related unrelated" at a time, and the vectors of the patches that show each word.

    A page shows the related and the unrelated words in large print, one to a cell of a sparse table, in an order drawn
    from a fixed seed.
    """
    lines = [line.split() for line in pairs.read_text().split("\n") if line and not line.startswith("#")]
    rng = np.random.default_rng(0)
    for start in range(0, len(lines), 10):
        triples = lines[start : start + 10]
        shown = sorted({word for triple in triples for word in triple[1:]})
        image, boxes = word_table([shown[i] for i in rng.permutation(len(shown))])
        embedding = encoder.embed_pages([image])[0]
        layout = embedding.layout
        patches = embedding.vectors[layout.patch_vectors]
        yield triples, {word: patches[patch_overlap(boxes[word], layout.rows, layout.cols)[1]] for word in shown}


def word_table(words: list[str]) -> tuple[Image.Image, dict[str, np.ndarray]]:
    """Return a white A4 page with the words in two columns, and each word's box in fractions of the page."""
    width, height, size = 1132, 1600, 44
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    boxes = {}
    for number, word in enumerate(words):
        x, y = 120 + (number % 2) * 520, 120 + (number // 2) * 132
        draw.text((x, y), word, fill="black", font=font)
        boxes[word] = np.array(draw.textbbox((x, y), word, font=font)) / (width, height, width, height)
    return image, boxes
