"""Teach colpali-tiny to read, from random weights: `python -m colpali_demo.training pretrain`.

Coarse on fine, in two stages. First the vision tower alone learns which character stands in each 8-pixel cell, which
subword in each 16-pixel cell and, in the space that MaxSim compares vectors in, which subwords a patch shows and which
patch shows a subword: through the language model's embedding table, its final norm and the 128-d head, as if the layers
between added nothing. Then the whole model runs: a contrastive loss draws every query token to the patches that
show its word, and every query to its own page. The heads that read characters and subwords are dropped when a
checkpoint is saved.
"""

import copy
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import ColPaliProcessor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from colpali_demo.training.meaning import Teacher
from colpali_demo.training.model import save_checkpoint, without_layers
from colpali_demo.training.pages.targets import (
    Example,
)
from colpali_demo.training.pretrainer import Pretrainer, to_pixels
from colpali_demo.training.queries import sample_queries
from colpali_demo.training.questions import sample_questions

# Parts of the learning rate. The language model's layers begin at nothing and must not undo in ten steps what the tower
# has learned; the table is the target of the features, which cannot follow a target that moves as fast as they do.
LAYERS_RATE = 0.5
TABLE_RATE = 0.3
HEADS_RATE = 3e-3  # learning rate of linear heads over features that do not change
LOSSES = (
    "character",
    "piece",
    "grid",
    "cell",
    "token",
    "page",
    "untyped",
    "function",
    "patch_to_row",
    "kept",
    "meaning",
    "meaning_in_table",
    "meaning_to_table",
    "query_to_row",
    "meaning_on_page",
)  # losses that a step adds up, each with its weight; all others are only logged


def _setting(default: float, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass
class Schedule:
    """What is trained when. Lengths are in pages seen, so they do not depend on the batch size.

    Each setting is an argument of `pretrain`; its metadata is the text of `--help`.
    """

    pages: int = _setting(40_000, "the run's length: how many pages it has been shown at its end")
    heads_pages: int = _setting(0, "of these the first teach only the heads that read, which a checkpoint lacks")
    dense_pages: int = _setting(3_000, "up to here the tower alone learns, by the four losses that read")
    frozen_stages: int = _setting(
        0, "first stages of the tower that learn no more, which spares the dearest backward pass"
    )
    warmup_pages: int = _setting(400, "over these the learning rate rises")
    decay_pages: int = _setting(6_000, "over these, the last ones, it falls to zero")
    batch: int = _setting(4, "pages a step; the wrong pages of a query are the others of its batch")
    queries: int = _setting(20, "for each page, words and phrases as they stand there")
    questions: int = _setting(0, "more for each page, of many words, as people ask (see `questions`)")
    learning_rate: float = _setting(1e-3, "at its height")
    weight_character: float = _setting(0.3, "which character stands in each 8-pixel cell; 1 while the tower is alone")
    weight_piece: float = _setting(0.3, "which subword in each 16-pixel cell; 1 while the tower is alone")
    weight_grid: float = _setting(0.5, "which subwords a patch shows; 1 while the tower is alone")
    weight_cell: float = _setting(0.7, "which patch shows a subword; 1 while the tower is alone")
    weight_token: float = _setting(1.0, "each query token prefers the patches that show its word")
    weight_page: float = _setting(0.7, "each query prefers its page: the two losses of the ColPali paper, added up")
    weight_untyped: float = _setting(0.02, "tokens that nobody typed give all pages the same")
    weight_function: float = _setting(0.01, "function words beside others give all pages the same")
    weight_patch_to_row: float = _setting(4.0, "patches are drawn to what sets the row of their subword apart")
    weight_kept: float = _setting(20.0, "pages whose vectors are kept go on giving them (see `features`)")
    weight_meaning: float = _setting(0.2, "closeness of words as queries; this and what follows with --words only")
    weight_query_to_row: float = _setting(2.0, "words as queries are drawn to what sets their row apart")
    weight_meaning_in_table: float = _setting(0.5, "closeness of the table's rows that are whole words")
    weight_meaning_to_table: float = _setting(0.5, "closeness of words as queries to these rows")
    weight_meaning_on_page: float = _setting(1.5, "closeness of words as queries to the patches that show words")
    meaning_words: int = _setting(96, "words a step whose closeness is compared with the text model's")
    ema: float = _setting(0.998, "how much of the averaged weights is left after a step")

    def rate(self, seen: int) -> float:
        """Return the learning rate: first that of the heads alone, then a warm-up, a plateau, a line down to zero."""
        if seen < self.heads_pages:
            return HEADS_RATE
        up = min(1.0, (seen - self.heads_pages + 1) / self.warmup_pages)
        down = min(1.0, (self.pages - seen) / self.decay_pages)
        return self.learning_rate * max(0.0, min(up, down))


class Run:
    """One training run in a folder: state, log, checkpoints. Stopped, it goes on from its last state."""

    def __init__(self, folder: Path, trainer: Pretrainer, processor: ColPaliProcessor, schedule: Schedule, device: str,
                 teacher: Teacher | None = None):  # fmt: skip
        self.teacher = teacher
        self.folder, self.trainer, self.processor, self.schedule = folder, trainer, processor, schedule
        self.device = torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        trainer.to(self.device)
        self.average = copy.deepcopy(trainer.model).eval().requires_grad_(False)
        parameters = list(trainer.parameters())
        table = trainer.model.get_input_embeddings().weight
        layers = set(trainer.model.vlm.language_model.layers.parameters())
        heads = [trainer.character_head.weight, trainer.piece_head.weight]
        matrices = [p for p in parameters if p.ndim > 1 and p not in {table, *heads}]
        self.matrices = [(p, p.detach().flatten(1)) for p in matrices]  # the same memory, kernels as matrices too
        adamw = [
            {"params": [table], "scale": TABLE_RATE},
            {"params": heads, "weight_decay": 0.02},
            {"params": [p for p in parameters if p.ndim <= 1 and p not in layers]},
            {"params": [p for p in parameters if p.ndim <= 1 and p in layers], "scale": LAYERS_RATE},
        ]
        muon = [
            {"params": [flat for p, flat in self.matrices if p not in layers]},
            {"params": [flat for p, flat in self.matrices if p in layers], "scale": LAYERS_RATE},
        ]
        settings = [{k: v for k, v in group.items() if k != "params"} for group in (*adamw, *muon)]
        # Muon (Jordan 2024) with updates as long as AdamW's (Liu et al. 2025, arXiv 2502.16982): one rate for both.
        rate = schedule.learning_rate
        self.optimizers = [
            torch.optim.AdamW(adamw, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
            torch.optim.Muon(muon, lr=rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        ]
        self.seen = self.steps = 0
        self.state_file = folder / "state.pt"
        if self.state_file.exists():
            state = torch.load(self.state_file, map_location=self.device, weights_only=True)
            trainer.load_state_dict(state["trainer"])
            self.average.load_state_dict(state["average"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            for group, setting in zip(self.groups, settings, strict=True):
                group.update(setting)  # a saved state brings its own, and rates may be changed on the way
            self.seen, self.steps = state["seen"], state["steps"]

    @property
    def slots(self) -> dict[str, torch.Tensor]:
        """The tensor that an optimizer updates for each parameter, by the parameter's name."""
        flat = {id(p): matrix for p, matrix in self.matrices}
        return {name: flat.get(id(p), p) for name, p in self.trainer.named_parameters()}

    @property
    def groups(self) -> list[dict]:
        """The parameter groups of both optimizers."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def save_state(self) -> None:
        state = {
            "trainer": self.trainer.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "seen": self.seen,
            "steps": self.steps,
        }
        temporary = self.state_file.with_suffix(".new")
        torch.save(state, temporary)
        os.replace(temporary, self.state_file)

    def save_average(self, folder: Path) -> None:
        """Save the averaged weights as a checkpoint that the app can load."""
        save_checkpoint(self.average, self.processor, folder)

    def step(self, examples: list[Example], counts: dict[str, int]) -> dict[str, float]:
        schedule, trainer = self.schedule, self.trainer
        rate = schedule.rate(self.seen)
        for group in self.groups:
            group["lr"] = rate * group.get("scale", 1.0)
        trainer.train()
        trainer.model.requires_grad_(self.seen >= schedule.heads_pages)
        for stage in trainer.model.vlm.vision_tower.stages[: schedule.frozen_stages]:
            stage.requires_grad_(False).eval()
        whole = self.seen >= schedule.dense_pages
        rng = np.random.default_rng((7, self.seen))
        with torch.autocast(self.device.type, torch.bfloat16):
            if examples[0].vectors is None:
                pages, parts = self.read(examples, whole)
            else:
                pages, parts = self.recall(examples, rng)
            if whole:
                queries = sample_queries(examples, schedule.queries, counts, rng)
                queries += sample_questions(examples, schedule.questions, counts, rng, self.teacher)
                parts |= trainer.retrieval_losses(pages, examples, queries)
                if self.teacher:
                    parts |= trainer.meaning_losses(pages, examples, self.teacher, schedule.meaning_words, rng)
        weights = {name: self.weight(name, whole) for name in LOSSES if name in parts}
        loss = sum(weight * parts[name] for name, weight in weights.items() if weight)  # none of zero goes backward
        trainer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(trainer.parameters(), 2.0)
        if torch.isfinite(norm):
            for parameter, flat in self.matrices:
                flat.grad = None if parameter.grad is None else parameter.grad.flatten(1)
            for optimizer in self.optimizers:
                optimizer.step()
        self.seen += len(examples)
        self.steps += 1
        self.update_average()
        return {name: float(value.detach()) for name, value in parts.items()} | {"rate": rate, "norm": float(norm)}

    def read(self, examples: list[Example], whole: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Vectors of the pages (pages, vectors, dim), and the losses that teach tower and patches to read."""
        pixels = to_pixels(examples, self.device)
        image = self.trainer.model.vlm.get_image_features(pixels, output_hidden_states=True)
        pages = self.trainer.embed_pages(image) if whole else without_layers(self.trainer.model, image.pooler_output)
        parts = self.trainer.reading_losses(image, examples)
        return pages, parts | self.trainer.patch_losses(pages[:, : self.trainer.patches], examples)

    def recall(self, examples: list[Example], rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Vectors of the pages as they were kept, and the loss that keeps them: only queries learn, in fact.

        One page a step is embedded anew, which is what most of the time goes to.
        """
        pages = torch.stack([example.vectors.float() for example in examples]).to(self.device)
        number = int(rng.integers(len(examples)))
        features = examples[number].features[None].to(self.device, torch.float32)
        now = self.trainer.embed_pages(BaseModelOutputWithPooling(pooler_output=features))[0].float()
        apart = 1 - (now * pages[number]).sum(dim=1)
        return pages, {"kept": apart[: self.trainer.patches].mean() + apart[self.trainer.patches :].mean()}

    def weight(self, loss: str, whole: bool) -> float:
        return getattr(self.schedule, f"weight_{loss}") if whole else 1.0

    @torch.no_grad()
    def update_average(self) -> None:
        decay = min(self.schedule.ema, self.steps / (self.steps + 10))
        for mean, value in zip(
            self.average.state_dict().values(), self.trainer.model.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def train(
        self, batches: Iterator[list[Example]], counts: dict[str, int], log_every: int = 20, save_minutes: float = 5.0
    ) -> None:
        """Run to the end of the schedule or to SIGTERM, with a line of means in log.jsonl every `log_every` steps."""
        (self.folder / "schedule.json").write_text(json.dumps(asdict(self.schedule), indent=1))
        sums: dict[str, list[float]] = {}
        started = saved = time.monotonic()
        first = self.seen
        stop = False

        def on_signal(*_) -> None:
            nonlocal stop
            stop = True

        signal.signal(signal.SIGTERM, on_signal)
        for examples in batches:
            if stop or self.seen >= self.schedule.pages:
                break
            for name, value in self.step(examples, counts).items():
                sums.setdefault(name, []).append(value)
            if self.steps % log_every == 0:
                line = {"seen": self.seen, "seconds_per_page": (time.monotonic() - started) / (self.seen - first)}
                line |= {name: round(float(np.mean(values)), 4) for name, values in sums.items()}
                with (self.folder / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
                sums = {}
            if time.monotonic() - saved > save_minutes * 60:
                self.save_state()
                saved = time.monotonic()
        self.save_state()
        self.save_average(self.folder / "checkpoint")
