"""More residual blocks for the tower of a model that has learned to read with fewer of them."""

from collections import Counter

from colpali_demo.training.run import Run


def deepen(old: Run, new: Run) -> None:
    """Copy everything a run has learned into a run whose tower has more blocks at the end of its stages.

    The scale of a new block's last norm is zero (Goyal et al. 2017, arXiv 1706.02677, section 5.1), so that at first it
    passes on what it gets and both runs' vectors are the same. Raises ValueError if the new tower lacks a block.
    """
    for source, target in ((old.trainer, new.trainer), (old.average, new.average)):
        missing, unexpected = target.load_state_dict(source.state_dict(), strict=False)
        if unexpected:
            raise ValueError(f"the new tower has no place for {unexpected[0]}")
        values = target.state_dict()
        for name in missing:
            if name.endswith("second_norm.weight"):
                values[name].zero_()
    slots = old.slots
    for name, slot in new.slots.items():
        for before, after in zip(old.optimizers, new.optimizers, strict=True):
            if name in slots and slots[name] in before.state:
                after.state[slot] = before.state[slots[name]]
    new.seen, new.steps = old.seen, old.steps


def depths_of(weights: dict) -> list[int]:
    """Count the residual blocks after each stage's convolution in a tower's weights."""
    modules = {tuple(name.split("stages.")[1].split(".")[:2]) for name in weights if "stages." in name}
    counts = Counter(int(stage) for stage, _ in modules)
    return [counts[stage] - 2 for stage in sorted(counts)]  # the strided convolution and its norm stand before them
