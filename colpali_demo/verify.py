"""Check a checkpoint on the spot: is what this package assumes about it true of its files, in this very environment?

`python -m colpali_demo verify --model ID_OR_FOLDER` prints the report. Every check computes; none looks a name up.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from PIL import Image
from safetensors import safe_open

from colpali_demo import maxsim
from colpali_demo.encoder import Encoder, PageEmbedding, load_encoder

SHAPES = {"square": (1024, 1024), "portrait": (724, 1024), "landscape": (1024, 576)}
"""(width, height) of the pages used, in pixels."""

QUERIES = ("revenue by region", "What is the price of copper, per tonne?", "a", "Straße 2027: 3,5 %")
PADDING = 5

UNIT_TOLERANCE = {"float32": 1e-4, "bfloat16": 2e-2, "float16": 5e-3}  # length of a vector, off from 1
# Numbers of a vector with padding, off from those without.
PADDING_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05}
POSITIONS_AGREEMENT = {
    "float32": 0.9999,
    "bfloat16": 0.98,
    "float16": 0.99,
}  # least cosine of a vector with the one of the model called whole
BORDER = 1 / 8  # share of a cell that is left unpainted on each side
MOVED = 1e-5  # a vector that moves by less has not changed with a token elsewhere
AGREEMENT = 0.9  # least mean cosine of the vectors of two precisions


@dataclass(frozen=True)
class Check:
    """One line of a report: what was checked, whether it holds, and what was found."""

    name: str
    passed: bool
    finding: str


@dataclass(frozen=True)
class Report:
    """What `verify` found out about a checkpoint."""

    model_info: Mapping[str, Any]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        """Return the report as plain text that can be pasted anywhere."""
        info = self.model_info
        failed = sum(not check.passed for check in self.checks)
        parameters = f"{info['parameters'] / 1e6:,.1f} million parameters"
        width = max(len(check.name) for check in self.checks)
        return "\n".join(
            [
                f"checkpoint  {info['name']}: {info['family']}, {parameters}, {info['dtype']} on {info['device']}",
                f"versions    python {platform.python_version()}, torch {torch.__version__}, "
                f"transformers {transformers.__version__}, {platform.system()} {platform.machine()}",
                *(
                    f"{'ok  ' if check.passed else 'FAIL'}  {check.name:<{width}}  {check.finding}"
                    for check in self.checks
                ),
                f"{failed} of {len(self.checks)} checks failed" if failed else f"all {len(self.checks)} checks passed",
            ]
        )


class _Failure(Exception):
    """A check does not hold; the message says what was found instead."""


def verify(encoder: Encoder, *, prefix: str | None = None) -> Report:
    """Run every check on a loaded checkpoint; takes about twenty page embeddings.

    prefix: the query prefix that the checkpoint was trained with, where it is not the one its family was published with
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("vectors", lambda: _vectors(encoder)),
        ("page prompt", lambda: _prompt(encoder)),
        ("query", lambda: _query(encoder)),
        ("query prefix", lambda: _prefix(encoder, encoder.family.query_prefix if prefix is None else prefix)),
        ("attention", lambda: _attention(encoder, padding=0)),
        ("attention, padded", lambda: _attention(encoder, padding=PADDING)),
        ("padding", lambda: _padding(encoder)),
        ("head", lambda: _head(encoder)),
        ("positions", lambda: _positions(encoder)),
        ("patch grid", lambda: _grid(encoder)),
        ("ledger", lambda: _ledger(encoder)),
        ("precision", lambda: _precision(encoder)),
    ]
    results = []
    for name, check in checks:
        try:
            results.append(Check(name, True, check()))
        except _Failure as failure:
            results.append(Check(name, False, str(failure)))
        except Exception as error:  # a check that cannot be carried out is a finding about the checkpoint, too
            results.append(Check(name, False, f"{type(error).__name__}: {error}"))
    return Report(encoder.model_info, tuple(results))


# The checks. Each returns what it found, or raises _Failure.


def _vectors(encoder: Encoder) -> str:
    """Return every vector is accounted for, and has length 1."""
    counts = []
    for shape, page in _pages(encoder).items():
        slots = [slot.kind for slot in page.layout.slots]
        if len(slots) != len(page.vectors):
            raise _Failure(f"{len(page.vectors)} vectors but {len(slots)} slots on a {shape} page")
        lengths = page.vectors.norm(dim=1)
        worst = float((lengths - 1).abs().max())
        if worst > UNIT_TOLERANCE[encoder.model_info["dtype"]]:
            raise _Failure(f"vectors of a {shape} page are not of length 1: off by up to {worst:.3g}")
        tiles = f" + {slots.count('tile')} of the thumbnail" if "tile" in slots else ""
        counts.append(
            f"{shape} {len(slots)} = {page.layout.rows} x {page.layout.cols} patches{tiles}"
            f" + {slots.count('text')} text"
        )
    return "; ".join(counts)


def _prompt(encoder: Encoder) -> str:
    """Return the prompt is part of every page."""
    slots = encoder.embed_pages([_page(*SHAPES["square"])])[0].layout.slots
    text = " ".join(slot.text for slot in slots if slot.kind == "text")
    shown = repr(text if len(text) < 120 else f"{text[:50]} … {text[-50:]}")
    if _letters(encoder.family.prompt) not in _letters(text):
        raise _Failure(f"the page prompt lacks {encoder.family.prompt!r}: {shown}")
    return shown


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _query(encoder: Encoder) -> str:
    """Check that queries are tokenized as by the checkpoint's own processor."""
    for text in QUERIES:
        expected = encoder.family.process_queries([text])["input_ids"][0].tolist()
        ids = [token.id for token in encoder.embed_query(text).tokens]
        if ids != expected:
            raise _Failure(f"{text!r} is {ids} here and {expected} by its processor")
    return f"{len(QUERIES)} queries have the ids that the processor gives them, e.g. {len(expected)} for {text!r}"


def _prefix(encoder: Encoder, expected: str) -> str:
    prefix = encoder.model_info["prefix"]
    if prefix != expected:
        raise _Failure(
            f"the processor puts {prefix!r} before a query; {encoder.family.name} was trained with {expected!r}. "
            "If this checkpoint was trained otherwise, say so with --prefix"
        )
    return repr(prefix)


def _attention(encoder: Encoder, padding: int) -> str:
    """Check whether the first token notices the last, in queries and pages, alone or padded to a longer batch."""
    bidirectional = encoder.family.bidirectional
    found = []
    for kind, inputs in _one_of_each(encoder):
        changed = {**inputs, "input_ids": inputs["input_ids"].clone()}
        last, *others = reversed(inputs["input_ids"][0].tolist())
        image = encoder.processor.image_token_id
        changed["input_ids"][0, -1] = next(id for id in others if id not in (last, image))
        start = _first_of_typed_text(encoder, inputs) if kind == "query" else 0
        before, after = (encoder.run(_padded(encoder, given, padding)) for given in (inputs, changed))
        first = start + (padding if encoder.processor.tokenizer.padding_side == "left" else 0)
        moved = float((after - before)[0, first].norm())
        if (moved > MOVED) != bidirectional:
            ought, does = (
                ("both directions", "only backwards") if bidirectional else ("only backwards", "both directions")
            )
            raise _Failure(f"attention in a {kind} goes {does}, and ought to go {ought} in {encoder.family.name}")
        found.append(f"{kind} {moved:.2g}")
    direction = "in both directions" if bidirectional else "only backwards, as it ought to"
    return f"{direction}: changing the last token moves the first vector by: {', '.join(found)}"


def _first_of_typed_text(encoder: Encoder, inputs: Mapping[str, Any]) -> int:
    kinds = [token.kind for token in encoder.embed_query(QUERIES[0]).tokens]
    return kinds.index("word")


def _padding(encoder: Encoder) -> str:
    """Check that padding, which makes the pages of a batch equally long, leaves no trace."""
    worst = 0.0
    for _, inputs in _one_of_each(encoder):
        alone = encoder.run(inputs)[0]
        padded = _padded(encoder, inputs, PADDING)
        together = encoder.run(padded)[0][padded["attention_mask"][0].bool()]
        worst = max(worst, float((together - alone).norm(dim=1).max()))
    if worst > PADDING_TOLERANCE[encoder.model_info["dtype"]]:
        raise _Failure(f"vectors differ by up to {worst:.2g} when the batch is padded")
    return f"vectors differ by {worst:.1g} at most"


def _positions(encoder: Encoder) -> str:
    """Check that vectors are those of the model called whole, which places every token itself.

    The head and the normalization are done by hand, so that nothing of the retriever's own `forward` is taken for
    granted: in some versions of transformers it numbers the tokens of ColQwen2 wrongly.
    """
    worst = 1.0
    for kind, inputs in _one_of_each(encoder):
        expected, found = _by_hand(encoder, inputs), encoder.run(inputs)
        lowest = float(torch.cosine_similarity(found, expected, dim=2).min())
        if lowest < POSITIONS_AGREEMENT[encoder.model_info["dtype"]]:
            raise _Failure(f"a vector of a {kind} has a cosine of {lowest:.3f} with that of the whole model")
        worst = min(worst, lowest)
    return f"as the whole model places its tokens: lowest cosine of a vector {worst:.6f}"


@torch.inference_mode()
def _by_hand(encoder: Encoder, inputs: Mapping[str, Any]) -> torch.Tensor:
    """Vectors (batch, length, dim) of inputs without padding: the vision language model, the head, length 1."""
    family = encoder.family
    given = {name: value for name, value in inputs.items() if name not in family.not_for_model}
    given = family.language_model_inputs(given)
    vlm = family.backbone
    for name, value in given.items():
        if isinstance(value, torch.Tensor):
            given[name] = value.to(vlm.device, vlm.dtype if value.is_floating_point() else value.dtype)
    states = vlm(**given)[0]
    if hasattr(vlm, "rope_deltas"):
        vlm.rope_deltas = None  # kept between calls by Qwen2-VL, for generating text: the next call would add them
    return F.normalize(family.head(states), dim=2).float().cpu()


HEADS = ("embedding_proj_layer", "custom_text_proj", "linear", "multi_vector_head.proj")
"""What the layer that makes the vectors is called in files, by transformers and by colpali_engine."""


def _head(encoder: Encoder) -> str:
    """Return the layer that makes the vectors is the one in the files, read anew, with what an adapter adds to it."""
    checkpoint = encoder.checkpoint
    expected = _stored_head(checkpoint.folder, "model*.safetensors", ".weight")
    if checkpoint.adapter is not None:
        whole = _stored_head(checkpoint.adapter, "adapter_model*.safetensors", ".weight")
        down, up = (
            _stored_head(checkpoint.adapter, "adapter_model*.safetensors", f".lora_{part}.weight") for part in "AB"
        )
        expected = expected if whole is None else whole
        if down is not None and up is not None:
            config = json.loads((checkpoint.adapter / "adapter_config.json").read_text("utf-8"))
            rank, alpha = config["r"], config["lora_alpha"]
            expected = expected + alpha / (rank**0.5 if config.get("use_rslora") else rank) * up @ down
    if expected is None:
        raise _Failure(f"the files hold no head: none of {', '.join(HEADS)}")
    found = encoder.family.head.weight.detach().float().cpu()
    if found.shape != expected.shape:
        raise _Failure(f"the head has the shape {tuple(found.shape)} and {tuple(expected.shape)} in the files")
    worst = float((found - expected).norm() / expected.norm())
    if worst > UNIT_TOLERANCE[encoder.model_info["dtype"]]:
        raise _Failure(f"the head is another one than in the files: it differs by {worst:.2g} of its length")
    return f"{found.shape[1]} to {found.shape[0]} numbers, as in the files"


def _stored_head(folder: Path, pattern: str, end: str) -> torch.Tensor | None:
    """Return a tensor of the head in the files that match a pattern, in float32."""
    for file in sorted(folder.glob(pattern)):
        with safe_open(file, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118, it is no dictionary
                if name.removeprefix("base_model.model.").removesuffix(end) in HEADS and name.endswith(end):
                    return weights.get_tensor(name).float()
    return None


def _one_of_each(encoder: Encoder) -> Iterator[tuple[str, dict[str, Any]]]:
    ids = torch.tensor([[token.id for token in encoder.embed_query(QUERIES[0]).tokens]])
    yield "query", {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    yield "page", dict(encoder.family.process_pages([_page(*SHAPES["portrait"])]))


def _padded(encoder: Encoder, inputs: Mapping[str, Any], padding: int) -> dict[str, Any]:
    """Add `padding` tokens that are not attended to, on the side where the tokenizer puts them."""
    tokenizer = encoder.processor.tokenizer
    sides = (padding, 0) if tokenizer.padding_side == "left" else (0, padding)
    shape = inputs["input_ids"].shape
    return {
        name: F.pad(value, sides, value=tokenizer.pad_token_id if name == "input_ids" else 0)
        if value.shape == shape
        else value
        for name, value in inputs.items()
    }


def _grid(encoder: Encoder) -> str:
    """Planted patches: paint one cell of the page; the vector that changes most has to be the one of that cell."""
    pages = []
    with silenced_attention(encoder.model):
        for shape, (width, height) in SHAPES.items():
            image = _page(width, height)
            (before,) = encoder.embed_pages([image])
            rows, cols = before.layout.rows, before.layout.cols
            planted = [(0, cols - 1), (rows - 1, cols // 3), (rows // 3, cols // 4)]
            found = [_answer(encoder, image, before, cell) for cell in planted]
            if found != planted:
                raise _Failure(f"on a {shape} page of {rows} x {cols} patches {_mix_up(planted, found, rows, cols)}")
            pages.append(f"{shape} {rows} x {cols}")
    return f"painting a cell changes its own vector most: {', '.join(pages)}"


def _answer(encoder: Encoder, image: Image.Image, before: PageEmbedding, cell: tuple[int, int]) -> tuple[int, int]:
    """Return the patch that changes most when a cell of the page is painted."""
    left, top, right, bottom = before.layout.rectangle(*cell)
    # Not up to its borders: scaling smears those into the cells beside it, and a model that scales each patch to the
    # same contrast makes much of a smear on a plain one.
    across, down = (right - left) * BORDER, (bottom - top) * BORDER
    box = [
        round((left + across) * image.width),
        round((top + down) * image.height),
        round((right - across) * image.width),
        round((bottom - down) * image.height),
    ]
    painted = image.copy()
    painted.paste(_noise(box[2] - box[0], box[3] - box[1]), (box[0], box[1]))
    (after,) = encoder.embed_pages([painted])
    changes = (after.vectors - before.vectors).norm(dim=1).numpy()[before.layout.patch_vectors]
    row, col = np.unravel_index(changes.argmax(), changes.shape)
    return int(row), int(col)


def _mix_up(planted: list[tuple[int, int]], found: list[tuple[int, int]], rows: int, cols: int) -> str:
    """Return what is wrong with a grid in which cells answer elsewhere."""
    mistakes = {
        "rows and columns are transposed": lambda row, col: (col, row),
        "the grid is mirrored left to right": lambda row, col: (row, cols - 1 - col),
        "the grid is upside down": lambda row, col: (rows - 1 - row, col),
    }
    for name, mistake in mistakes.items():
        if [mistake(*cell) for cell in planted] == found:
            return name
    # A transposed grid that is not square wraps around: the patch at `row, col` is number col * rows + row.
    if [divmod(col * rows + row, cols) for row, col in planted] == found:
        return "rows and columns are transposed"
    return f"painting {planted} changes {found}"


def _ledger(encoder: Encoder) -> str:
    """Return the explanation adds up to the score: the sum, or the mean, of MaxSim over the model's own vectors."""
    from colpali_demo.explain import explain

    worst = 0.0
    pages = list(_pages(encoder).values())
    queries = [encoder.embed_query(text) for text in QUERIES]
    batched = maxsim.score_matrix([query.vectors for query in queries], [page.vectors for page in pages])
    for query, scores in zip(queries, batched.tolist(), strict=True):
        for page, score in zip(pages, scores, strict=True):
            similarities = maxsim.similarities(query.vectors, page.vectors)
            maxima, winners = maxsim.row_maxima(similarities)
            why = explain(query, _Wordless(), page.layout, similarities, maxima / query.divisor, winners)
            total = sum(token.maxsim for token in why.tokens)
            worst = max(worst, abs(total - why.score), abs(total - score / query.divisor))
    if worst > 1e-3:
        raise _Failure(f"the ledger and the score differ by {worst:.3g}")
    return f"{len(queries) * len(pages)} explanations add up to their scores within {worst:.1g}"


class _Wordless:
    """A page without a text layer."""

    words = ()


def _precision(encoder: Encoder) -> str:
    """Check that vectors agree with those of float32 on the CPU; there, that those of bfloat16 do."""
    here = f"{encoder.model_info['dtype']} on {encoder.model_info['device']}"
    reference = here == "float32 on cpu"
    dtype = "bfloat16" if reference else "float32"
    checkpoint, prefix = encoder.checkpoint, encoder.model_info["prefix"]
    other = load_encoder(checkpoint.source, adapter=checkpoint.adapter_source, prefix=prefix, device="cpu", dtype=dtype)
    pairs = f"{here} and {other.model_info['dtype']} on cpu"
    (ours,), (theirs,) = (each.embed_pages([_page(*SHAPES["portrait"])]) for each in (encoder, other))
    page = float(torch.cosine_similarity(ours.vectors, theirs.vectors).mean())
    queries = [each.embed_query(QUERIES[0]).vectors for each in (encoder, other)]
    query = float(torch.cosine_similarity(*queries).mean())
    if min(page, query) < AGREEMENT:
        raise _Failure(f"{pairs} disagree: mean cosine {page:.3f} on a page, {query:.3f} in a query")
    return f"{pairs}: mean cosine {page:.4f} on a page, {query:.4f} in a query"


# What the checks use


@contextmanager
def silenced_attention(model: torch.nn.Module) -> Iterator[None]:
    """Silence every attention of the model inside: it returns zero, so that a patch sees its own pixels alone."""

    def silence(module: torch.nn.Module, given: Any, output: Any) -> Any:
        return (torch.zeros_like(output[0]), *output[1:]) if isinstance(output, tuple) else torch.zeros_like(output)

    hooks = [
        module.register_forward_hook(silence)
        for module in model.modules()
        if type(module).__name__.endswith("Attention")
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _pages(encoder: Encoder) -> dict[str, PageEmbedding]:
    return {shape: encoder.embed_pages([_page(*size)])[0] for shape, size in SHAPES.items()}


def _page(width: int, height: int) -> Image.Image:
    """Return a page with something everywhere: a gradient, the same at every call."""
    across = np.linspace(60, 200, width)[None, :, None]
    down = np.linspace(0, 40, height)[:, None, None]
    return Image.fromarray((across + down + np.array([0, 6, 12])).astype(np.uint8))


def _noise(width: int, height: int) -> Image.Image:
    """8 x 8 random colors: fine as print, since large blocks may move the patch beside them more than their own.

    They are still coarse enough that scaling the page down does not average them to gray.
    """
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)
