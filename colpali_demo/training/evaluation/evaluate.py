"""How well a checkpoint reads: `python -m colpali_demo.training evaluate FILES...`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from colpali_demo.encoder import Encoder
from colpali_demo.training.evaluation.answers import PAGES, answers, read_questions
from colpali_demo.training.evaluation.measures import Evaluation
from colpali_demo.training.evaluation.pages import all_pages, generated_pages, pages_of_pdfs, photographed, rescanned
from colpali_demo.training.evaluation.pairs import meaning

# Lowest pointing on real PDFs and lowest share of BM25's recall for each level, and the sentence that the app shows.
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


def evaluate(
    encoder: Encoder, files: list[Path], *, pages: int, seed: int, text: list[Path] | None, pairs: Path | None,
    fonts: Sequence[Path], questions: Path | None = None, groups: Mapping[str, Sequence[Path]] = {},
) -> dict:  # fmt: skip
    """Return every figure there is a way to measure with what was given, as one JSON object.

    `questions` are over the files of which they name pages; `groups` are further files, by the name of what they have
    in common, such as a language.
    """
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
    photos = photographed(real, np.random.default_rng((seed, 6)))
    result["photographed"] = Evaluation(encoder, photos).pointing(np.random.default_rng((seed, 1)))
    result["photographed"]["lost"] = share_lost(result["real"]["pointing"], result["photographed"]["pointing"])
    if questions:
        asked = read_questions(questions)
        documents = {question.page.rpartition(":")[0] for question in asked}
        answering = all_pages([file for file in files if file.name in documents], PAGES)
        result |= answers(Evaluation(encoder, answering), asked)
    result["groups"] = {}
    for name, group in groups.items():
        evaluation = Evaluation(
            encoder, pages_of_pdfs(list(group), max(20, pages // 4), np.random.default_rng((seed, 7)))
        )
        result["groups"][name] = evaluation.pointing(np.random.default_rng((seed, 8)), accents=True)
        result["groups"][name] |= evaluation.retrieval(np.random.default_rng((seed, 9)))
    if text:
        drawn = generated_pages(text, max(20, pages // 2), np.random.default_rng((seed, 4)), fonts)
        result["generated"] = Evaluation(encoder, drawn).pointing(np.random.default_rng((seed, 5)))
    if pairs:
        result["meaning"] = meaning(encoder, pairs)
    return result


def share_lost(before: float, after: float) -> float:
    """Return the part of `before` that is gone, negative for a gain. Who had nothing has lost nothing."""
    return 1 - after / before if before else 0.0


def reading(result: dict) -> dict:
    """Build `reading.json`, the sentence that the app shows about a checkpoint, from its figures on real PDFs."""
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
    """Return the figures as lines for a terminal."""
    real = result["real"]
    lines = [
        f"pointing, real PDFs                {real['pointing']:.3f}  (chance {real['chance']:.3f}, "
        f"{real['words']} words)",
        f"recall@1 of phrases, real PDFs     {real['recall@1']:.3f}  (BM25 {real['bm25_recall@1']:.3f}: share "
        f"{real['recall_share']:.2f}; {real['phrases']} phrases, {real['pages']} pages)",
        f"nDCG@5                             {real['ndcg@5']:.3f}  (BM25 {real['bm25_ndcg@5']:.3f})",
        f"pointing, printed and rescanned    {result['rescanned']['pointing']:.3f}  "
        f"(lost {result['rescanned']['lost']:.1%})",
        f"pointing, photographed             {result['photographed']['pointing']:.3f}  "
        f"(lost {result['photographed']['lost']:.1%})",
        f"seconds per page                   {result['seconds_per_page']:.3f}  ({result['threads']} threads)",
    ]  # fmt: skip
    for kind in ("questions", "paraphrases"):
        if kind in result:
            found, theirs = result[kind], (result[kind]["bm25_hit@1"], result[kind]["bm25_hit@5"])
            lines += [
                f"{kind + ', hit@1 and hit@5':35}{found['hit@1']:.3f} {found['hit@5']:.3f}  (BM25 {theirs[0]:.3f} "
                f"{theirs[1]:.3f}; {found['questions']} over {found['pages']} pages)",
                f"{kind + ', function words vary by':35}{found['function_spread']:.3f}  "
                f"(the others by {found['content_spread']:.3f})",
            ]
    for name, group in result["groups"].items():
        lines += [
            f"{'pointing, ' + name:35}{group['pointing']:.3f}  ({group['words']} words)",
            f"{'recall@1 of phrases, ' + name:35}{group['recall@1']:.3f}  (BM25 {group['bm25_recall@1']:.3f}: share "
            f"{group['recall_share']:.2f}; {group['phrases']} phrases, {group['pages']} pages)",
        ]
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
    """Write the figures to `out`, and `reading.json` beside the weights of the checkpoint."""
    if out:
        out.write_text(json.dumps(result, indent=1))
    if checkpoint:
        (checkpoint / "reading.json").write_text(json.dumps(reading(result), indent=1) + "\n")
