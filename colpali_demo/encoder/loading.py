"""From the name of a checkpoint to an encoder: which device, which precision, and what can go wrong on the way."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedModel

from colpali_demo.encoder import adapters
from colpali_demo.encoder.checkpoints import Checkpoint, DownloadProgress, find_checkpoint
from colpali_demo.encoder.encoder import Encoder, is_out_of_memory
from colpali_demo.encoder.files import CheckpointError
from colpali_demo.encoder.precision import has_bfloat16, load_faster
from colpali_demo.encoder.prefixes import QueryPrefix, prefix_of
from colpali_demo.memory import keep_freed_memory
from colpali_demo.settings import Settings


def load_encoder(
    name: str = "auto",
    *,
    adapter: str | None = None,
    prefix: str | None = None,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    download: bool = False,
    progress: DownloadProgress | None = None,
) -> Encoder:
    """Load a checkpoint of any family: "auto", "tiny", a folder or a Hub id (see `find_checkpoint`).

    `adapter` names a LoRA adapter to add to its weights. `prefix` is what the checkpoint's queries were trained with,
    where it does not say so itself (see `model_info["prefix_doubted"]`).
    Without a `device` it is what `COLPALI_DEVICE` says, else the first of cuda, mps and cpu that there is. Without a
    `dtype` it is what `COLPALI_DTYPE` says, else bfloat16 on cuda and mps (the activations of Gemma overflow float16),
    float32 on a cpu, and on a cpu with instructions for bfloat16 the one of both that is faster (see `precision`).
    Nothing is downloaded unless `download` is True; `progress(done, total)` is called with the bytes so far. Raises
    CheckpointError for whatever makes the checkpoint unusable, and ValueError for a device that this machine does not
    have or a dtype that does not exist.
    """
    settings = Settings.from_env()
    checkpoint = find_checkpoint(name, adapter=adapter, download=download, progress=progress)
    device = _device(device or settings.device)
    dtype = settings.dtype if dtype is None else dtype
    load = partial(_load, checkpoint, device, prefix)
    if dtype != "auto":
        return load(_dtype(dtype))
    if device.type != "cpu":
        return load(torch.bfloat16)
    if not has_bfloat16():
        return load(torch.float32)
    return load_faster(checkpoint.folder, load)


def _load(checkpoint: Checkpoint, device: torch.device, prefix: str | None, dtype: torch.dtype) -> Encoder:
    config = checkpoint.config
    # Whatever is wrong with the files, the parsers of transformers, tokenizers and safetensors each raise exceptions of
    # their own.
    try:
        processor = checkpoint.family.load_processor(checkpoint.processor_folder, config)
        model = _load_model(checkpoint, config, dtype).to(device).eval()
    except CheckpointError:
        raise
    except Exception as error:
        raise _reason(error, checkpoint, device) from error
    if len(processor.tokenizer) > model.get_input_embeddings().num_embeddings:
        raise CheckpointError(
            "checkpoint_corrupt", f"The tokenizer of `{checkpoint.name}` has more tokens than the model embeds."
        )
    found = _prefix(checkpoint, config, processor, prefix)
    processor.query_prefix = found.text
    family = checkpoint.family(processor, model)
    family.prepare()
    if device.type == "cpu":
        keep_freed_memory()
    return Encoder(model, family, checkpoint, found)


def _load_model(checkpoint: Checkpoint, config: Mapping[str, Any], dtype: torch.dtype) -> PreTrainedModel:
    """Load the model onto the CPU, with its adapter merged. Raises CheckpointError, by name, for lacking weights."""
    family = checkpoint.family
    model, missing = family.load_model(checkpoint.folder, config, dtype)
    if checkpoint.adapter is not None:
        if family.engine is None:
            raise CheckpointError("unknown_family", f"Adapters of {family.name} cannot be read.")
        replaced = adapters.merge(model, checkpoint.adapter, family.engine.native_name)
        missing = [name for name in missing if name not in replaced]
    # transformers fills in missing weights at random and goes on: embeddings without meaning, and no error.
    if missing:
        raise CheckpointError("checkpoint_corrupt", f"`{checkpoint.name}` lacks weights, such as {missing[0]}.")
    return model


def _prefix(checkpoint: Checkpoint, config: Mapping[str, Any], processor: Any, chosen: str | None) -> QueryPrefix:
    if chosen is not None:
        return QueryPrefix(chosen, "chosen when it was loaded", False)
    family, engine = checkpoint.family, checkpoint.family.is_engine(config)
    folder = checkpoint.own_folder if engine else checkpoint.folder
    return prefix_of(folder, engine=engine, usual=family.query_prefix, processor=processor.query_prefix)


def _reason(error: Exception, checkpoint: Checkpoint, device: torch.device) -> CheckpointError:
    """Return why a checkpoint could not be loaded, in words for people."""
    if "torchvision" in str(error) and importlib.util.find_spec("torchvision") is None:
        return CheckpointError(
            "torchvision_missing",
            f"The image processor of `{checkpoint.name}` needs torchvision, which is not installed here. Install "
            "the version that belongs to this torch, or use a checkpoint whose processor has a PIL version.",
        )
    if is_out_of_memory(error):
        return CheckpointError(
            "out_of_memory", f"`{checkpoint.name}` does not fit into the memory of the {device.type} device."
        )
    return CheckpointError("checkpoint_corrupt", f"`{checkpoint.name}` cannot be loaded: {error}")


def _device(name: str | torch.device) -> torch.device:
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
            raise ValueError(f"the device {str(name)!r} cannot be used: {error}") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError("the dtype must be one of floating point, such as float32 or bfloat16")
    return dtype
