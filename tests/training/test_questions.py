"""Questions are about words of their page, and function words in them have to add the same everywhere."""

import numpy as np
import pytest
import torch

from colpali_demo.training import losses
from colpali_demo.training.pages.targets import Example
from colpali_demo.training.questions import (
    FUNCTION_WORDS,
    adds_the_same,
    content_runs,
    misspelled,
    other_form,
    sample_questions,
)


def example(words):
    nothing = np.zeros((0, 2))
    return Example(None, nothing, nothing[:, 0], nothing, nothing[:, 0], words, np.zeros((len(words), 4)))


def test_runs_of_content_words_end_at_function_words():
    words = ["the", "price", "index", "of", "", "copper", "is", "<unk>", "high"]
    assert content_runs(words) == [["price", "index"], ["copper"], ["high"]]


def test_questions_show_what_they_ask_for_and_other_pages_with_it_answer_too():
    pages = [
        example(["the", "price", "index", "of", "copper", "rose", "in", "may"]),
        example(["a", "price", "index", "and", "the", "copper"]),
    ]
    asked = sample_questions(pages[:1], 200, {}, np.random.default_rng(0))
    assert {query.page for query in asked} == {0}
    texts = [f" {' '.join(page.words)} " for page in pages]
    assert all(query.answered_by(texts[0]) for query in asked)
    assert 0 < sum(query.answered_by(texts[1]) for query in asked) < len(asked)
    assert any(query.text.endswith("?") for query in asked)
    typed = {word.strip("?") for query in asked for word in query.text.split()}
    assert "copper" in typed and typed & FUNCTION_WORDS
    assert len(typed - FUNCTION_WORDS - set(pages[0].words)) > 5  # other forms and slips of the finger


def test_a_page_of_function_words_alone_is_asked_nothing():
    assert sample_questions([example(["the", "of", ""])], 5, {}, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("what is the copper price?", [True, True, True, False, False]),
        ("with", [False]),
        ("to be or not to be", [False] * 6),
        ("copper & tin", [False, True, False]),
    ],
)
def test_function_words_add_the_same_only_beside_others(query, same):
    assert adds_the_same(query.split()) == same


def test_other_forms_and_slips_of_the_finger_keep_the_beginning():
    rng = np.random.default_rng(0)
    for word in ("cities", "walking", "painted", "houses", "study", "move"):
        other = other_form(word, rng)
        assert other != word and other[:3] == word[:3]
        slipped = misspelled(word, rng)
        assert slipped[0] == word[0] and len(slipped) in (len(word) - 1, len(word))


def test_what_function_words_add_varies_less_after_steps_on_that_loss_alone():
    """By gradient descent on the loss, vectors of function words find a direction that all pages have."""
    torch.manual_seed(0)
    pages = torch.nn.functional.normalize(torch.randn(6, 30, 16), dim=-1)
    queries = torch.nn.Parameter(torch.randn(4, 5, 16))
    function = torch.tensor([[True, True, False, False, True]]).expand(4, 5)
    optimizer = torch.optim.Adam([queries], lr=0.05)

    def variances():
        maxima = losses.token_maxima(torch.nn.functional.normalize(queries, dim=-1), pages)
        return [losses.difference_between_pages(maxima, mask) for mask in (function, ~function)]

    before = [variance.item() for variance in variances()]
    for _ in range(60):
        optimizer.zero_grad()
        variances()[0].backward()
        optimizer.step()
    after = [variance.item() for variance in variances()]
    assert after[0] < before[0] / 10
    assert after[1] == pytest.approx(before[1])
