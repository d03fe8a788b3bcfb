"""What a page teaches: which character, subword and word stands where on the grids of the model.

The rule that says which patches show a word is the evaluation's rule too, so the two cannot drift apart.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from colpali_demo.training.pages.drawn import TrainingPage

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()[]{}<>/\\|-_+=*&%$#@^~•"
CHARACTER_CLASS = {character: index + 1 for index, character in enumerate(CHARACTERS)}  # 0: nothing here
CHARACTER_CLASS |= {"‘": CHARACTER_CLASS["'"], "’": CHARACTER_CLASS["'"], "“": CHARACTER_CLASS['"']}
CHARACTER_CLASS |= {"”": CHARACTER_CLASS['"'], "–": CHARACTER_CLASS["-"], "—": CHARACTER_CLASS["-"]}
OTHER_CHARACTER = len(CHARACTERS) + 1
CHARACTER_CLASSES = len(CHARACTERS) + 2
CHARACTER_STRIDE = 8

RESAMPLE = Image.Resampling.BILINEAR  # how pages are scaled: quicker than ColPali's bicubic, and read as well
OVERLAP = 0.25  # a patch shows a word when it covers a quarter of it or its center
TOUCH = 0.02  # less than this is no overlap at all


@dataclass
class Example:
    """One page, ready for the model. Cells are (row, column) on the stride-8 grid of the squashed square.

    Attributes:
        pixels: uint8 (size, size, 3); None where `features` stand for them.
        character_cells: int64 (characters, 2); `character_labels`: int64 (characters,).
        piece_centers: float32 (pieces, 2), x and y as fractions; `piece_ids`: int64 (pieces,) token ids.
        words: one per drawn word: lower-cased, without punctuation around it, "" where nothing is left.
        word_boxes: float32 (words, 4): left, top, right, bottom as fractions.
        features: bfloat16 (patches, width), what tower and projector make of them; `vectors`: float16 (vectors, dim),
            what the language model then makes of these.
    """

    pixels: np.ndarray | None
    character_cells: np.ndarray
    character_labels: np.ndarray
    piece_centers: np.ndarray
    piece_ids: np.ndarray
    words: list[str]
    word_boxes: np.ndarray
    features: torch.Tensor | None = None
    vectors: torch.Tensor | None = None


def bare_word(word: str) -> str:
    """Return the word as somebody would search for it: lower case, no punctuation at its ends."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return word[start:end].lower()


def searchable(word: str) -> bool:
    """Return whether a bare word can be a training query: two ASCII characters or more, no start of a special token."""
    return len(word) > 1 and word.isascii() and "<" not in word


def patch_overlap(box: np.ndarray, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of a word each patch shows.

    Args:
        box: left, top, right, bottom as fractions of the page.

    Returns:
        `share`, float (rows, cols), the part of the box's area inside each patch, and `shows`, bool (rows, cols): the
        patch contains the box's center or at least a quarter of its area.
    """
    left, top, right, bottom = (float(v) for v in box)
    x = np.arange(cols + 1) / cols
    y = np.arange(rows + 1) / rows
    across = np.clip(np.minimum(x[1:], right) - np.maximum(x[:-1], left), 0, None) / max(right - left, 1e-9)
    down = np.clip(np.minimum(y[1:], bottom) - np.maximum(y[:-1], top), 0, None) / max(bottom - top, 1e-9)
    share = down[:, None] * across[None, :]
    shows = share >= OVERLAP
    row = min(max(int((top + bottom) / 2 * rows), 0), rows - 1)
    col = min(max(int((left + right) / 2 * cols), 0), cols - 1)
    shows[row, col] = True
    return share, shows


def make_example(page: TrainingPage, tokenizer: PreTrainedTokenizerFast, size: int) -> Example:
    """Squash the page to the model's square as the processor does, and place its labels."""
    image = page.image.convert("RGB").resize((size, size), RESAMPLE)
    grid = size // CHARACTER_STRIDE

    boxes = np.stack([page.chars[side] for side in ("left", "top", "right", "bottom")], axis=1)
    codes = page.chars["codepoint"]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centers > 0) & (centers < 1)).all(axis=1)
    positions = centers[inside, ::-1] * grid
    cells = positions.astype(np.int64)
    labels = np.array(
        [CHARACTER_CLASS.get(chr(code).lower(), OTHER_CHARACTER) for code in codes[inside]], dtype=np.int64
    )
    # Small print puts two characters into one cell: the one nearer to its middle counts.
    nearest = np.argsort(np.abs(positions - cells - 0.5).sum(axis=1), kind="stable")
    _, first = np.unique(cells[nearest] @ (grid, 1), return_index=True)
    cells, labels = cells[nearest[first]], labels[nearest[first]]

    piece_ids, piece_centers = [], []
    if page.words:
        encoded = tokenizer([" " + word for word in page.words], add_special_tokens=False, return_offsets_mapping=True)
        for word, (start, end), ids, spans in zip(
            page.words, page.word_chars, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            if end - start != len(word):
                continue
            for token, (first, last) in zip(ids, spans, strict=True):
                first, last = max(first - 1, 0), last - 1  # the space in front is not drawn
                # Text may well say <image> or <loc0003>: that is no piece of text to the tokenizer.
                if token == tokenizer.unk_token_id or token >= tokenizer.vocab_size or last <= first:
                    continue
                left, right = boxes[start + first, 0], boxes[start + last - 1, 2]
                piece_ids.append(token)
                piece_centers.append(((left + right) / 2, centers[start + first : start + last, 1].mean()))
    piece_centers = np.array(piece_centers, dtype=np.float32).reshape(-1, 2)
    piece_ids = np.array(piece_ids, dtype=np.int64)
    inside = ((piece_centers > 0) & (piece_centers < 1)).all(axis=1)
    return Example(
        pixels=np.asarray(image),
        character_cells=cells,
        character_labels=labels,
        piece_centers=piece_centers[inside],
        piece_ids=piece_ids[inside],
        words=[bare_word(word) for word in page.words],
        word_boxes=np.asarray(page.word_boxes, dtype=np.float32).reshape(-1, 4),
    )
