"""A checkpoint as an encoder: images of pages and typed queries in, multi-vectors that know their layout out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial

import torch
from PIL import Image
from transformers import PreTrainedModel

from colpali_demo.encoder import zerogpu
from colpali_demo.encoder.calibration import calibrate, reference_images
from colpali_demo.encoder.checkpoints import Checkpoint
from colpali_demo.encoder.families import AUGMENTATION, Family
from colpali_demo.encoder.files import CheckpointError
from colpali_demo.encoder.interface import Calibration, Capabilities, ModelInfo
from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
from colpali_demo.encoder.prefixes import QueryPrefix
from colpali_demo.encoder.queries import QueryTokenizer, as_text
from colpali_demo.encoder.vocabulary import VocabularyFit, vocabulary_fit
from colpali_demo.settings import on_zero_gpu

BATCH_SIZES = {"cuda": 4, "mps": 2}  # pages at once; on a CPU one at a time is as fast


class Encoder:
    """A loaded checkpoint. May be shared by threads: the model runs for one of them at a time.

    It offers what `AnyEncoder` asks for, and the parts that it is made of: `model`, `family`, `processor`.
    """

    capabilities = Capabilities(embeds_pages=True, embeds_queries=True, has_model=True)

    def __init__(self, model: PreTrainedModel, family: Family, checkpoint: Checkpoint, prefix: QueryPrefix) -> None:
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
        self._calibration_lock, self._reference_lock = threading.Lock(), threading.Lock()
        self.model_info: ModelInfo = {
            "name": checkpoint.name,
            "checkpoint": checkpoint.source,
            "revision": checkpoint.revision,
            "family": family.name,
            "parameters": model.num_parameters(),
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "dim": family.head.out_features,
            "format": "colpali_engine" if family.is_engine(checkpoint.config) else "transformers",
            "page_prompt": family.page_text,
            "prefix": prefix.text,
            "prefix_source": prefix.source,
            "prefix_doubted": prefix.doubted,
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
        path = self.checkpoint.own_folder / "calibration.json"
        return Calibration.load(path) if path.is_file() else calibrate(self)

    @property
    def reference_pages(self) -> Sequence[PageEmbedding]:
        """Pages of plain words, which answer nothing, embedded at first use."""
        with self._reference_lock:
            return self._reference_pages

    @cached_property
    def _reference_pages(self) -> Sequence[PageEmbedding]:
        return tuple(self.embed_pages(reference_images()))

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
                if not is_out_of_memory(error):
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
            divisor=len(tokens) if self.family.scores_by_mean else 1.0,
        )

    def vocabulary_fit(self, words: Iterable[str]) -> VocabularyFit | None:
        """Return how well the vocabulary fits the words of a page; None where they are too few to tell."""
        return vocabulary_fit(lambda text: self._tokenize_query(text, "", 0), words)

    def run(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the processor made, ids (batch, length), to vectors (batch, length, dim) in float32 on the CPU.

        Vectors of padding are zero. Raises CheckpointError where the model computes anything but numbers.
        """
        inputs = {**inputs, **self.family.model_options(inputs)}
        inputs = {name: value for name, value in inputs.items() if name not in self.family.not_for_model}
        with self._model_lock:
            vectors = self._embed(inputs)
        if not vectors.isfinite().all():
            raise CheckpointError(
                "checkpoint_corrupt",
                f"`{self.checkpoint.name}` computes numbers that are not finite in {self.model_info['dtype']}. "
                "Try float32; if that does not help, the weights are damaged.",
            )
        return vectors


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, which each device says in its own words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(phrase in str(error) for phrase in ("out of memory", "can't allocate memory", "not enough memory"))
