"""A run in miniature: the loop learns, stops, goes on where it was, and leaves a checkpoint that the app loads."""

import json
from collections import Counter
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from colpali_demo import load_encoder
from colpali_demo.training.__main__ import main
from colpali_demo.training.model import DEPTHS, build_model, build_processor
from colpali_demo.training.pages.drawn import CHAR, TrainingPage
from colpali_demo.training.pages.targets import make_example
from colpali_demo.training.pretrainer import Pretrainer, to_pixels, tokens_by_part
from colpali_demo.training.queries import Query, sample_queries
from colpali_demo.training.run import HEADS_RATE, Run, Schedule
from colpali_demo.training.tokenizer import train_tokenizer

WORDS = ["alpha", "beta", "gamma", "delta", "omega", "sigma"]


@pytest.fixture(scope="module")
def processor():
    return build_processor(train_tokenizer([" " + " ".join(WORDS * 5)], vocabulary=300), image_size=128)


def example(processor, seed):
    """Make an example: six words, each a column of black stripes of its own width, on a square of 128 pixels."""
    words = WORDS.copy()
    Random(seed).shuffle(words)
    image = Image.new("RGB", (128, 128), "white")
    draw = ImageDraw.Draw(image)
    chars, boxes, spans = [], [], []
    for row, word in enumerate(words):
        top = 4 + row * 20
        start = len(chars)
        for column, character in enumerate(word):
            left = 8 + column * 16
            draw.rectangle((left, top, left + 2 + WORDS.index(word) * 2, top + 12), fill="black")
            chars.append((ord(character), left / 128, top / 128, (left + 14) / 128, (top + 12) / 128))
        spans.append((start, len(chars)))
        boxes.append((8 / 128, top / 128, (8 + 16 * len(word)) / 128, (top + 12) / 128))
    page = TrainingPage(image, np.array(chars, CHAR), words, np.array(boxes, np.float32), np.array(spans))
    return make_example(page, processor.tokenizer, size=128)


def new_run(folder, processor, depths=DEPTHS, **changes):
    torch.manual_seed(0)
    schedule = Schedule(**{"pages": 12, "dense_pages": 4, "warmup_pages": 4, "decay_pages": 4, "batch": 2} | changes)
    model = build_model(processor, width=64, layers=1, embedding_dim=16, depths=depths)
    return Run(folder, Pretrainer(model, processor), processor, schedule, "cpu")


def trained_run(folder, processor, **changes):
    run = new_run(folder, processor, **changes)
    for seed in range(3):  # into the second stage
        run.step([example(processor, seed), example(processor, seed + 1)], {})
    run.save_state()
    return run


def test_a_run_goes_through_both_stages_and_leaves_a_checkpoint(tmp_path, processor):
    run = new_run(tmp_path, processor)
    run.train(([example(processor, i), example(processor, i + 1)] for i in range(100)), counts={}, log_every=1)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["seen"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert "token" not in lines[1] and "token" in lines[2]
    assert all(np.isfinite(line["character"]) for line in lines)

    encoder = load_encoder(str(tmp_path / "checkpoint"), device="cpu", dtype="float32")
    drawn = example(processor, 0)
    page = encoder.embed_pages([Image.fromarray(drawn.pixels)])[0]
    assert (page.layout.rows, page.layout.cols) == (8, 4)
    # What training saw as a page and as a query is what the app's encoder makes of them.
    run.average.eval()
    trainer = Pretrainer(run.average.to(torch.bfloat16).float(), processor).eval()
    with torch.inference_mode():
        vectors, mask, places = trainer.encode_queries(["alpha beta"])
    query = encoder.embed_query("alpha beta")
    assert [token.index for token in query.tokens if token.kind == "word"] == [token for token, _ in places[0]]
    torch.testing.assert_close(vectors[0][mask[0]], query.vectors, atol=2e-4, rtol=0)
    with torch.inference_mode():
        _, vectors = trainer.encode_pages(to_pixels([drawn], torch.device("cpu")))
    torch.testing.assert_close(vectors[0], page.vectors, atol=2e-3, rtol=0)


def test_a_killed_run_goes_on_where_it_was(tmp_path, processor):
    batches = [[example(processor, i), example(processor, i + 1)] for i in range(6)]
    whole = new_run(tmp_path / "whole", processor)
    for batch in batches[:4]:
        whole.step(batch, {})
    first = new_run(tmp_path / "cut", processor)
    for batch in batches[:3]:  # into the second stage
        first.step(batch, {})
    first.save_state()
    second = new_run(tmp_path / "cut", processor)
    assert second.seen == 6
    second.step(batches[3], {})
    for name, value in whole.trainer.state_dict().items():
        torch.testing.assert_close(second.trainer.state_dict()[name], value, msg=name)


def test_a_step_moves_every_weight_that_has_a_gradient(tmp_path, processor):
    run = new_run(tmp_path, processor, dense_pages=0)
    before = {name: value.detach().clone() for name, value in run.trainer.named_parameters()}
    run.step([example(processor, 0), example(processor, 1)], {})
    for name, value in run.trainer.named_parameters():
        if value.grad is not None and value.grad.any():
            assert not torch.equal(value, before[name]), name
    assert run.trainer.model.vlm.vision_tower.stages[0][0].weight.grad.any()


def test_a_run_from_a_checkpoint_first_learns_the_heads_it_lacks(tmp_path, processor):
    run = new_run(tmp_path, processor, heads_pages=2, dense_pages=0)
    before = {name: value.detach().clone() for name, value in run.trainer.named_parameters()}

    def moved():
        return {name for name, value in run.trainer.named_parameters() if not torch.equal(value, before[name])}

    assert run.step([example(processor, 0), example(processor, 1)], {})["rate"] == HEADS_RATE
    assert "character_head.weight" in moved() and "grid_bias" in moved()
    assert not any(name.startswith("model.") for name in moved())
    assert run.step([example(processor, 2), example(processor, 3)], {})["rate"] == run.schedule.rate(2)
    assert "model.vlm.vision_tower.stages.0.0.weight" in moved()


def test_frozen_stages_stay_as_they_are(tmp_path, processor):
    run = new_run(tmp_path, processor, frozen_stages=3, dense_pages=0)
    tower = run.trainer.model.vlm.vision_tower.stages
    before = {name: value.clone() for name, value in tower.state_dict().items()}  # running means among them
    run.step([example(processor, 0), example(processor, 1)], {})
    for name, value in tower.state_dict().items():
        assert torch.equal(value, before[name]) == (int(name[0]) < 3), name


def test_a_new_run_begins_with_a_checkpoint(tmp_path, processor, monkeypatch):
    first = trained_run(tmp_path / "first", processor)
    first.save_average(tmp_path / "checkpoint")
    first.processor.save_pretrained(tmp_path / "processor")
    for name in ("text", "counts.json"):
        (tmp_path / name).write_text("{}")
    started = []
    monkeypatch.setattr(Run, "train", lambda run, *_: started.append(run))
    paths = {name: str(tmp_path / name) for name in ("second", "checkpoint", "processor", "text", "counts.json")}
    main(["pretrain", paths["second"], "--start", paths["checkpoint"], "--processor", paths["processor"],
          "--text", paths["text"], "--counts", paths["counts.json"]])  # fmt: skip
    (second,) = started
    assert second.seen == 0
    for name, value in first.average.state_dict().items():
        for model in (second.trainer.model, second.average):
            torch.testing.assert_close(model.state_dict()[name], value.bfloat16().to(value.dtype), msg=name)


@pytest.mark.parametrize("start", [False, True], ids=["from nothing", "from a checkpoint"])
def test_the_resolution_can_be_chosen(tmp_path, processor, monkeypatch, start):
    processor.save_pretrained(tmp_path / "processor")
    for name in ("text", "counts.json"):
        (tmp_path / name).write_text("{}")
    arguments = ["pretrain", str(tmp_path / "run"), "--processor", str(tmp_path / "processor"),
                 "--text", str(tmp_path / "text"), "--counts", str(tmp_path / "counts.json")]  # fmt: skip
    if start:
        new_run(tmp_path / "first", processor).save_average(tmp_path / "checkpoint")
        arguments += ["--start", str(tmp_path / "checkpoint")]
    sizes = []
    monkeypatch.setattr("colpali_demo.training.batches.PageStream", lambda **settings: sizes.append(settings["size"]))
    monkeypatch.setattr("colpali_demo.training.batches.batches", lambda *_: iter([]))
    main([*arguments, "--resolution", "64"])
    assert sizes == [64]
    encoder = load_encoder(str(tmp_path / "run" / "checkpoint"))
    layout = encoder.embed_pages([Image.new("RGB", (64, 64), "white")])[0].layout
    assert (layout.rows, layout.cols) == (4, 2)
    assert encoder.model.config.vlm_config.vision_config.image_size == 64
    for resolution in ("100", "0"):
        with pytest.raises(ValueError, match="no whole number of patches"):
            main([*arguments, "--resolution", resolution])


def test_rates_changed_while_a_run_was_stopped_count(tmp_path, processor, monkeypatch):
    run = new_run(tmp_path, processor)
    run.step([example(processor, 0), example(processor, 1)], {})
    run.save_state()
    monkeypatch.setattr("colpali_demo.training.run.TABLE_RATE", 0.7)
    again = new_run(tmp_path, processor)
    again.step([example(processor, 2), example(processor, 3)], {})
    table = again.trainer.model.get_input_embeddings().weight
    (rate,) = [group["lr"] for group in again.groups if any(p is table for p in group["params"])]
    assert rate == pytest.approx(0.7 * again.schedule.rate(2))


def test_the_tower_learns_the_characters_of_a_few_pages(tmp_path, processor):
    run = new_run(tmp_path, processor, pages=1000, dense_pages=1000, learning_rate=3e-3)
    batch = [example(processor, 0), example(processor, 1)]
    before = run.step(batch, {})["character"]
    for _ in range(20):
        after = run.step(batch, {})["character"]
    assert after < before / 2


def test_queries_come_from_the_page_they_are_asked_of(processor):
    examples = [example(processor, i) for i in range(3)]
    queries = sample_queries(examples, 8, {"alpha": 1000}, np.random.default_rng(0))
    assert len(queries) == 24
    for query in queries:
        assert query.answered_by(" " + " ".join(examples[query.page].words) + " ")


def single_words(page, count, counts):
    """Count how often each word of the page is a query of its own, half of which come by rarity and half by chance."""
    queries = [query.text for query in sample_queries([page], count, counts, np.random.default_rng(0))]
    return Counter(query for query in queries if " " not in query)


def test_words_that_look_alike_are_asked_for_more_often(processor):
    page = example(processor, 0)
    page.words = ["option", "options", "beta", "gamma"]
    often = single_words(page, 2000, {})
    assert min(often["option"], often["options"]) > 1.3 * max(often["beta"], often["gamma"])


def test_everyday_words_are_asked_for_by_themselves(processor):
    page = example(processor, 0)
    page.words = ["theodolite", "from", "from", "from", "sextant"]
    often = single_words(page, 2000, {"from": 10**9})
    assert often["from"] > 0.5 * often["sextant"]


def test_words_point_and_function_words_and_punctuation_add_the_same(processor):
    trainer = Pretrainer(build_model(processor, width=64, layers=1, embedding_dim=16), processor).eval()
    queries = [Query("is the alpha beta?", 0, ("alpha beta",)), Query("the", 0, ("the",))]
    with torch.inference_mode():
        _, mask, places = trainer.encode_queries([query.text for query in queries])
    points, function = tokens_by_part(queries, places, mask)
    pointing = [{token for number, token, _ in points if number == query} for query in (0, 1)]
    assert {(number, word) for number, _, word in points} == {(0, "alpha"), (0, "beta"), (1, "the")}
    typed = [{token for token, _ in place} for place in places]
    adding = [set(row.nonzero()[:, 0].tolist()) for row in function]
    assert adding[0] and adding[0] | pointing[0] == typed[0] and not adding[0] & pointing[0]
    assert max(adding[0]) == max(typed[0])  # the question mark
    assert pointing[1]  # a function word alone is one like any other; a space may be a piece of its own


def test_other_pages_are_negatives_unless_they_hold_the_query(processor):
    torch.manual_seed(0)
    trainer = Pretrainer(build_model(processor, width=64, layers=1, embedding_dim=16), processor).eval()
    pages = [example(processor, i) for i in range(3)]
    query = pages[0].words[0]

    def page_loss(pages):
        with torch.inference_mode():
            _, vectors = trainer.encode_pages(to_pixels(pages, torch.device("cpu")))
            return float(trainer.retrieval_losses(vectors, pages, [Query(query, 0, (query,))])["page"])

    assert page_loss(pages[:1]) == 0  # nothing to tell the page from
    assert page_loss(pages) == 0  # the others hold the same words
    pages[1].words = ["other"] * len(pages[1].words)
    assert page_loss(pages) > 0


def test_a_fresh_model_passes_features_and_table_rows_on_to_the_vectors(processor):
    torch.manual_seed(0)
    model = build_model(processor, width=64, layers=2, embedding_dim=16)
    trainer = Pretrainer(model, processor).eval()

    def head(hidden):
        unit = torch.nn.functional.normalize(hidden, dim=-1)
        return torch.nn.functional.normalize(unit @ model.embedding_proj_layer.weight.T, dim=-1)

    with torch.inference_mode():
        image, pages = trainer.encode_pages(to_pixels([example(processor, 0)], torch.device("cpu")))
        torch.testing.assert_close(pages[0, :32], head(image.pooler_output[0]), atol=1e-5, rtol=0)
        (query,), _, places = trainer.encode_queries(["omega"])
        rows = model.get_input_embeddings().weight[trainer.tokenizer(" omega", add_special_tokens=False)["input_ids"]]
        torch.testing.assert_close(query[[token for token, _ in places[0]]], head(rows), atol=1e-5, rtol=0)


def test_the_vectors_of_a_fresh_model_fill_the_space(processor):
    torch.manual_seed(0)
    trainer = Pretrainer(build_model(processor, width=64, layers=2, embedding_dim=16), processor).eval()
    with torch.inference_mode():
        rows = trainer.model.get_input_embeddings().weight @ trainer.model.embedding_proj_layer.weight.T
    spectrum = torch.linalg.svdvals(rows - rows.mean(dim=0)) ** 2
    assert spectrum.sum() ** 2 / (spectrum**2).sum() > 15  # of 16 dimensions
