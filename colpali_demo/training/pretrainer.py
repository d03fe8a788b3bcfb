"""The retriever with the heads that read, and what its losses are over a batch of pages."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from transformers import ColPaliForRetrieval, ColPaliProcessor

from colpali_demo.training import losses
from colpali_demo.training.meaning import Teacher, look_alike, meaning_loss, ranking_loss
from colpali_demo.training.model import page_ids, without_layers
from colpali_demo.training.pages.targets import (
    CHARACTER_CLASSES,
    CHARACTER_STRIDE,
    TOUCH,
    Example,
    bare_word,
    patch_overlap,
)
from colpali_demo.training.queries import Query
from colpali_demo.training.questions import adds_the_same

# Features at stride 16 and rows of the table are both about 16 long: a cell that shows one piece and nothing else can
# give it 32 nats over the average piece.
PIECE_SCALE = 0.125
EMPTY_CELLS = 2_000  # background cells a page contributes to the character loss
TABLE_ROWS = 256  # a step, each compared with every other word that is one piece
PATCHES = 8  # most patches that show a word which enter the meaning loss on pages
PIECES = 200  # subwords a page contributes: each costs a softmax over the vocabulary


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
        """Encode pages: their tower features and their vectors (pages, vectors, dim)."""
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
        """Encode queries: (queries, tokens, dim), mask (queries, tokens), the (token, word) pairs of each.

        Punctuation around a word, and a space that is a piece of its own, belong to none: their number is -1.
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
        """Measure how well characters at stride 8 and subwords at stride 16 are read in the tower's features."""
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
        """Measure how well patches' vectors (pages, patches, dim) show subwords, in the space that MaxSim compares."""
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
        """Return the embedding table's rows of text, as the language model takes them."""
        embedding = self.model.get_input_embeddings()
        return (embedding.weight * embedding.embed_scale)[: len(self.piece_bias)]

    def chosen_pieces(self, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ids of all subwords of the pages, and which enter the losses: the same for the same pages."""
        rng = np.random.default_rng(sum(len(example.piece_ids) for example in examples))
        ids = torch.from_numpy(np.concatenate([example.piece_ids for example in examples]))
        chosen = np.concatenate([rng.permutation(len(example.piece_ids)) < PIECES for example in examples])
        return ids.to(self.page_ids.device), torch.from_numpy(chosen).to(self.page_ids.device)

    def cells_of_pieces(self, examples: list[Example], rows: int, columns: int) -> torch.Tensor:
        """Return where the subwords of all pages stand on a grid, numbered row by row through the pages."""
        cells = []
        for number, example in enumerate(examples):
            column, row = (example.piece_centers * (columns, rows)).astype(np.int64).T
            cells.append((number * rows + row) * columns + column)
        return torch.from_numpy(np.concatenate(cells)).to(self.page_ids.device)

    def retrieval_losses(
        self, pages: torch.Tensor, examples: list[Example], queries: list[Query]
    ) -> dict[str, torch.Tensor]:
        """Return token-to-patch and page losses, and how far function words and untyped tokens vary between pages."""
        vectors, mask, places = self.encode_queries([query.text for query in queries])
        vectors, pages = vectors.float(), pages.float()
        points, function = tokens_by_part(queries, places, mask)
        untyped = mask.clone()
        for number, place in enumerate(places):
            untyped[number, [token for token, _ in place]] = False
        maxima = losses.token_maxima(vectors, pages)
        scaled = self.scale.detach() * maxima
        return {
            **self.token_losses(vectors, pages, examples, points),
            **self.page_losses(maxima, mask, examples, queries),
            "untyped": losses.difference_between_pages(scaled, untyped),
            "function": losses.difference_between_pages(scaled, function),
        }

    def token_losses(
        self, vectors: torch.Tensor, pages: torch.Tensor, examples: list[Example], points: list[tuple[int, int, str]]
    ) -> dict[str, torch.Tensor]:
        """Compare tokens whose word is shown with all vectors of the batch; also the share that points at its word.

        Args:
            vectors: (queries, tokens, dim); pages: (pages, vectors, dim).
            points: number of the query and of the token, and the bare word that it has to point at.
        """
        device = pages.device
        showing, touching = word_patches(examples, {word for _, _, word in points}, self.grid)
        rows, columns, words = zip(*(point for point in points if showing[point[2]]), strict=True)
        occurrences = [(token, patches) for token, word in enumerate(words) for patches in showing[word]]
        lengths = [len(patches) for _, patches in occurrences]
        patches = np.concatenate([patches for _, patches in occurrences])
        slots = pages.shape[1] - self.patches  # text slots, behind the patches of each page
        tokens, numbers = (
            np.repeat([token for token, _ in occurrences], lengths),
            np.repeat(range(len(lengths)), lengths),
        )
        shown = torch.from_numpy(np.stack([tokens, patches + patches // self.patches * slots, numbers])).to(device)
        excluded = torch.from_numpy(np.stack([touching[word] for word in words]))
        excluded = nn.functional.pad(excluded, (0, slots)).flatten(1).to(device)
        logits = self.scale * vectors[rows, columns] @ pages.flatten(0, 1).T
        right = torch.zeros_like(excluded)
        right[shown[0], shown[1]] = True
        return {
            "token": losses.token_to_patch(logits, shown, excluded),
            "pointing": right.gather(1, logits.argmax(1, keepdim=True)).float().mean(),
        }

    def page_losses(
        self, maxima: torch.Tensor, mask: torch.Tensor, examples: list[Example], queries: list[Query]
    ) -> dict[str, torch.Tensor]:
        """Compare each query's own page with those that do not answer it; also the share of queries that rank it first.

        `maxima` is (queries, pages, tokens), `mask` bool (queries, tokens).
        """
        scores = losses.late_interaction_scores(maxima, mask) / mask.sum(dim=1, keepdim=True)
        own = torch.tensor([query.page for query in queries], device=maxima.device)
        texts = [f" {' '.join(example.words)} " for example in examples]
        also = torch.tensor([[query.answered_by(text) for text in texts] for query in queries], device=maxima.device)
        also[torch.arange(len(own)), own] = False
        scaled = self.scale * scores
        return {
            "page": losses.in_batch_softmax(scaled, own, also) + losses.pairwise_hardest(scaled, own, also),
            "first": (scores.masked_fill(also, -1).argmax(dim=1) == own).float().mean(),
        }

    def meaning_losses(
        self, pages: torch.Tensor, examples: list[Example], teacher: Teacher, count: int, rng: np.random.Generator
    ) -> dict[str, torch.Tensor]:
        """Return how far the model's idea of which words are close is from the teacher's.

        Compared are about `count` words as queries, half of them shown on the pages: "meaning" has each word's mean
        vector with those of the others, "meaning_to_table" with the rows of the embedding table that are one word
        each, "query_to_row" with its own row, "meaning_on_page" its tokens' best cosine with the patches that show a
        word, for every word of the pages; patches that show the query's own word, too, are left out.
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
        """Return the rows of the teacher's words of one piece, (words, dim), in the space that MaxSim compares."""
        embedding = self.model.get_input_embeddings()
        ids = torch.tensor(teacher.whole_ids, device=self.page_ids.device)
        return without_layers(self.model, embedding.weight[ids] * embedding.embed_scale).float()

    def closeness(
        self, cosines: torch.Tensor, teacher: Teacher, words: list[str], others: list[str],
        loss: Callable[..., torch.Tensor] = meaning_loss,
    ) -> torch.Tensor:  # fmt: skip
        """Return the loss over cosines (words, others), without words that look alike and pairs at minus infinity."""
        alike = torch.from_numpy(look_alike(words, others)).to(cosines.device)
        target = teacher.similarities(words, others).to(cosines.device)
        return loss(self.scale * cosines.clamp(min=-1), target, cosines.isinf() | alike)


def tokens_by_part(
    queries: list[Query], places: list[list[tuple[int, int]]], mask: torch.Tensor
) -> tuple[list[tuple[int, int, str]], torch.Tensor]:
    """Sort typed tokens: those that point, each as (query, token, bare word), and those that add the same everywhere.

    `places` and `mask` are those of `Pretrainer.encode_queries`; the second result is bool, of the mask's shape.
    """
    points, function = [], torch.zeros_like(mask)
    for number, (query, place) in enumerate(zip(queries, places, strict=True)):
        words = query.text.split(" ")
        same = adds_the_same(words)
        for token, word in place:
            if word < 0 or same[word]:
                function[number, token] = True
            elif bare := bare_word(words[word]):
                points.append((number, token, bare))
    return points, function


def word_patches(
    examples: list[Example], words: set[str], grid: tuple[int, int]
) -> tuple[dict[str, list[np.ndarray]], dict[str, np.ndarray]]:
    """Return where each word is: for every occurrence the patches that show it, and where any part of it is to be seen.

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


def to_pixels(examples: list[Example], device: torch.device) -> torch.Tensor:
    """Return (pages, 3, size, size) in -1..1, as the processor's x / 255 with mean and deviation 0.5."""
    stacked = torch.from_numpy(np.stack([example.pixels for example in examples])).to(device)
    return stacked.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
