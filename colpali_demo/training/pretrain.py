"""Teach colpali-tiny to read, from random weights: `python -m colpali_demo.training pretrain`.

Coarse on fine, in two stages. First the vision tower alone learns which character stands in each 8-pixel cell, which
subword in each 16-pixel cell and, in the space that MaxSim compares vectors in, which subwords a patch shows and which
patch shows a subword: through the language model's embedding table, its final norm and the 128-d head, as if the layers
between added nothing. Then the whole model runs: every query token is asked to prefer the patches that show its word,
and every query its own page. The heads that read characters and subwords are dropped when a checkpoint is saved.
"""

import copy
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import ColPaliForRetrieval, ColPaliProcessor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from . import losses
from .meaning import Teacher, look_alike, meaning_loss, ranking_loss, stem
from .model import page_ids, save_checkpoint, without_layers
from .questions import Query, adds_the_same, sample_questions
from .targets import CHARACTER_CLASSES, CHARACTER_STRIDE, TOUCH, Example, bare_word, patch_overlap, searchable

# Features at stride 16 and rows of the table are both about 16 long: a cell that shows one piece and nothing else can
# give it 32 nats over the average piece.
PIECE_SCALE = 0.125
EMPTY_CELLS = 2_000  # background cells a page contributes to the character loss
# Parts of the learning rate. The language model's layers begin at nothing and must not undo in ten steps what the tower
# has learned; what is to be read must not run away from the features that learn to read it.
LAYERS_RATE = 0.5
TABLE_RATE = 0.3
TABLE_ROWS = 256  # a step, each compared with every other word that is one piece
LOOK_ALIKES = 4.0  # how much more often a word is asked for when another on the pages begins alike
PATCHES = 8  # of those that show a word, at most this many are asked what it means
PIECES = 200  # subwords a page contributes: each costs a softmax over the vocabulary
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
)  # those that a step adds up, each by its weight; the other parts are only logged
HEADS_RATE = 3e-3  # for linear heads over features that do not move


def _setting(default: float, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass
class Schedule:
    """What is trained when. Lengths are in pages seen, so they do not depend on the batch size.

    Each setting is an argument of `pretrain`, and its metadata what `--help` says of it.
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
    queries: int = _setting(20, "for each page; each of their tokens is told where its word stands")
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
    meaning_words: int = _setting(96, "words a step that are asked how close they are")
    ema: float = _setting(0.998, "how much of the averaged weights is left after a step")

    def rate(self, seen: int) -> float:
        """Warm-up, a plateau, a straight line down to zero; a rate of their own for the first pages of the heads."""
        if seen < self.heads_pages:
            return HEADS_RATE
        up = min(1.0, (seen - self.heads_pages + 1) / self.warmup_pages)
        down = min(1.0, (self.pages - seen) / self.decay_pages)
        return self.learning_rate * max(0.0, min(up, down))


class Pretrainer(nn.Module):
    """The retriever with the heads that read, and the losses over one batch."""

    def __init__(self, model: ColPaliForRetrieval, processor: ColPaliProcessor):
        super().__init__()
        self.model = model
        config = model.config.vlm_config
        vision = config.vision_config
        widths = vision.widths
        width = config.text_config.hidden_size
        stride_8, stride_16 = 2, 3  # the stages with those strides
        self.stages = (stride_8, stride_16)
        self.character_head = nn.Linear(widths[stride_8], CHARACTER_CLASSES)
        self.piece_head = nn.Linear(widths[stride_16], width)
        pieces = processor.image_token_id  # the ids before it are pieces of text
        self.piece_bias = nn.Parameter(torch.zeros(pieces))
        self.grid_bias = nn.Parameter(torch.zeros(pieces))
        self.log_scale = nn.Parameter(torch.tensor(math.log(30.0)))  # inverse temperature of every cosine
        self.size = vision.image_size
        self.grid = self.size // vision.patch_height, self.size // vision.patch_size  # rows and columns

        tokenizer = processor.tokenizer
        self.register_buffer("page_ids", page_ids(processor), persistent=False)
        self.tokenizer = tokenizer
        pieces_by_id = enumerate(tokenizer.convert_ids_to_tokens(range(pieces)))
        self.punctuation = {id for id, piece in pieces_by_id if not any(map(str.isalnum, piece))}
        self.query_prefix = tokenizer(f"<bos>{processor.query_prefix}".rstrip(), add_special_tokens=False)["input_ids"]
        suffix = processor.query_augmentation_token * 10 + "\n"
        self.query_suffix = tokenizer(suffix, add_special_tokens=False)["input_ids"]

    def encode_pages(self, pixels: torch.Tensor):
        """Tower features and page vectors (pages, vectors, dim)."""
        image = self.model.vlm.get_image_features(pixels, output_hidden_states=True)
        return image, self.embed_pages(image)

    def embed_pages(self, image) -> torch.Tensor:
        ids = self.page_ids.expand(len(image.pooler_output), -1)
        return self.model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            token_type_ids=torch.zeros_like(ids),
            mm_encoder_outputs={"image": image},
            use_cache=False,
        ).embeddings

    def encode_queries(self, queries: list[str]) -> tuple[torch.Tensor, torch.Tensor, list[list[tuple[int, int]]]]:
        """Vectors (queries, tokens, dim), mask (queries, tokens), and for each query the (token, word) pairs.

        Punctuation around a word belongs to none: its number is -1.
        """
        rows, places = [], []
        for query in queries:
            ids, place = list(self.query_prefix), []
            for number, word in enumerate(query.split(" ")):
                pieces = self.tokenizer(" " + word, add_special_tokens=False)["input_ids"]
                letters = [i for i, piece in enumerate(pieces) if piece not in self.punctuation] or [0]
                inside = range(letters[0], letters[-1] + 1)
                place += [(len(ids) + i, number if i in inside else -1) for i in range(len(pieces))]
                ids += pieces
            rows.append(ids + self.query_suffix)
            places.append(place)
        longest = max(map(len, rows))
        device = self.page_ids.device
        ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        ids, mask = ids.to(device), mask.to(device)
        vectors = self.model(
            input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids), use_cache=False
        ).embeddings
        return vectors, mask.bool(), places

    @property
    def patches(self) -> int:
        """Of a page."""
        return self.grid[0] * self.grid[1]

    @property
    def scale(self) -> torch.Tensor:
        return self.log_scale.exp().clamp(max=80.0)

    def reading_losses(self, image, examples: list[Example]) -> dict[str, torch.Tensor]:
        """Characters at stride 8 and subwords at stride 16 in the tower's features."""
        device = self.page_ids.device
        grid = self.size // CHARACTER_STRIDE
        cells, labels = [], []
        rng = np.random.default_rng(sum(len(example.piece_ids) for example in examples))
        for number, example in enumerate(examples):
            taken = np.zeros(grid * grid, dtype=bool)
            flat = example.character_cells[:, 0] * grid + example.character_cells[:, 1]
            taken[flat] = True
            empty = np.flatnonzero(~taken)
            empty = rng.choice(empty, min(EMPTY_CELLS, len(empty)), replace=False)
            cells += [flat + number * grid * grid, empty + number * grid * grid]
            labels += [example.character_labels, np.zeros(len(empty), dtype=np.int64)]
        cells = torch.from_numpy(np.concatenate(cells)).to(device)
        labels = torch.from_numpy(np.concatenate(labels)).to(device)
        fine = image.hidden_states[self.stages[0]].permute(0, 2, 3, 1).flatten(0, 2)
        logits = self.character_head(fine[cells]).float()
        written = labels > 0
        result = {
            "character": nn.functional.cross_entropy(logits, labels),
            "character_accuracy": (logits.argmax(1) == labels)[written].float().mean(),
        }
        ids, chosen = self.chosen_pieces(examples)
        middle = image.hidden_states[self.stages[1]].permute(0, 2, 3, 1).flatten(0, 2)
        result["piece"], result["piece_accuracy"] = losses.piece_at_cell(
            PIECE_SCALE * self.piece_head(middle),
            self.table_of_pieces(),
            self.piece_bias,
            self.cells_of_pieces(examples, self.size // 16, self.size // 16),
            ids,
            chosen,
        )
        return result

    def patch_losses(self, vectors: torch.Tensor, examples: list[Example]) -> dict[str, torch.Tensor]:
        """Subwords in the patches' vectors (pages, patches, dim), in the space that MaxSim compares."""
        ids, chosen = self.chosen_pieces(examples)
        features, cells = self.scale * vectors.flatten(0, 1), self.cells_of_pieces(examples, *self.grid)
        table = without_layers(self.model, self.table_of_pieces())
        result = {"patch_to_row": losses.alignment(vectors.flatten(0, 1)[cells[chosen]], table, ids[chosen])}
        result["grid"], result["grid_accuracy"] = losses.piece_at_cell(
            features, table, self.grid_bias, cells, ids, chosen
        )
        result["cell"], result["cell_accuracy"] = losses.cell_of_piece(features, table, cells, ids, self.grid)
        return result

    def table_of_pieces(self) -> torch.Tensor:
        """The embedding table's rows of text, as the language model takes them."""
        embedding = self.model.get_input_embeddings()
        return (embedding.weight * embedding.embed_scale)[: len(self.piece_bias)]

    def chosen_pieces(self, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """The subwords of all pages, and which of them are asked for: the same ones for the same pages."""
        rng = np.random.default_rng(sum(len(example.piece_ids) for example in examples))
        ids = torch.from_numpy(np.concatenate([example.piece_ids for example in examples]))
        chosen = np.concatenate([rng.permutation(len(example.piece_ids)) < PIECES for example in examples])
        return ids.to(self.page_ids.device), torch.from_numpy(chosen).to(self.page_ids.device)

    def cells_of_pieces(self, examples: list[Example], rows: int, columns: int) -> torch.Tensor:
        """Where the subwords of all pages stand on a grid, numbered row by row through the pages."""
        cells = []
        for number, example in enumerate(examples):
            column, row = (example.piece_centers * (columns, rows)).astype(np.int64).T
            cells.append((number * rows + row) * columns + column)
        return torch.from_numpy(np.concatenate(cells)).to(self.page_ids.device)

    def retrieval_losses(
        self, pages: torch.Tensor, examples: list[Example], queries: list[Query]
    ) -> dict[str, torch.Tensor]:
        """Token-to-patch and page losses, and how far function words and untyped tokens vary between pages."""
        device = pages.device
        vectors, mask, places = self.encode_queries([query.text for query in queries])
        vectors, pages = vectors.float(), pages.float()
        scale = self.scale

        asked_words = {bare_word(word) for query in queries for word in query.text.split(" ")}
        showing, touching = word_patches(examples, asked_words - {""}, self.grid)
        rows, columns, owners = [], [], []
        function = torch.zeros_like(mask)
        for number, query in enumerate(queries):
            words = query.text.split(" ")
            same = adds_the_same(words)
            words = [bare_word(word) for word in words]
            for token, word in places[number]:
                if word < 0 or same[word]:
                    function[number, token] = True
                elif showing.get(words[word]):
                    rows.append(number)
                    columns.append(token)
                    owners.append(words[word])
        asked = [(token, patches) for token, word in enumerate(owners) for patches in showing[word]]
        lengths = [len(patches) for _, patches in asked]
        patches = np.concatenate([patches for _, patches in asked])
        slots = pages.shape[1] - self.patches  # of text, behind the patches of each page
        tokens, occurrences = np.repeat([token for token, _ in asked], lengths), np.repeat(range(len(asked)), lengths)
        shown = np.stack([tokens, patches + patches // self.patches * slots, occurrences])
        shown = torch.from_numpy(shown).to(device)
        excluded = torch.from_numpy(np.stack([touching[word] for word in owners]))
        excluded = nn.functional.pad(excluded, (0, slots)).flatten(1).to(device)
        logits = scale * vectors[rows, columns] @ pages.flatten(0, 1).T
        token = losses.token_to_patch(logits, shown, excluded)
        right = torch.zeros_like(excluded)
        right[shown[0], shown[1]] = True
        pointing = right.gather(1, logits.argmax(1, keepdim=True)).float().mean()

        maxima = losses.token_maxima(vectors, pages)
        untyped = mask.clone()
        for number, place in enumerate(places):
            untyped[number, [token for token, _ in place]] = False
        untyped = losses.difference_between_pages(scale.detach() * maxima, untyped)
        function = losses.difference_between_pages(scale.detach() * maxima, function)
        scores = losses.late_interaction_scores(maxima, mask) / mask.sum(dim=1, keepdim=True)
        own = torch.tensor([query.page for query in queries], device=device)
        texts = [f" {' '.join(example.words)} " for example in examples]
        also = torch.tensor([[query.answered_by(text) for text in texts] for query in queries], device=device)
        also[torch.arange(len(own)), own] = False
        page = losses.in_batch_softmax(scale * scores, own, also)
        page = page + losses.pairwise_hardest(scale * scores, own, also)
        first = (scores.masked_fill(also, -1).argmax(dim=1) == own).float().mean()
        return {
            "token": token,
            "page": page,
            "untyped": untyped,
            "function": function,
            "pointing": pointing,
            "first": first,
        }

    def meaning_losses(
        self, pages: torch.Tensor, examples: list[Example], teacher: Teacher, count: int, rng: np.random.Generator
    ) -> dict[str, torch.Tensor]:
        """How far the model's idea of which words are close is from the teacher's.

        Compared are about `count` words as queries, half of them shown on the pages: "meaning" has each word's mean
        vector with those of the others, "meaning_to_table" with the rows of the embedding table that are one word
        each, "query_to_row" with its own row, "meaning_on_page" its tokens' best cosine with the patches that show a
        word, for every word of the pages; patches that show the query's own word, too, are not asked.
        "meaning_in_table" has those rows with one another.
        """
        table = self.table_of_words(teacher)
        chosen = rng.permutation(len(teacher.whole))[:TABLE_ROWS]
        some = [teacher.whole[i] for i in chosen]
        parts = {"meaning_in_table": self.closeness(table[chosen] @ table.T, teacher, some, teacher.whole)}
        on_pages = teacher.known({word for example in examples for word in example.words})
        if len(on_pages) < 2:
            names = ("meaning", "meaning_to_table", "query_to_row", "meaning_on_page")
            return parts | dict.fromkeys(names, pages.sum() * 0)
        words = teacher.sample(on_pages, count, rng)
        vectors, _, places = self.encode_queries(words)
        vectors = vectors.float()
        typed = [row[[token for token, _ in place]] for row, place in zip(vectors, places, strict=True)]
        means = nn.functional.normalize(torch.stack([row.mean(0) for row in typed]), dim=-1)
        whole = [place for place, word in enumerate(words) if word in teacher.rows]
        rows = torch.tensor([teacher.rows[words[place]] for place in whole], dtype=torch.int64, device=table.device)

        showing, touching = word_patches(examples, set(on_pages), self.grid)
        # Repeated where there are fewer, not padded: a maximum does not mind.
        where = [np.resize(rng.permutation(np.unique(np.concatenate(showing[word]))), PATCHES) for word in on_pages]
        where = torch.from_numpy(np.stack(where)).to(pages.device)
        patches = pages[:, : self.patches].float().flatten(0, 1)
        nowhere = np.zeros(patches.shape[0], dtype=bool)
        own = np.stack([touching[word].ravel() if word in touching else nowhere for word in words])
        own = torch.from_numpy(own).to(pages.device)
        cosines = (torch.cat(typed) @ patches.T).split([len(row) for row in typed])
        best = torch.stack([row.amax(dim=0) for row in cosines]).masked_fill(own, -torch.inf)

        return parts | {
            "meaning": self.closeness(means @ means.T, teacher, words, words),
            "meaning_to_table": self.closeness(means @ table.T, teacher, words, teacher.whole),
            "query_to_row": losses.alignment(means[whole], table, rows),
            "meaning_on_page": self.closeness(best[:, where].amax(dim=2), teacher, words, on_pages, ranking_loss),
        }

    def table_of_words(self, teacher: Teacher) -> torch.Tensor:
        """The rows of the teacher's words that are one piece, (words, dim), in the space that MaxSim compares."""
        embedding = self.model.get_input_embeddings()
        ids = torch.tensor(teacher.whole_ids, device=self.page_ids.device)
        return without_layers(self.model, embedding.weight[ids] * embedding.embed_scale).float()

    def closeness(
        self, cosines: torch.Tensor, teacher: Teacher, words: list[str], others: list[str],
        loss: Callable[..., torch.Tensor] = meaning_loss,
    ) -> torch.Tensor:  # fmt: skip
        """The loss over cosines (words, others), without words that look alike and without pairs at minus infinity."""
        alike = torch.from_numpy(look_alike(words, others)).to(cosines.device)
        target = teacher.similarities(words, others).to(cosines.device)
        return loss(self.scale * cosines.clamp(min=-1), target, cosines.isinf() | alike)


def word_patches(
    examples: list[Example], words: set[str], grid: tuple[int, int]
) -> tuple[dict[str, list[np.ndarray]], dict[str, np.ndarray]]:
    """Where each word is: for every occurrence the patches that show it, and where any part of it is to be seen.

    Patches of the (rows, columns) grid are numbered row by row through the pages; the second is bool (pages, patches).
    """
    shows: dict[str, list[np.ndarray]] = {word: [] for word in words}
    patches = grid[0] * grid[1]
    touches = {word: np.zeros((len(examples), patches), dtype=bool) for word in words}
    for number, example in enumerate(examples):
        for word, box in zip(example.words, example.word_boxes, strict=True):
            if word in words:
                share, seen = patch_overlap(box, *grid)
                shows[word].append(np.flatnonzero(seen) + number * patches)
                touches[word][number] |= (seen | (share > TOUCH)).ravel()
    return shows, touches


def sample_queries(
    examples: list[Example], count: int, counts: dict[str, int], rng: np.random.Generator
) -> list[Query]:
    """`count` queries for each page.

    Half are single words of the page, one as likely as the other; a quarter single words drawn by how rare they are; a
    quarter phrases of 2-8 consecutive words about one drawn like that. By rarity alone hardly an everyday word would
    be asked for by itself, and a model that finds it in a phrase would miss it alone. Among the rare, words with which
    another word of the pages begins alike come up more often: "option" is easily taken for "options".
    """
    stems: dict[str, set[str]] = {}
    for example in examples:
        for word in example.words:
            stems.setdefault(stem(word), set()).add(word)
    queries = []
    for number, example in enumerate(examples):
        usable = np.array([searchable(word) for word in example.words])
        if not usable.any():
            continue
        rarity = np.array([(1 + counts.get(w, 0)) ** -0.4 for w in example.words]) * usable
        rarity *= [LOOK_ALIKES if len(stems[stem(w)]) > 1 else 1.0 for w in example.words]
        rarity /= rarity.sum()
        words = sorted({word for word, asked_for in zip(example.words, usable, strict=True) if asked_for})
        for i in range(count):
            if i % 4 > 1:
                word = words[rng.integers(len(words))]
                queries.append(Query(word, number, (word,)))
                continue
            start = rng.choice(len(rarity), p=rarity)
            if i % 4 == 0:
                queries.append(Query(example.words[start], number, (example.words[start],)))
                continue
            length = int(rng.integers(2, 9))
            start = max(0, start - int(rng.integers(0, length)))
            phrase = [w for w in example.words[start : start + length] if w and "<" not in w]
            if phrase:
                text = " ".join(" ".join(phrase).split())
                queries.append(Query(text, number, (text,)))
    return queries


def to_pixels(examples: list[Example], device: torch.device) -> torch.Tensor:
    """(pages, 3, size, size) in -1..1, as the processor's x / 255 with mean and deviation 0.5."""
    stacked = torch.from_numpy(np.stack([example.pixels for example in examples])).to(device)
    return stacked.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


class Run:
    """One training run in a folder: state, log, checkpoints. Killed at any moment, it goes on from its last state."""

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
        """What an optimizer knows each parameter as, by the parameter's name."""
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
        """The averaged weights as a checkpoint that the app can load."""
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
