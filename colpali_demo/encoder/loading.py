"""From the name of a checkpoint to an encoder: which device, which precision, and what can go wrong on the way."""

from __future__ import annotations

import importlib.util

import torch

from colpali_demo.encoder.checkpoints import Checkpoint, DownloadProgress, find_checkpoint
from colpali_demo.encoder.encoder import Encoder, is_out_of_memory
from colpali_demo.encoder.files import CheckpointError
from colpali_demo.encoder.precision import has_bfloat16, load_faster
from colpali_demo.memory import keep_freed_memory
from colpali_demo.settings import Settings


def load_encoder(
    name: str = "auto",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    download: bool = False,
    progress: DownloadProgress | None = None,
) -> Encoder:
    """Load a checkpoint of any family: "auto", "tiny", a folder or a Hub id (see `find_checkpoint`).

    Without a `device` it is what `COLPALI_DEVICE` says, else the first of cuda, mps and cpu that there is. Without a
    `dtype` it is what `COLPALI_DTYPE` says, else bfloat16 on cuda and mps (the activations of Gemma overflow float16),
    float32 on a cpu, and on a cpu with instructions for bfloat16 the one of both that is faster (see `precision`).
    Nothing is downloaded unless `download` is True; `progress(done, total)` is called with the bytes so far. Raises
    CheckpointError for whatever makes the checkpoint unusable, and ValueError for a device that this machine does not
    have or a dtype that does not exist.
    """
    settings = Settings.from_env()
    checkpoint = find_checkpoint(name, download=download, progress=progress)
    device = _device(device or settings.device)
    dtype = settings.dtype if dtype is None else dtype
    if dtype != "auto":
        return _load(checkpoint, device, _dtype(dtype))
    if device.type != "cpu":
        return _load(checkpoint, device, torch.bfloat16)
    if not has_bfloat16():
        return _load(checkpoint, device, torch.float32)
    return load_faster(checkpoint.folder, lambda dtype: _load(checkpoint, device, dtype))


def _load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> Encoder:
    # Whatever is wrong with the files, the parsers of transformers, tokenizers and safetensors each raise exceptions of
    # their own.
    try:
        processor = checkpoint.family.load_processor(checkpoint.folder)
        model, missing = checkpoint.family.load_model(checkpoint.folder, dtype)
        model = model.to(device).eval()
    except Exception as error:
        raise _reason(error, checkpoint, device) from error
    # transformers fills in missing weights at random and goes on: embeddings without meaning, and no error.
    if missing:
        raise CheckpointError("checkpoint_corrupt", f"`{checkpoint.name}` lacks weights, such as {missing[0]}.")
    if len(processor.tokenizer) > model.get_input_embeddings().num_embeddings:
        raise CheckpointError(
            "checkpoint_corrupt", f"The tokenizer of `{checkpoint.name}` has more tokens than the model embeds."
        )
    family = checkpoint.family(processor, model)
    family.prepare()
    if device.type == "cpu":
        keep_freed_memory()
    return Encoder(model, family, checkpoint)


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
