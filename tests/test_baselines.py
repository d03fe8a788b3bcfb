import pytest
import torch

from colpali_demo.baselines import mean_similarity, mean_vector


def test_the_mean_vector_points_where_the_vectors_point_on_average():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert mean_vector(vectors).tolist() == pytest.approx([1 / 5**0.5, 2 / 5**0.5])


def test_one_vector_each_is_the_plain_cosine():
    query, page = torch.tensor([[0.6, 0.8]]), torch.tensor([[1.0, 0.0]])
    assert mean_similarity(query, page) == pytest.approx(0.6)
    # Opposite vectors leave nothing to compare with, and no division by zero.
    assert mean_similarity(query, torch.cat([page, -page])) == 0
