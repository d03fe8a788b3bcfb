"""Whole words in the vocabulary: what is split and what is not, and a run that goes on with more pieces."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from colpali_demo.training.__main__ import main
from colpali_demo.training.meaning import Teacher
from colpali_demo.training.model import build_processor
from colpali_demo.training.pretrainer import Pretrainer
from colpali_demo.training.surgery.vocabulary import MEANING, TABLE, grow, pieces_before, with_whole_words
from colpali_demo.training.tokenizer import train_tokenizer
from tests.training.test_run import WORDS, example, new_run, trained_run

SMALL = 160  # pieces: single characters and hardly a merge


@pytest.fixture  # a processor adds its own tokens to it
def tokenizer():
    return train_tokenizer([" " + " ".join(WORDS * 5)], vocabulary=SMALL)


def test_listed_words_are_one_piece_and_all_pieces_keep_their_place(tokenizer):
    assert len(tokenizer.tokenize(" gamma")) > 1
    larger = with_whole_words(tokenizer, ["gamma", "gammas"])
    assert larger.tokenize(" gamma") == ["▁gamma"]
    assert larger.tokenize(" Gammas gamma") == ["▁gammas", "▁gamma"]
    assert larger.tokenize(" omega 42") == tokenizer.tokenize(" omega 42")
    assert larger.get_vocab().items() >= tokenizer.get_vocab().items()
    assert sorted(larger.get_vocab().values()) == list(range(len(larger)))


def test_a_processors_own_tokens_stand_behind_the_new_pieces(tokenizer):
    old = build_processor(tokenizer, image_size=128)
    new = build_processor(with_whole_words(old.tokenizer, WORDS), image_size=128)
    assert new.image_token_id == len(with_whole_words(tokenizer, WORDS)) > old.image_token_id
    assert len(new.tokenizer) - new.image_token_id == len(old.tokenizer) - old.image_token_id


def test_every_new_token_knows_the_pieces_it_is_made_of(tokenizer):
    larger = with_whole_words(tokenizer, WORDS)
    before = pieces_before(tokenizer, larger)
    for token, number in larger.get_vocab().items():
        assert "".join(tokenizer.convert_ids_to_tokens(before[number])) == token
    assert all(len(ids) == 1 for ids in before[: len(tokenizer)])


def test_a_run_goes_on_with_a_larger_vocabulary(tmp_path, tokenizer):
    old = build_processor(tokenizer, image_size=128)
    trained_run(tmp_path / "old", old)
    old.save_pretrained(tmp_path / "processor")
    main(["grow", *(str(tmp_path / name) for name in ("old", "processor", "new")), "--whole-words", "200"])
    new = type(old).from_pretrained(tmp_path / "new" / "processor")
    assert new.tokenizer.tokenize(" the people") == ["▁the", "▁people"]

    before, after = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("old", "new"))
    assert (after["seen"], after["steps"]) == (6, 3)
    for name, value in before["trainer"].items():  # the tower and the language model are as they were
        if not (name.endswith(TABLE) or name.endswith("_bias") and value.ndim == 1 and len(value) == SMALL):
            assert torch.equal(after["trainer"][name], value), name
    run = new_run(tmp_path / "new", new)
    assert run.seen == 6
    assert np.isfinite(run.step([example(new, 0), example(new, 1)], {})["token"])


def test_a_new_row_is_the_mean_of_its_pieces_rows(tmp_path, tokenizer):
    old = build_processor(tokenizer, image_size=128)
    run = trained_run(tmp_path, old)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    new = build_processor(with_whole_words(tokenizer, WORDS), image_size=128)
    before = pieces_before(old.tokenizer, new.tokenizer)
    grown = grow(state, before, new.image_token_id, None)
    (name,) = (name for name in grown["trainer"] if name.endswith(TABLE))
    table, rows = state["trainer"][name], grown["trainer"][name]
    word = new.tokenizer.convert_tokens_to_ids("▁gamma")
    mean = table[before[word]].mean(dim=0)
    torch.testing.assert_close(rows[word], F.normalize(mean, dim=0) * table.norm(dim=1).mean())
    assert torch.equal(rows[new.image_token_id], table[old.image_token_id])
    # Queries of the old pieces alone are what they were.
    trainer = Pretrainer(new_run(tmp_path / "other", new).trainer.model, new)
    trainer.load_state_dict(grown["trainer"])
    with torch.inference_mode():
        vectors, expected = (t.eval().encode_queries(["1 2"])[0] for t in (trainer, run.trainer))
    torch.testing.assert_close(vectors, expected)


def test_new_rows_are_drawn_to_words_that_are_close(tmp_path, tokenizer):
    old = build_processor(tokenizer, image_size=128)
    trained_run(tmp_path, old)
    new = build_processor(with_whole_words(tokenizer, WORDS), image_size=128)
    vectors = np.eye(len(WORDS))
    vectors[1] = vectors[0]  # beta is close to alpha, the others to nothing
    np.savez(tmp_path / "words.npz", words=WORDS, vectors=vectors.astype(np.float16))
    teacher = Teacher(tmp_path / "words.npz", new.tokenizer)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    before = pieces_before(old.tokenizer, new.tokenizer)
    plain, drawn = (grow(state, before, new.image_token_id, t)["trainer"] for t in (None, teacher))
    (name,) = (name for name in plain if name.endswith(TABLE))

    def cosine(weights):
        alpha, beta = (weights[name][new.tokenizer.convert_tokens_to_ids(f"▁{word}")] for word in WORDS[:2])
        return F.cosine_similarity(alpha, beta, dim=0).item()

    assert cosine(drawn) > cosine(plain) + MEANING
    torch.testing.assert_close(drawn[name].norm(dim=1), plain[name].norm(dim=1))
