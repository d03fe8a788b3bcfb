"""Pages on the fly: worker processes draw them, a buffer in the trainer shows each one a few times."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import PreTrainedTokenizerFast

from colpali_demo.training.corpus.fonts import FontSet
from colpali_demo.training.pages.degrade import degrade
from colpali_demo.training.pages.drawn import TextSource, make_page
from colpali_demo.training.pages.pdf import PdfPages
from colpali_demo.training.pages.targets import Example, make_example, searchable

WORDS_SHARE = 0.5  # share of drawn pages that show words: prose of a few fields has few different words


class PageStream(IterableDataset):
    """An endless stream of examples, different in every worker and reproducible from the seed.

    Args:
        text: folder of .txt files; fonts: folders or files of fonts; pdfs: PDF files with a text layer, may be empty.
        pdf_share: part of the pages that come from `pdfs`.
        difficulty: 0 is large print only, 1 is the full mix.
    """

    def __init__(
        self, text: Path, fonts: list[Path], pdfs: list[Path], pdf_share: float, difficulty: float,
        tokenizer: PreTrainedTokenizerFast, size: int, seed: int,
    ):  # fmt: skip
        self.text, self.fonts, self.pdfs, self.pdf_share = text, fonts, pdfs, pdf_share if pdfs else 0.0
        self.difficulty, self.tokenizer, self.size, self.seed = difficulty, tokenizer, size, seed

    def __iter__(self) -> Iterator[Example]:
        info = get_worker_info()
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        if info:
            os.nice(5)
        torch.set_num_threads(1)
        source, fonts = TextSource(self.text), FontSet(self.fonts)
        pdfs = PdfPages(self.pdfs)
        while True:
            if rng.random() < self.pdf_share:
                page = pdfs.make_page(rng)
            else:
                kind = "words" if rng.random() < WORDS_SHARE else None
                page = make_page(rng, source, fonts, kind=kind, difficulty=self.difficulty)
            page = degrade(page, rng)
            example = make_example(page, self.tokenizer, self.size)
            if len(example.piece_ids) >= 5 and any(map(searchable, example.words)):
                yield example


def batches(stream: PageStream, size: int, workers: int, reuse: int, seed: int, buffer: int = 160):
    """Yield batches of examples; each page is shown `reuse` times, apart from each other."""
    loader = DataLoader(
        stream, batch_size=None, num_workers=workers, prefetch_factor=8 if workers else None,
        multiprocessing_context="fork" if workers else None,
    )  # fmt: skip
    rng = np.random.default_rng((seed, 1))
    pool: list[list] = []
    fresh = iter(loader)
    while True:
        while len(pool) < buffer * (1 - 1 / (2 * reuse)) or len(pool) < size:
            pool.append([next(fresh), reuse])
            if len(pool) >= size * 8 and len(pool) < buffer // 2 and rng.random() < 0.5:
                break  # start early, grow the buffer on the way
        chosen = rng.choice(len(pool), size, replace=False)
        yield [pool[i][0] for i in chosen]
        for i in sorted(chosen, reverse=True):
            pool[i][1] -= 1
            if pool[i][1] == 0:
                pool.pop(i)
