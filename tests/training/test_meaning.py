"""The text model's notion of closeness: what is sampled, the loss against a plain formula, that it can be learned."""

import math

import numpy as np
import pytest
import torch

from colpali_demo.training.meaning import (
    CLEARLY,
    CLOSEST,
    TEACHER_TEMPERATURE,
    Teacher,
    look_alike,
    meaning_loss,
    ranking_loss,
)
from colpali_demo.training.pretrainer import to_pixels
from tests.training.test_run import WORDS, example, new_run, processor  # noqa: F401  (a fixture)

OTHERS = [f"other{i}" for i in range(20)]


@pytest.fixture
def teacher(tmp_path, processor) -> Teacher:  # noqa: F811
    """Words of the pages in pairs that are close, and others that are close to none of them."""
    words = WORDS + OTHERS
    vectors = np.random.default_rng(0).normal(size=(len(words), 64))
    vectors[1 : len(WORDS) : 2] = vectors[0 : len(WORDS) : 2] + 0.3 * vectors[1 : len(WORDS) : 2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.savez(tmp_path / "words.npz", words=words, vectors=vectors.astype(np.float16))
    return Teacher(tmp_path / "words.npz", processor.tokenizer)


def test_a_sample_is_of_words_shown_and_neighbors_of_theirs(teacher):
    shown = teacher.known({*WORDS, "unheard"})
    assert shown == sorted(WORDS)
    sample = teacher.sample(shown, 4, np.random.default_rng(1))
    assert 2 <= len(sample) <= 4
    assert len(set(sample)) == len(sample)
    assert len(set(sample) & set(WORDS)) >= 2
    assert teacher.sample([], 4, np.random.default_rng(1)) == []


def test_similarities_are_cosines(teacher):
    table = teacher.similarities(WORDS, WORDS[:3])
    assert table.shape == (len(WORDS), 3)
    assert table.diagonal().tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    assert table[1, 0] > 0.9 > 0.5 > table[2, 0]


def test_meaning_loss_is_the_divergence_of_two_softmaxes():
    generator = torch.Generator().manual_seed(0)
    student, cosines = torch.randn(3, 4, generator=generator), torch.rand(3, 4, generator=generator)
    same = torch.zeros(3, 4, dtype=torch.bool)
    same[0, 1] = True
    total = 0.0
    for row in range(3):
        kept = [column for column in range(4) if not same[row, column]]
        p = np.exp(cosines[row, kept].numpy() / TEACHER_TEMPERATURE)
        q = np.exp(student[row, kept].numpy())
        p, q = p / p.sum(), q / q.sum()
        total += (p * np.log(p / q)).sum()
    assert meaning_loss(student, cosines, same).item() == pytest.approx(total / 3, rel=1e-4)
    assert meaning_loss(cosines / TEACHER_TEMPERATURE, cosines, same).item() == pytest.approx(0, abs=1e-6)


def test_ranking_loss_is_a_mean_over_clear_cases():
    generator = torch.Generator().manual_seed(0)
    student, cosines = 3 * torch.randn(5, 12, generator=generator), torch.rand(5, 12, generator=generator)
    ignore = torch.rand(5, 12, generator=generator) < 0.3
    terms = []
    for row in range(5):
        kept = [column for column in range(12) if not ignore[row, column]]
        for related in sorted(kept, key=lambda column: -cosines[row, column])[:CLOSEST]:
            for other in kept:
                if cosines[row, related] - cosines[row, other] > CLEARLY:
                    terms.append(math.log1p(math.exp(student[row, other] - student[row, related])))
    assert len(terms) > 40
    assert ranking_loss(student, cosines, ignore).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_without_a_clear_case_there_is_nothing_to_rank():
    student = torch.tensor([[1.0, -math.inf], [2.0, 0.0]], requires_grad=True)
    loss = ranking_loss(student.clamp(min=-1), torch.tensor([[0.9, 0.1], [0.5, 0.45]]), student.isinf())
    loss.backward()
    assert loss.item() == 0
    assert student.grad.abs().sum() == 0


def test_words_of_one_stem_look_alike():
    table = look_alike(["option", "opt"], ["options", "option", "opera", "opaque", "opt"])
    assert table.tolist() == [[True, True, False, False, False], [False, False, False, False, True]]


def test_words_of_one_piece_have_that_piece(teacher, processor):  # noqa: F811
    assert set(teacher.whole) >= set(WORDS)
    assert set(teacher.whole).isdisjoint(OTHERS)
    for word, piece in zip(teacher.whole, teacher.whole_ids, strict=True):
        assert processor.tokenizer.convert_ids_to_tokens(piece) == f"▁{word}"


def test_a_word_comes_closer_to_the_patches_of_a_related_one(tmp_path, processor, teacher):  # noqa: F811
    run = new_run(tmp_path / "run", processor)
    trainer, examples = run.trainer, [example(processor, 0), example(processor, 1)]
    optimizer = torch.optim.Adam(trainer.parameters(), lr=1e-2)
    names = ("meaning", "meaning_on_page", "meaning_in_table", "meaning_to_table")
    losses = {name: [] for name in names}
    for step in range(30):
        _, pages = trainer.encode_pages(to_pixels(examples, "cpu"))
        parts = trainer.meaning_losses(pages, examples, teacher, 12, np.random.default_rng(step))
        for name, values in losses.items():
            values.append(parts[name].item())
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
    for values in losses.values():
        assert np.mean(values[-5:]) < 0.6 * np.mean(values[:5])


def test_a_word_is_not_drawn_away_from_the_patches_that_show_it(tmp_path, processor, teacher, monkeypatch):  # noqa: F811
    """Two words in one patch: what the one's query is asked of the other must leave that patch alone."""
    run = new_run(tmp_path / "run", processor)
    page = example(processor, 0)
    page.words = ["alpha", "gamma", "beta", "omega"]
    page.word_boxes = page.word_boxes[[0, 0, 3, 5]]
    monkeypatch.setattr(teacher, "sample", lambda *_: ["alpha"])
    _, pages = run.trainer.encode_pages(to_pixels([page], "cpu"))
    parts = run.trainer.meaning_losses(pages, [page], teacher, 2, np.random.default_rng(0))
    (gradient,) = torch.autograd.grad(parts["meaning_on_page"], pages)
    moved = gradient[0, :32].abs().sum(dim=1).view(8, 4) > 0
    assert not moved[:2].any()
    assert moved[2:].any()


def test_words_of_several_pieces_have_no_row_to_come_closer_to(tmp_path, processor, teacher, monkeypatch):  # noqa: F811
    run = new_run(tmp_path / "run", processor)
    page = example(processor, 0)
    monkeypatch.setattr(teacher, "sample", lambda *_: list(OTHERS))
    _, pages = run.trainer.encode_pages(to_pixels([page], "cpu"))
    parts = run.trainer.meaning_losses(pages, [page], teacher, 2, np.random.default_rng(0))
    assert parts["query_to_row"].item() == 0
    assert parts["meaning_on_page"].isfinite()


def test_pages_without_a_known_word_teach_nothing(tmp_path, processor, teacher):  # noqa: F811
    run = new_run(tmp_path / "run", processor)
    page = example(processor, 0)
    page.words = [""] * len(page.words)
    _, pages = run.trainer.encode_pages(to_pixels([page], "cpu"))
    parts = run.trainer.meaning_losses(pages, [page], teacher, 12, np.random.default_rng(0))
    names = ("meaning", "meaning_on_page", "meaning_to_table", "query_to_row")
    assert [parts[name].item() for name in names] == [0, 0, 0, 0]
