"""Whether questions find their page, with an encoder whose right answers are known."""

import numpy as np
import pytest
import torch
from PIL import Image

from colpali_demo.encoder import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
from colpali_demo.encoder.layout import patch
from colpali_demo.training.evaluation.answers import Question, answers, place, read_questions
from colpali_demo.training.evaluation.measures import Evaluation
from colpali_demo.training.evaluation.pages import EvaluationPage

VOCABULARY = ["the", "north", "south", "east"]
PAGES = {"a.pdf:1": ["the", "north"], "a.pdf:2": ["south"], "a.pdf:3": ["the", "east"]}


class WordEncoder:
    """A page has a vector for each of its words, a query one for each word typed; a word is a direction."""

    def __init__(self):
        self.words = iter(PAGES.values())

    def embed_pages(self, images):
        vectors = torch.eye(4)[[VOCABULARY.index(word) for word in next(self.words)]]
        return [
            PageEmbedding(vectors, PageLayout(len(vectors), 1, tuple(patch((row, 0)) for row in range(len(vectors)))))
        ]

    def embed_query(self, text):
        words = text.split()
        vectors = torch.eye(4)[[VOCABULARY.index(word) for word in words]]
        tokens = tuple(QueryToken(i, word, "word", i, 0) for i, word in enumerate(words))
        return QueryEmbedding(text, vectors, tokens, tuple(words), (), "", 0)


@pytest.fixture
def evaluation():
    image = Image.new("RGB", (8, 8))
    return Evaluation(
        WordEncoder(), [EvaluationPage(name, image, words, np.zeros((0, 4))) for name, words in PAGES.items()]
    )


def test_a_function_word_that_varies_takes_a_question_to_the_wrong_page(evaluation):
    asked = [Question("a.pdf:2", "question", "the south"), Question("a.pdf:2", "paraphrase", "south")]
    found = answers(evaluation, asked)
    # "the" stands on two pages and not on the one that answers, which only ties with them, and comes after the first.
    assert found["questions"]["hit@1"] == 0 and found["questions"]["hit@5"] == 1
    assert found["questions"]["bm25_hit@1"] == 1  # it leaves "the" out
    assert found["questions"]["function_spread"] == pytest.approx(np.std([1, 0, 1]))
    assert found["questions"]["content_spread"] == pytest.approx(np.std([0, 1, 0]))
    assert found["paraphrases"]["hit@1"] == 1
    assert found["paraphrases"]["function_spread"] == 0  # it has none


def test_a_question_about_a_page_that_is_not_there_is_an_error(evaluation):
    with pytest.raises(ValueError, match="b.pdf:1"):
        answers(evaluation, [Question("b.pdf:1", "question", "north")])


@pytest.mark.parametrize(("scores", "own", "before"), [([1, 2, 3], 2, 0), ([1, 2, 3], 0, 2), ([1, 1, 1], 1, 1)])
def test_pages_with_the_same_score_come_in_their_order(scores, own, before):
    assert place(np.array(scores), own) == before


def test_questions_are_read_from_lines_with_four_parts(tmp_path):
    file = tmp_path / "questions.tsv"
    file.write_text("# a comment\na.pdf\t3\tquestion\tWhere is north?\n")
    assert read_questions(file) == [Question("a.pdf:3", "question", "Where is north?")]
    file.write_text("a.pdf 3 question Where is north?\n")
    with pytest.raises(ValueError, match="tabs"):
        read_questions(file)
