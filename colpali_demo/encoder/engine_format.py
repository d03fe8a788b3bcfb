"""Checkpoints as colpali_engine saves them: a vision language model and a head, under other names than transformers'.

`config.json` is that of the vision language model alone, and nothing in it says that the checkpoint is a retriever.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel

from colpali_demo.encoder.files import CheckpointError

DIMENSION = 128
"""Numbers in a vector of colpali_engine's models, for bases that come without a head."""

HEAD = "embedding_proj_layer"
"""What the models here call the layer that makes the vectors."""

COMPUTED = ("position_ids", "inv_freq")
"""Ends of the names of what a model computes by itself, which old files hold all the same."""


@dataclass(frozen=True)
class EngineFormat:
    """How colpali_engine stores the checkpoints of one family.

    model_type: in their `config.json`
    config: makes the retriever's configuration of that of the vision language model and the length of a vector
    names: (pattern, replacement) for the name of a weight inside the vision language model, in order
    head: what the layer that makes the vectors is called
    """

    model_type: str
    config: Callable[[PreTrainedConfig, int], PreTrainedConfig]
    names: tuple[tuple[str, str], ...] = ()
    head: str = "custom_text_proj"

    def native_name(self, name: str) -> str | None:
        """Return what the model here calls a weight, whichever version saved it; None for one that it does not have.

        That is what generates text, which a retriever never does, and what a model computes by itself.
        """
        name = re.sub(r"^(base_model\.model\.)?(vlm\.)?", "", name)
        if re.match(rf"({self.head}|{HEAD})\.", name):
            return f"{HEAD}.{name.partition('.')[2]}"
        if "lm_head" in name.split(".") or name.endswith(COMPUTED):
            return None
        name = re.sub(r"^(model\.)+", "", name)
        for pattern, replacement in self.names:
            name = re.sub(pattern, replacement, name)
        return f"vlm.{name}"

    def load_model(
        self, model_class: type[PreTrainedModel], folder: Path, config: dict[str, Any], dtype: torch.dtype
    ) -> tuple[PreTrainedModel, list[str]]:
        """Load the model onto the CPU, and the names of the weights that its files lack.

        Raises CheckpointError, with its name, for a weight that the model has no place for.
        """
        weights: dict[str, torch.Tensor] = {}
        for name, tensor in read_weights(folder).items():
            if native := self.native_name(name):
                if native in weights:
                    raise CheckpointError("checkpoint_corrupt", f"The files of `{folder.name}` hold {native} twice.")
                weights[native] = tensor
        head = weights.get(f"{HEAD}.weight")
        dimension = DIMENSION if head is None else len(head)
        vlm = CONFIG_MAPPING[self.model_type].from_dict(config)  # a new configuration each time: models change theirs
        model, report = model_class.from_pretrained(
            None, config=self.config(vlm, dimension), state_dict=weights, dtype=dtype, output_loading_info=True
        )
        if report["unexpected_keys"]:
            first = sorted(report["unexpected_keys"])[0]
            raise CheckpointError(
                "checkpoint_corrupt",
                f"`{folder.name}` holds weights that {model_class.__name__} has no place for, such as {first}.",
            )
        return model, sorted(report["missing_keys"])


def read_weights(folder: Path, pattern: str = "model*.safetensors") -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint by their names in the files. Only safetensors are read: pickles run code."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise CheckpointError(
            "checkpoint_corrupt",
            f"`{folder.name}` holds no weights in safetensors. Others, such as .bin files, can run code when they are "
            "opened: convert them first.",
        )
    return {name: tensor for file in files for name, tensor in load_file(file).items()}
