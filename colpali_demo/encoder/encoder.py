"""A checkpoint as an encoder: images of pages and typed queries in, multi-vectors that know their layout out."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import PreTrainedModel

from colpali_demo.encoder import attention, zerogpu
from colpali_demo.encoder.calibration import Calibration, calibrate
from colpali_demo.encoder.checkpoints import Checkpoint, CheckpointError, DownloadProgress, find_checkpoint
from colpali_demo.encoder.families import AUGMENTATION, FAMILIES, Family
from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
from colpali_demo.encoder.queries import QueryTokenizer, as_text
from colpali_demo.encoder.tower import ConvTower
from colpali_demo.memory import keep_freed_memory
from colpali_demo.settings import Settings, on_zero_gpu

BATCH_SIZES = {"cuda": 4, "mps": 2}  # pages at once; on a CPU one at a time is as fast


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
    `dtype` it is bfloat16 on cuda and mps (the activations of Gemma overflow float16) and on a cpu with instructions
    for it, float32 on any other. Nothing is downloaded unless `download` is True; `progress(done, total)` hears of the
    bytes. Raises CheckpointError for whatever makes the checkpoint unusable, and ValueError for a device that this
    machine does not have or a dtype that does not exist.
    """
    checkpoint = find_checkpoint(name, download=download, progress=progress)
    device = _device(device or Settings.from_env().device)
    dtype = _dtype(dtype, device)
    family = FAMILIES[checkpoint.model_type]
    # Whatever is wrong with the files, the parsers of transformers, tokenizers and safetensors each say it with
    # exceptions of their own.
    try:
        # The PIL backend spares torchvision, and gives the same pixels with and without it installed.
        processor = family.processor_class.from_pretrained(checkpoint.folder, backend="pil", local_files_only=True)
        model, report = family.model_class.from_pretrained(
            checkpoint.folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
        model = model.to(device).eval()
    except Exception as error:
        if "torchvision" in str(error) and importlib.util.find_spec("torchvision") is None:
            raise CheckpointError(
                "torchvision_missing",
                f"The image processor of `{checkpoint.name}` needs torchvision, which is not installed here. Install "
                "the version that belongs to this torch, or use a checkpoint whose processor has a PIL version.",
            ) from error
        if _is_out_of_memory(error):
            raise CheckpointError(
                "out_of_memory", f"`{checkpoint.name}` does not fit into the memory of the {device.type} device."
            ) from error
        raise CheckpointError("checkpoint_corrupt", f"`{checkpoint.name}` cannot be loaded: {error}") from error
    # transformers fills in missing weights at random and goes on: embeddings without meaning, and no error.
    if report["missing_keys"]:
        raise CheckpointError(
            "checkpoint_corrupt", f"`{checkpoint.name}` lacks weights, such as {sorted(report['missing_keys'])[0]}."
        )
    if len(processor.tokenizer) > model.get_input_embeddings().num_embeddings:
        raise CheckpointError(
            "checkpoint_corrupt", f"The tokenizer of `{checkpoint.name}` has more tokens than the model embeds."
        )
    for module in list(model.modules()):
        if isinstance(module, ConvTower):
            _fold_norms(module)
            module.to(memory_format=torch.channels_last)  # as pixels lie: else all are copied for every page
            if device.type == "cpu" and dtype == torch.bfloat16:
                model.vlm.language_model.set_attn_implementation(attention.NAME)
    if device.type == "cpu":
        keep_freed_memory()
    return Encoder(model, family(processor, model), checkpoint)


class Encoder:
    """A loaded checkpoint. May be shared by threads: the model runs for one of them at a time.

    `model_info` says what is loaded, in plain JSON values; its `reads` says how well the checkpoint reads.
    """

    def __init__(self, model: PreTrainedModel, family: Family, checkpoint: Checkpoint) -> None:
        self.model = model
        self.family = family
        self.processor = family.processor
        self.checkpoint = checkpoint
        self.batch_size = BATCH_SIZES.get(model.device.type, 1)
        self._tokenize_query = QueryTokenizer(self.processor.tokenizer, family.frame())
        self._model_lock = threading.Lock()
        # A registered model is never freed, so only where it has to be.
        lent = on_zero_gpu()
        self._embed = partial(zerogpu.embed, zerogpu.register(model)) if lent else partial(zerogpu.run, model)
        # Padding settings are state of the tokenizer inside the processor.
        self._processor_lock = threading.Lock()
        self._calibration_lock = threading.Lock()
        self.model_info: dict[str, Any] = {
            "name": checkpoint.name,
            "checkpoint": checkpoint.source,
            "family": family.name,
            "parameters": model.num_parameters(),
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "dim": model.embedding_dim,
            "prefix": self.processor.query_prefix,
            "augmentation": AUGMENTATION,
            "frame": family.frame()._asdict(),
            "input": family.input,
            "reads": checkpoint.reading(),
        }

    @property
    def calibration(self) -> Calibration:
        """What counts as a weak match, from `calibration.json` beside the checkpoint or else measured at first use."""
        with self._calibration_lock:
            return self._calibration

    @cached_property
    def _calibration(self) -> Calibration:
        path = self.checkpoint.folder / "calibration.json"
        return Calibration.load(path) if path.is_file() else calibrate(self)

    def embed_pages(self, images: Sequence[Image.Image], batch_size: int | None = None) -> list[PageEmbedding]:
        """Embed page images, `batch_size` at a time (by default what suits the device).

        A batch that does not fit into memory is halved. Raises CheckpointError(out_of_memory) when a single page does
        not fit.
        """
        size = batch_size or self.batch_size
        embeddings: list[PageEmbedding] = []
        while len(embeddings) < len(images):
            batch = images[len(embeddings) : len(embeddings) + size]
            try:
                embeddings += self._embed_batch(batch)
                continue
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
            # Only out here is the failed batch no longer held by the exception, so that its memory can be freed.
            if len(batch) == 1:
                raise CheckpointError(
                    "out_of_memory", f"A page does not fit into the memory of the {self.model.device.type} device."
                )
            size = len(batch) // 2
            self.batch_size = min(self.batch_size, size)
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
        return embeddings

    def _embed_batch(self, images: Sequence[Image.Image]) -> list[PageEmbedding]:
        with self._processor_lock:
            inputs = self.family.process_pages(images)
        vectors = self.run(inputs)
        embeddings = []
        for position, page in enumerate(vectors):
            attended = inputs["attention_mask"][position].bool()
            layout = self.family.layout(inputs["input_ids"][position][attended].tolist(), inputs, position)
            embeddings.append(PageEmbedding(page[attended], layout))
        return embeddings

    def embed_query(self, text: str, *, prefix: str | None = None, augmentation: int | None = None) -> QueryEmbedding:
        """Embed a query: `{prefix}{text}` and `augmentation` times the augmentation token, in the family's frame.

        By default `prefix` and `augmentation` are those of the checkpoint's processor. Special tokens typed in `text`
        or `prefix` are text.
        """
        prefix = self.processor.query_prefix if prefix is None else prefix
        augmentation = AUGMENTATION if augmentation is None else augmentation
        tokens, words, unknown = self._tokenize_query(text, prefix, augmentation)
        ids = torch.tensor([[token.id for token in tokens]])
        return QueryEmbedding(
            text=as_text(text),
            vectors=self.run({"input_ids": ids, "attention_mask": torch.ones_like(ids)})[0],
            tokens=tokens,
            words=words,
            unknown=unknown,
            prefix=as_text(prefix),
            augmentation=augmentation,
        )

    def run(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What the processor made, ids (batch, length), to vectors (batch, length, dim) in float32 on the CPU.

        Vectors of padding are zero. Raises CheckpointError where the model computes anything but numbers.
        """
        inputs = {**inputs, **self.family.model_options(inputs)}
        inputs.pop("labels", None)
        with self._model_lock:
            vectors = self._embed(inputs)
        if not vectors.isfinite().all():
            raise CheckpointError(
                "checkpoint_corrupt",
                f"`{self.checkpoint.name}` computes numbers that are not finite in {self.model_info['dtype']}. "
                "Try float32; if that does not help, the weights are damaged.",
            )
        return vectors


def _device(name: str | torch.device) -> torch.device:
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
            raise ValueError(f"the device {str(name)!r} cannot be used: {error}") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    if dtype is None:
        # A CPU without the instructions converts every number first, and is slower than in float32.
        fast = device.type != "cpu" or torch.cpu.get_capabilities().get("avx512_bf16", False)
        return torch.bfloat16 if fast else torch.float32
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError("the dtype must be one of floating point, such as float32 or bfloat16")
    return dtype


def _fold_norms(tower: ConvTower) -> None:
    """Make each batch norm part of the convolution before it: the same vectors, sooner."""
    for module in list(tower.modules()):
        for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                # In float32: in bfloat16 each factor would be rounded, not only what comes of them.
                dtype = conv.weight.dtype
                setattr(module, conv_name, fuse_conv_bn_eval(conv.float(), norm.float()).to(dtype))
                setattr(module, norm_name, nn.Identity())


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: each device puts it differently."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(phrase in str(error) for phrase in ("out of memory", "can't allocate memory", "not enough memory"))
