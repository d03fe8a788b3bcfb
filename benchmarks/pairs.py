"""Where related words come apart: in the table of subwords, in queries, or on pages.

    python benchmarks/pairs.py [--model tiny]

`colpali_demo.training evaluate` says in how many triples "word related unrelated" the query is closer to the related
word on a page. Here the same triples are compared step by step between there and the rows of the table that a
checkpoint's language model gets its subwords from, each taken to the space of the vectors. "query, reading" has,
in place of every patch's vector, the mean of the rows, each weighted with how likely a softmax over the patch's cosines
with all of them makes it. And how many of the words are read: of some patch that shows the word, the nearest of all
rows is a subword of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch.nn.functional import normalize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colpali_demo import load_encoder, maxsim
from colpali_demo.encoder import Encoder
from colpali_demo.training.evaluation.measures import typed_vectors
from colpali_demo.training.evaluation.pairs import pages_of_pairs
from colpali_demo.training.model import without_layers

# Cosines are multiplied by this in the softmax; colpali-tiny's runs 11 and 12 ended with 52 and 34.
INVERSE_TEMPERATURE = 45.0
PAIRS = Path(__file__).resolve().parents[1] / "colpali_demo" / "training" / "evaluation" / "pairs.txt"


def table_rows(encoder: Encoder) -> torch.Tensor:
    """Return the table of subwords as vectors, (subwords, dim): past the last norm, through ColPali's head."""
    model, embedding = encoder.model, encoder.model.get_input_embeddings()
    with torch.inference_mode():
        return without_layers(model, embedding.weight[: encoder.processor.image_token_id] * embedding.embed_scale)


def main() -> None:
    """Print in how many of the triples the related word is closer, for each way to compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny", help='"tiny" or a folder with a ColPali (default: tiny)')
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="lines of three words (default: the project's)")
    given = parser.parse_args()
    encoder = load_encoder(given.model, device="cpu", dtype="float32")
    rows, tokenizer = table_rows(encoder), encoder.processor.tokenizer

    def pieces(word: str) -> list[int]:
        return tokenizer(f" {word}", add_special_tokens=False)["input_ids"]

    right: dict[str, list[bool]] = {}
    read: dict[str, bool] = {}
    for triples, patches in pages_of_pairs(encoder, given.pairs):
        readings = {}
        for word, vectors in patches.items():
            cosines = maxsim.similarities(vectors, rows)
            read[word] = not set(cosines.argmax(dim=1).tolist()).isdisjoint(pieces(word))
            readings[word] = normalize((INVERSE_TEMPERATURE * cosines).softmax(dim=1) @ rows, dim=1)
        for word, *others in triples:
            query = typed_vectors(encoder, word)
            for name, one, two in (
                ("row, rows", rows[pieces(word)], [rows[pieces(other)] for other in others]),
                ("query, queries", query, [typed_vectors(encoder, other) for other in others]),
                ("query, rows", query, [rows[pieces(other)] for other in others]),
                ("query, reading", query, [readings[other] for other in others]),
                ("row, page", rows[pieces(word)], [patches[other] for other in others]),
                ("query, page", query, [patches[other] for other in others]),
            ):
                related, unrelated = (maxsim.similarities(one, vectors).max() for vectors in two)
                right.setdefault(name, []).append(bool(related > unrelated))
    for name, values in right.items():
        print(f"{name:15}  related word closer in {sum(values) / len(values):.3f} of {len(values)} triples")
    print(f"{len(read)} words in large print: {sum(read.values()) / len(read):.3f} read")


if __name__ == "__main__":
    main()
