"""The evaluation's rules on made-up encoders whose right answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from colpali_demo.encoder import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
from colpali_demo.encoder.layout import patch, prompt_token
from colpali_demo.training.evaluation import evaluate, measures, pairs
from colpali_demo.training.evaluation.pages import EvaluationPage

VOCABULARY = ["north", "south", "east", "west"]
ROWS, COLS = 2, 3


class OneHotEncoder:
    """Knows four words. A page's patch vectors come from a list; a query is `<bos>` and one token for each word."""

    def __init__(self, patches):
        self.patches = patches

    def embed_pages(self, images):
        slots = tuple(patch((r, c)) for r in range(ROWS) for c in range(COLS)) + (prompt_token("<bos>"),)
        return [PageEmbedding(self.patches, PageLayout(ROWS, COLS, slots)) for _ in images]

    def embed_query(self, text):
        words = text.split()
        vectors = torch.stack([torch.zeros(5), *(torch.eye(5)[VOCABULARY.index(word)] for word in words)])
        tokens = [QueryToken(0, "<bos>", "bos", None, 0)]
        tokens += [QueryToken(i + 1, word, "word", i, 1) for i, word in enumerate(words)]
        return QueryEmbedding(text, vectors, tuple(tokens), tuple(words), (), "", 0)


def page(words, boxes):
    return EvaluationPage("page", Image.new("RGB", (30, 20)), words, np.array(boxes, np.float32))


NORTH_IN_FIRST_PATCH = (0.02, 0.1, 0.3, 0.3)


def pointing(patches):
    evaluation = measures.Evaluation(OneHotEncoder(patches), [page(["north"], [NORTH_IN_FIRST_PATCH])])
    return evaluation.pointing(np.random.default_rng(0))


def test_pointing_hits_on_the_patch_and_nowhere_else():
    for vector in range(ROWS * COLS + 1):
        patches = torch.zeros(ROWS * COLS + 1, 5)
        patches[vector, VOCABULARY.index("north")] = 1
        found = pointing(patches)
        assert found["pointing"] == (1.0 if vector == 0 else 0.0)  # the last vector is a text slot: a miss
        assert found["chance"] == pytest.approx(1 / 7)


@pytest.mark.parametrize(
    ("scores", "relevant", "recall", "ndcg"),
    [
        ([3.0, 2.0, 1.0], [True, False, False], 1.0, 1.0),
        ([1.0, 2.0, 3.0], [True, False, False], 0.0, 0.5),
        ([1.0, 1.0, 1.0], [False, True, False], 0.0, 1 / np.log2(3)),
        ([3.0, 2.0, 1.0], [True, True, False], 1.0, 1.0),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], [False] * 5 + [True], 0.0, 0.0),
    ],
)
def test_rank_measures(scores, relevant, recall, ndcg):
    assert measures.rank_measures(np.array(scores), np.array(relevant)) == pytest.approx((recall, ndcg))


def test_phrases_are_found_by_a_perfect_reader_and_by_bm25():
    texts = [["north", "south", "north", "south", "north"], ["east", "west", "east", "west", "east"]]
    embeddings = [torch.eye(5)[[VOCABULARY.index(w) for w in text] + [4, 4]] for text in texts]
    pages = [page(text, [NORTH_IN_FIRST_PATCH] * 5) for text in texts]
    encoder = OneHotEncoder(None)
    encoder.embed_pages = lambda images: [SimpleNamespace(vectors=embeddings.pop(0), layout=None)]
    found = measures.Evaluation(encoder, pages).retrieval(np.random.default_rng(0))
    assert found["recall@1"] == found["ndcg@5"] == 1.0
    assert found["pages"] == 2 and found["phrases"] == 4


@pytest.mark.parametrize(
    ("before", "after", "lost"), [(0.8, 0.6, 0.25), (0.5, 0.6, -0.2), (0.5, 0.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.1, 0.0)]
)
def test_what_rescanning_loses_is_a_share_of_what_there_was(before, after, lost):
    assert evaluate.share_lost(before, after) == pytest.approx(lost)


def test_the_word_table_puts_ink_into_the_boxes():
    image, boxes = pairs.word_table(VOCABULARY)
    pixels = np.asarray(image.convert("L"))
    for left, top, right, bottom in boxes.values():
        box = pixels[round(top * 1600) : round(bottom * 1600), round(left * 1132) : round(right * 1132)]
        assert box.min() < 50


@pytest.mark.parametrize(
    ("pointed", "share", "level"),
    [
        (0.8, 0.75, "reads"),
        (0.8, 0.5, "large_print"),
        (0.6, 0.9, "large_print"),
        (0.6, 0.1, "sketch"),
        (0, 0, "sketch"),
    ],
)
def test_what_the_app_says_follows_the_gates(pointed, share, level):
    assert evaluate.reading({"real": {"pointing": pointed, "recall_share": share}})["level"] == level
