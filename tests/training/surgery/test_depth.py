"""A run goes on with a deeper tower: the same vectors at first, and the new blocks learn."""

import pytest
import torch

from colpali_demo.training.__main__ import main
from colpali_demo.training.model import DEPTHS, build_model
from colpali_demo.training.pretrainer import Pretrainer, to_pixels
from colpali_demo.training.surgery.depth import deepen, depths_of
from tests.training.test_run import example, new_run, processor, trained_run  # noqa: F401  (a fixture)

SHALLOW = (0, 0, 2, 2, 2)


def test_a_deeper_tower_begins_with_the_same_vectors_and_learns(tmp_path, processor):  # noqa: F811
    old, new = trained_run(tmp_path / "old", processor, depths=SHALLOW), new_run(tmp_path / "new", processor)
    deepen(old, new)
    assert (new.seen, new.steps) == (6, 3)
    pixels = to_pixels([example(processor, 7)], torch.device("cpu"))
    for before, after in ((old.trainer, new.trainer), (old.average, new.average)):
        for model in (before, after):
            model.eval()
        before, after = (Pretrainer(getattr(m, "model", m), processor).eval() for m in (before, after))
        with torch.inference_mode():
            torch.testing.assert_close(after.encode_pages(pixels)[1], before.encode_pages(pixels)[1])

    tower = "model.vlm.vision_tower.stages"
    for name in (f"{tower}.3.3.first.weight", f"{tower}.3.0.weight", "model.vlm.language_model.norm.weight"):
        slot, optimizer = old.slots[name], old.optimizers[0 if old.slots[name].ndim == 1 else 1]
        kept = new.optimizers[0 if slot.ndim == 1 else 1].state[new.slots[name]]
        assert optimizer.state[slot] is kept
    block = new.trainer.model.vlm.vision_tower.stages[3][5]
    assert not block.second_norm.weight.any()
    for seed in range(2):
        new.step([example(processor, seed), example(processor, seed + 1)], {})
    assert block.second_norm.weight.all()
    new.save_state()
    assert new_run(tmp_path / "new", processor).seen == 10


def test_blocks_are_counted_and_none_is_dropped(tmp_path, processor):  # noqa: F811
    old, new = new_run(tmp_path / "old", processor), new_run(tmp_path / "new", processor, depths=SHALLOW)
    assert depths_of(old.trainer.state_dict()) == list(DEPTHS)
    assert depths_of(new.average.state_dict()) == list(SHALLOW)
    with pytest.raises(ValueError, match="no place for .*stages.3.5"):
        deepen(old, new)


def test_deepen_writes_a_run_that_goes_on(tmp_path, processor, monkeypatch):  # noqa: F811
    def small(processor, depths=DEPTHS):
        return build_model(processor, width=64, layers=1, embedding_dim=16, depths=depths)

    monkeypatch.setattr("colpali_demo.training.model.build_model", small)
    trained_run(tmp_path / "old", processor, depths=SHALLOW)
    processor.save_pretrained(tmp_path / "processor")
    (tmp_path / "old" / "log.jsonl").write_text('{"seen": 6}\n')
    main(["deepen", *(str(tmp_path / name) for name in ("old", "processor", "new"))])
    assert (tmp_path / "new" / "log.jsonl").read_text() == '{"seen": 6}\n'
    run = new_run(tmp_path / "new", processor)
    assert run.seen == 6
    assert depths_of(run.trainer.state_dict()) == list(DEPTHS)
