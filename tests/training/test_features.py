"""Pages embedded once teach queries, and stay what they were."""

import numpy as np
import torch

from colpali_demo.training.features import feature_batches, from_plain, plain
from colpali_demo.training.model import page_ids
from colpali_demo.training.pretrainer import to_pixels
from tests.training.test_run import example, new_run, processor  # noqa: F401  (a fixture)


def embedded(run, drawn):
    """Give the example features and vectors as the run's model has them."""
    with torch.inference_mode():
        image, vectors = run.trainer.eval().encode_pages(to_pixels([drawn], torch.device("cpu")))
    drawn.features, drawn.vectors = image.pooler_output[0].bfloat16().clone(), vectors[0].half().clone()
    drawn.pixels = None
    return drawn


def test_an_example_is_the_same_after_it_was_written(tmp_path, processor):  # noqa: F811
    drawn = embedded(new_run(tmp_path / "run", processor), example(processor, 0))
    torch.save([[plain(drawn)]], tmp_path / "features-000-0000.pt")
    ((values,),) = torch.load(tmp_path / "features-000-0000.pt", weights_only=True)
    again = from_plain(values)
    assert again.words == drawn.words and again.pixels is None
    np.testing.assert_array_equal(again.word_boxes, drawn.word_boxes)
    np.testing.assert_array_equal(again.piece_ids, drawn.piece_ids)
    assert torch.equal(again.vectors, drawn.vectors) and torch.equal(again.features, drawn.features)


def test_a_step_over_kept_pages_moves_queries_and_holds_pages(tmp_path, processor):  # noqa: F811
    run = new_run(tmp_path, processor, dense_pages=0, questions=4)
    batch = [embedded(run, example(processor, seed)) for seed in range(2)]
    before = {name: value.detach().clone() for name, value in run.trainer.named_parameters()}
    parts = [run.step(batch, {}) for _ in range(3)]
    assert abs(parts[0]["kept"]) < 0.01  # nothing has moved yet but for the rounding
    assert "character" not in parts[0] and "function" in parts[0]
    moved = {name for name, value in run.trainer.named_parameters() if not torch.equal(value, before[name])}
    assert any("embed_tokens" in name for name in moved)
    assert not any("vision_tower" in name for name in moved)
    with torch.no_grad():
        run.trainer.model.embedding_proj_layer.weight.normal_()
    assert run.recall(batch, np.random.default_rng(0))[1]["kept"] > 0.5  # other vectors cost


def test_batches_are_pages_of_a_few_documents(tmp_path, processor):  # noqa: F811
    run = new_run(tmp_path / "run", processor)
    groups = [[plain(embedded(run, example(processor, seed + i))) for i in range(2)] for seed in range(3)]
    torch.save(groups, tmp_path / "features-000-0000.pt")
    batch = next(feature_batches(tmp_path, documents=2, seed=0))
    assert len(batch) == 4
    assert page_ids(processor).shape[1] == len(batch[0].vectors)
