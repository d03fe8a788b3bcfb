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
    scores = losses.late_interaction_scores(losses.token_maxima(queries, pages), mask)
    for q in range(3):
        for p in range(2):
            expected = sum(max(float(queries[q, t] @ pages[p, v]) for v in range(7)) for t in range(5) if mask[q, t])
            assert float(scores[q, p]) == pytest.approx(expected, abs=1e-5)


def test_tokens_nobody_typed_are_asked_to_add_the_same_to_every_page():
    maxima = torch.tensor([[[1.0, 5.0, 2.0], [3.0, 9.0, 4.0]], [[4.0, 0.0, 0.0], [4.0, 7.0, 6.0]]])
    untyped = torch.tensor([[True, False, True], [True, False, False]])
    assert float(losses.difference_between_pages(maxima, untyped)) == pytest.approx(((7 - 3) ** 2 / 4 + 0) / 2)
    assert float(losses.difference_between_pages(maxima[:, :1], untyped)) == 0


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


def test_every_occurrence_is_asked_to_beat_all_negatives_by_what_its_patches_have_together():
    logits = torch.tensor([[3.0, 1.0, 0.0, -1.0, 5.0], [0.0, 2.0, 1.0, 0.5, 0.25]], requires_grad=True)
    # Token 0 has an occurrence on vectors 0 and 1 and another on 1 alone; token 1 has one, on vector 3.
    shown = torch.tensor([[0, 0, 0, 1], [0, 1, 1, 3], [0, 0, 1, 2]])
    excluded = torch.tensor([[True, True, False, False, True], [False, False, False, True, False]])
    loss = losses.token_to_patch(logits, shown, excluded)
    e = math.exp

    def of(positive: float, negative: float) -> float:
        return -math.log(positive / (positive + negative))

    negatives = e(0.0) + e(-1.0)
    first = (of(e(3.0) + e(1.0), negatives) + of(e(1.0), negatives)) / 2
    second = of(e(0.5), e(0.0) + e(2.0) + e(1.0) + e(0.25))
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)
    loss.backward()
    assert logits.grad[0, 4] == 0.0  # a sliver is neither asked nor held against the token
    assert logits.grad[0, 0] < 0 < logits.grad[1, 1]


def test_pieces_of_one_cell_are_not_each_others_negatives():
    table = torch.eye(4)
    features = torch.tensor([[2.0, 3.0, 0.0, 0.5], [0.0, 0.0, 1.0, -0.5]])
    bias = torch.tensor([0.0, 0.0, 0.0, 0.5])
    cells, pieces = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])
    loss, right = losses.piece_at_cell(features, table, bias, cells, pieces, torch.tensor([True, True, True]))
    others = math.exp(0.0) + math.exp(1.0)
    first = -math.log(math.exp(2.0) / (math.exp(2.0) + others))
    second = -math.log(math.exp(3.0) / (math.exp(3.0) + others))
    third = -math.log(math.exp(1.0) / (math.exp(1.0) + 3))
    assert float(loss) == pytest.approx((first + second + third) / 3, rel=1e-5)
    assert float(right) == 1.0
    loss, _ = losses.piece_at_cell(features, table, bias, cells, pieces, torch.tensor([True, False, True]))
    assert float(loss) == pytest.approx(
        (first + third) / 2, rel=1e-5
    )  # one that is not asked for is there all the same


def test_a_piece_is_sought_among_all_cells_but_those_around_it():
    features, table = torch.zeros(2 * 16, 2), torch.eye(2)
    features[5] = torch.tensor([2.0, 0.0])  # piece 0 stands here, on the first page
    features[6] = torch.tensor([9.0, 0.0])  # its end
    features[16 + 15] = torch.tensor([1.0, 3.0])  # piece 1 stands here, on the second page
    features[3] = torch.tensor([0.0, 4.0])
    loss, found = losses.cell_of_piece(features, table, torch.tensor([5, 31]), torch.tensor([0, 1]), (4, 4))
    # Of 32 cells, piece 0 leaves out its own and eight around it, piece 1 in its corner its own and three.
    first = math.log(math.exp(2.0) + math.exp(1.0) + 22) - 2.0
    second = math.log(math.exp(3.0) + math.exp(4.0) + 27) - 3.0
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)
    assert float(found) == 0.0  # the best cell of piece 0 is its end, that of piece 1 is elsewhere

    # In two rows of eight cells piece 0, in the second one, leaves out six, and piece 1 in its corner four as before.
    loss, _ = losses.cell_of_piece(features, table, torch.tensor([9, 31]), torch.tensor([0, 1]), (2, 8))
    first = math.log(1.0 + math.exp(2.0) + math.exp(9.0) + math.exp(1.0) + 23)
    second = math.log(math.exp(3.0) + math.exp(4.0) + 27) - 3.0
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_alignment_is_with_what_sets_a_row_apart():
    generator = torch.Generator().manual_seed(0)
    table = (torch.randn(6, 4, generator=generator) + 3).requires_grad_()
    vectors = torch.nn.functional.normalize(torch.randn(3, 4, generator=generator), dim=1).requires_grad_()
    ids = torch.tensor([5, 0, 5])
    apart = table.detach().numpy() - table.detach().numpy().mean(axis=0)
    own = torch.from_numpy(apart / np.linalg.norm(apart, axis=1, keepdims=True))
    cosines = [float(vectors[n].detach() @ own[id]) for n, id in enumerate(ids)]
    loss = losses.alignment(vectors, table, ids)
    assert loss.item() == pytest.approx(1 - np.mean(cosines), abs=1e-6)
    loss.backward()
    assert vectors.grad.abs().sum() > 0
    assert table.grad is None
    assert losses.alignment(own[ids], table, ids).item() == pytest.approx(0, abs=1e-6)
    assert losses.alignment(vectors[:0], table, ids[:0]).item() == 0
