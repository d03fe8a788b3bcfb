"""The training losses against plain formulas, term by term."""

import math

import numpy as np
import pytest
import torch

from colpali_demo.training import losses


def random_unit(*shape, seed=0):
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_scores_are_sums_of_maxima_over_real_tokens_only():
    queries, pages = random_unit(3, 5, 8), random_unit(2, 7, 8, seed=1)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]).bool()
    scores = losses.late_interaction_scores(queries, mask, pages)
    for q in range(3):
        for p in range(2):
            expected = sum(max(float(queries[q, t] @ pages[p, v]) for v in range(7)) for t in range(5) if mask[q, t])
            assert float(scores[q, p]) == pytest.approx(expected, abs=1e-5)


def test_in_batch_softmax_is_the_cross_entropy_of_the_own_page():
    scores = torch.tensor([[2.0, 1.0, 0.5], [0.0, 3.0, -1.0]])
    own = torch.tensor([0, 2])
    expected = np.mean(
        [-math.log(math.exp(row[i]) / sum(map(math.exp, row))) for row, i in zip(scores.tolist(), [0, 2], strict=True)]
    )
    assert float(losses.in_batch_softmax(scores, own)) == pytest.approx(expected, rel=1e-5)


def test_pairwise_takes_the_hardest_negative():
    scores = torch.tensor([[2.0, 1.0, 0.5], [0.0, 3.0, -1.0]])
    own = torch.tensor([0, 2])
    expected = (math.log1p(math.exp(1.0 - 2.0)) + math.log1p(math.exp(3.0 + 1.0))) / 2
    assert float(losses.pairwise_hardest(scores, own)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [losses.in_batch_softmax, losses.pairwise_hardest])
def test_pages_that_answer_too_are_no_negatives(loss):
    scores = torch.tensor([[2.0, 9.0, 0.5]])
    without = loss(scores[:, [0, 2]], torch.tensor([0]))
    ignored = loss(scores, torch.tensor([0]), torch.tensor([[False, True, False]]))
    assert float(ignored) == pytest.approx(float(without), rel=1e-6)


def test_every_positive_patch_is_asked_to_beat_all_negatives():
    logits = torch.tensor([[3.0, 1.0, 0.0, -1.0, 5.0]])
    positive = torch.tensor([[True, True, False, False, False]])
    ignore = torch.tensor([[False, False, False, False, True]])
    negatives = math.exp(0.0) + math.exp(-1.0)
    expected = np.mean([-math.log(math.exp(s) / (math.exp(s) + negatives)) for s in (3.0, 1.0)])
    assert float(losses.token_to_patch(logits, positive, ignore)) == pytest.approx(expected, rel=1e-5)


def test_pieces_of_one_cell_are_not_each_others_negatives():
    table = torch.eye(4)
    features = torch.tensor([[2.0, 3.0, 0.0, 0.5], [0.0, 0.0, 1.0, -0.5]]) / losses.PIECE_SCALE
    bias = torch.tensor([0.0, 0.0, 0.0, 0.5])
    cells, pieces = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])
    loss, right = losses.piece_at_cell(features, table, bias, cells, pieces)
    others = math.exp(0.0) + math.exp(1.0)
    first = -math.log(math.exp(2.0) / (math.exp(2.0) + others))
    second = -math.log(math.exp(3.0) / (math.exp(3.0) + others))
    third = -math.log(math.exp(1.0) / (math.exp(1.0) + 3))
    assert float(loss) == pytest.approx((first + second + third) / 3, rel=1e-5)
    assert float(right) == 1.0
