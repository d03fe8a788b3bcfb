"""How well a checkpoint reads: `python -m colpali_demo.training evaluate FILES...`.

*Pointing*: the query is a single word of the page. Of the word's tokens take the one with the highest MaxSim; it hits
when its winner, over all vectors of the page, is a patch that contains the center of an occurrence of the word or at
least a quarter of one. Text slots and tiles are misses; no neighbor counts. *Chance* is the mean share of a page's
vectors that would be hits.

*Retrieval*: the query is a phrase of 3-5 consecutive words of a page; all pages are ranked by their score. Pages that
hold the phrase too are as relevant as the one it was taken from. BM25 ranks the same pages by their text layer.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import torch
from PIL import Image, ImageDraw, ImageFont
from rank_bm25 import BM25Okapi

from colpali_demo import maxsim
from colpali_demo.documents.pdfium import PdfiumFile
from colpali_demo.encoder import Encoder
from colpali_demo.training.corpus.fonts import FontSet
from colpali_demo.training.pages.degrade import move_boxes, rescan
from colpali_demo.training.pages.drawn import TextSource, make_page
from colpali_demo.training.pages.targets import bare_word, patch_overlap

# Lowest pointing on real PDFs and lowest share of BM25's recall for each level, and what the app says of it.
LEVELS = (
    (0.75, 0.70, "reads", "Reads printed English: heatmaps mostly land on the word, and most phrases find their page."),
    (
        0.50,
        0.40,
        "large_print",
        "Reads large print only: trust it on headings and large text, less on small body text.",
    ),
    (0.00, 0.00, "sketch", "A sketch of a retriever: it shows how late interaction works, but do not search with it."),
)


@dataclass
class EvaluationPage:
    """A page image, its words as searched for ("" where none), and their boxes (words, 4) in fractions."""

    name: str
    image: Image.Image
    words: list[str]
    boxes: np.ndarray


def pages_of_pdfs(files: list[Path], count: int, rng: np.random.Generator, render_pixels: int = 1600):
    """About `count` pages, as many from each file as its length and the others' allow, with 30 words or more each."""
    pages = []
    share = math.ceil(count / len(files))
    for file in sorted(files):
        with pdfium.PdfDocument(file) as pdf:
            length = len(pdf)
        document = PdfiumFile(file.read_bytes(), render_pixels, length)
        taken = 0
        for number in rng.permutation(length) + 1:
            image, words = document.render(int(number))
            boxes = np.array([word[1:] for word in words], dtype=np.float32).reshape(-1, 4)
            bare = [bare_word(word[0]) for word in words]
            if sum(map(bool, bare)) >= 30:
                pages.append(EvaluationPage(f"{file.name}:{number}", image, bare, boxes))
                taken += 1
            if taken == share:
                break
    return pages


def generated_pages(
    text: list[Path], count: int, rng: np.random.Generator, font_paths: Sequence[Path]
) -> list[EvaluationPage]:
    """Pages drawn like the training pages, but with the held-out font families, from the given text."""
    source, fonts = TextSource(text), FontSet.only(paths=font_paths)
    pages = []
    while len(pages) < count:
        page = make_page(rng, source, fonts)
        if len(page.words) >= 30:
            words = [bare_word(word) for word in page.words]
            pages.append(EvaluationPage(f"generated:{len(pages)}", page.image, words, np.asarray(page.word_boxes)))
    return pages


def rescanned(pages: list[EvaluationPage], rng: np.random.Generator) -> list[EvaluationPage]:
    """The same pages printed and scanned: skew, blur, gray paper, JPEG at quality 40."""
    result = []
    for page in pages:
        image, affine = rescan(page.image, rng)
        result.append(EvaluationPage(page.name, image, page.words, move_boxes(page.boxes, affine)))
    return result


class Evaluation:
    """A checkpoint over a set of pages, embedded once."""

    def __init__(self, encoder: Encoder, pages: list[EvaluationPage]):
        self.encoder, self.pages = encoder, pages
        started = time.perf_counter()
        self.embeddings = [encoder.embed_pages([page.image])[0] for page in pages]
        self.seconds_per_page = (time.perf_counter() - started) / len(pages)

    def pointing(self, rng: np.random.Generator, words_per_page: int = 10) -> dict[str, float]:
        hits, chances = [], []
        for page, embedding in zip(self.pages, self.embeddings, strict=True):
            layout = embedding.layout
            candidates = sorted({word for word in page.words if len(word) >= 4 and word.isalpha() and word.isascii()})
            for word in rng.permutation(candidates)[:words_per_page]:
                boxes = [box for other, box in zip(page.words, page.boxes, strict=True) if other == word]
                shows = np.any([patch_overlap(box, layout.rows, layout.cols)[1] for box in boxes], axis=0)
                query = typed_vectors(self.encoder, str(word))
                maxima, winners = maxsim.row_maxima(maxsim.similarities(query, embedding.vectors))
                slot = layout.slots[int(winners[int(maxima.argmax())])]
                hits.append(any(shows[cell] for cell in slot.cells))
                chances.append(shows.sum() / len(layout.slots))
        return {"pointing": float(np.mean(hits)), "chance": float(np.mean(chances)), "words": len(hits)}

    def retrieval(self, rng: np.random.Generator, phrases_per_page: int = 2) -> dict[str, float]:
        texts = [[word for word in page.words if word] for page in self.pages]
        joined = [f" {' '.join(words)} " for words in texts]
        bm25 = BM25Okapi(texts)
        phrases = []
        for words in texts:
            for _ in range(phrases_per_page):
                length = int(rng.integers(3, 6))
                start = int(rng.integers(0, len(words) - length + 1))
                phrases.append(" ".join(words[start : start + length]))
        relevant = np.array([[f" {phrase} " in text for text in joined] for phrase in phrases])
        pages = [embedding.vectors for embedding in self.embeddings]
        scores = []
        for start in range(0, len(phrases), 16):  # as many as fit in memory together
            queries = [self.encoder.embed_query(phrase).vectors for phrase in phrases[start : start + 16]]
            scores.append(maxsim.score_matrix(queries, pages).numpy())
        ours = [rank_measures(*pair) for pair in zip(np.concatenate(scores), relevant, strict=True)]
        theirs = [
            rank_measures(bm25.get_scores(phrase.split()), pages_with_it)
            for phrase, pages_with_it in zip(phrases, relevant, strict=True)
        ]
        recall, ndcg = np.mean(ours, axis=0)
        bm25_recall, bm25_ndcg = np.mean(theirs, axis=0)
        return {
            "recall@1": float(recall),
            "ndcg@5": float(ndcg),
            "bm25_recall@1": float(bm25_recall),
            "bm25_ndcg@5": float(bm25_ndcg),
            "recall_share": float(recall / bm25_recall),
            "phrases": len(ours),
            "pages": len(texts),
        }


def rank_measures(scores: np.ndarray, relevant: np.ndarray) -> tuple[float, float]:
    """recall@1 (is the first page relevant) and nDCG@5 with binary gains. Ties go to the lower index."""
    order = np.argsort(-scores, kind="stable")[:5]
    gains = relevant[order] / np.log2(np.arange(2, len(order) + 2))
    ideal = (1 / np.log2(np.arange(2, min(int(relevant.sum()), 5) + 2))).sum()
    return float(relevant[order[0]]), float(gains.sum() / ideal)


def meaning(encoder: Encoder, pairs: Path) -> dict[str, float]:
    """Of triples "word related unrelated", the share in which the word's query is closer to the related one on a page.

    Compared are the best cosines of the query's typed tokens with the patches that show each.
    """
    right = []
    for triples, patches in pages_of_pairs(encoder, pairs):
        for word, *others in triples:
            query = typed_vectors(encoder, word)
            related, unrelated = (maxsim.similarities(query, patches[other]).max() for other in others)
            right.append(bool(related > unrelated))
    return {"related_closer": float(np.mean(right)), "triples": len(right)}


def pages_of_pairs(encoder: Encoder, pairs: Path) -> Iterator[tuple[list[list[str]], dict[str, torch.Tensor]]]:
    """Triples "word related unrelated", ten at a time, and the vectors of the patches that show each of their words.

    A page shows the related and the unrelated words in large print, one to a cell of a sparse table, in an order drawn
    from a fixed seed.
    """
    lines = [line.split() for line in pairs.read_text().split("\n") if line and not line.startswith("#")]
    rng = np.random.default_rng(0)
    for start in range(0, len(lines), 10):
        triples = lines[start : start + 10]
        shown = sorted({word for triple in triples for word in triple[1:]})
        image, boxes = word_table([shown[i] for i in rng.permutation(len(shown))])
        embedding = encoder.embed_pages([image])[0]
        layout = embedding.layout
        patches = embedding.vectors[layout.patch_vectors]
        yield triples, {word: patches[patch_overlap(boxes[word], layout.rows, layout.cols)[1]] for word in shown}


def typed_vectors(encoder: Encoder, text: str) -> torch.Tensor:
    """The vectors of the tokens that somebody typed, (tokens, dim): no prompt, no augmentation."""
    query = encoder.embed_query(text)
    return query.vectors[[token.index for token in query.tokens if token.kind == "word"]]


def word_table(words: list[str]) -> tuple[Image.Image, dict[str, np.ndarray]]:
    """A white A4 page with the words in two columns, and each word's box in fractions of the page."""
    width, height, size = 1132, 1600, 44
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    boxes = {}
    for number, word in enumerate(words):
        x, y = 120 + (number % 2) * 520, 120 + (number // 2) * 132
        draw.text((x, y), word, fill="black", font=font)
        boxes[word] = np.array(draw.textbbox((x, y), word, font=font)) / (width, height, width, height)
    return image, boxes


def evaluate(
    encoder: Encoder, files: list[Path], *, pages: int, seed: int, text: list[Path] | None, pairs: Path | None,
    fonts: Sequence[Path],
) -> dict:  # fmt: skip
    """Every figure there is a way to measure with what was given, as one JSON object."""
    result: dict = {
        "model": encoder.model_info,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files},
    }
    real = pages_of_pdfs(files, pages, np.random.default_rng((seed, 0)))
    evaluation = Evaluation(encoder, real)
    result["seconds_per_page"] = evaluation.seconds_per_page
    result["real"] = evaluation.pointing(np.random.default_rng((seed, 1)))
    result["real"] |= evaluation.retrieval(np.random.default_rng((seed, 2)))
    scans = rescanned(real, np.random.default_rng((seed, 3)))
    result["rescanned"] = Evaluation(encoder, scans).pointing(np.random.default_rng((seed, 1)))
    result["rescanned"]["lost"] = share_lost(result["real"]["pointing"], result["rescanned"]["pointing"])
    if text:
        drawn = generated_pages(text, max(20, pages // 2), np.random.default_rng((seed, 4)), fonts)
        result["generated"] = Evaluation(encoder, drawn).pointing(np.random.default_rng((seed, 5)))
    if pairs:
        result["meaning"] = meaning(encoder, pairs)
    return result


def share_lost(before: float, after: float) -> float:
    """The part of `before` that is gone, negative for a gain. Who had nothing has lost nothing."""
    return 1 - after / before if before else 0.0


def reading(result: dict) -> dict:
    """What the app says of a checkpoint (`reading.json`), from its figures on real PDFs."""
    pointing, share = result["real"]["pointing"], result["real"]["recall_share"]
    level, says = next((name, says) for low, least, name, says in LEVELS if pointing >= low and share >= least)
    figures = (
        f"On PDFs it has never seen it points at {pointing:.0%} of single words, and finds the page of {share:.0%} as "
        "many short phrases as a text search does."
    )
    return {
        "schema": 1, "pointing_real": pointing, "recall_share": share, "level": level,
        "sentence": f"{says} {figures}",
    }  # fmt: skip


def table(result: dict) -> str:
    """The figures as lines for a terminal."""
    real = result["real"]
    lines = [
        f"pointing, real PDFs                {real['pointing']:.3f}  (chance {real['chance']:.3f}, "
        f"{real['words']} words)",
        f"recall@1 of phrases, real PDFs     {real['recall@1']:.3f}  (BM25 {real['bm25_recall@1']:.3f}: share "
        f"{real['recall_share']:.2f}; {real['phrases']} phrases, {real['pages']} pages)",
        f"nDCG@5                             {real['ndcg@5']:.3f}  (BM25 {real['bm25_ndcg@5']:.3f})",
        f"pointing, printed and rescanned    {result['rescanned']['pointing']:.3f}  "
        f"(lost {result['rescanned']['lost']:.1%})",
        f"seconds per page                   {result['seconds_per_page']:.3f}  ({result['threads']} threads)",
    ]  # fmt: skip
    if "generated" in result:
        generated = result["generated"]
        lines.append(
            f"pointing, generated, unseen fonts  {generated['pointing']:.3f}  (chance {generated['chance']:.3f})"
        )
    if "meaning" in result:
        lines.append(f"related closer than unrelated      {result['meaning']['related_closer']:.3f}  "
                     f"({result['meaning']['triples']} triples)")  # fmt: skip
    return "\n".join(lines)


def save(result: dict, out: Path | None, checkpoint: Path | None) -> None:
    """Write the figures to `out`, and what the app says of the checkpoint beside its weights."""
    if out:
        out.write_text(json.dumps(result, indent=1))
    if checkpoint:
        (checkpoint / "reading.json").write_text(json.dumps(reading(result), indent=1) + "\n")
