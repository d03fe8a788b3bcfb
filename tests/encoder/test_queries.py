import pytest
from checkpoints import make_tokenizer
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import ColPaliProcessor, PreTrainedTokenizerFast, SiglipImageProcessorPil

from colpali_demo.encoder.queries import QueryFrame, QueryTokenizer

PREFIX = "Question: "
FRAME = QueryFrame("<bos>", "<pad>", "\n")
SPECIAL_STRINGS = ["<image>", "<pad>", "<bos>", "<eos>", "<unk>", "<loc0003>", "<seg127>"]


def colpali_tokenizer(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Return the tokenizer with what the processor adds: `<image>`, 1,024 `<loc>` and 128 `<seg>` tokens."""
    return ColPaliProcessor(SiglipImageProcessorPil(image_seq_length=16), tokenizer).tokenizer


def as_pretrained(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def merging_tokenizer() -> PreTrainedTokenizerFast:
    """Return byte pairs whose learned merges lead from the characters of `<pad>` to the very token."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *"<>pad▁\nQuestion:", "<p", "<pa", "<pad"]
    merges = [("<", "p"), ("<p", "a"), ("<pa", "d"), ("<pad", ">")]
    tokenizer = Tokenizer(models.BPE({piece: id for id, piece in enumerate(pieces)}, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return as_pretrained(tokenizer)


def whole_word_tokenizer() -> PreTrainedTokenizerFast:
    """Return byte pairs that take a whole word from the vocabulary, special or not, before they merge anything."""
    return make_tokenizer(ignore_merges=True)


def unigram_tokenizer() -> PreTrainedTokenizerFast:
    """Return a Unigram vocabulary, where every piece, special or not, is found in the text."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *"<>padbosimge0123c▁\nQuestion:", "▁pad"]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in dict.fromkeys(pieces)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return as_pretrained(tokenizer)


@pytest.fixture(scope="module")
def pretrained() -> PreTrainedTokenizerFast:
    return colpali_tokenizer(make_tokenizer())


@pytest.fixture(scope="module")
def tokenize(pretrained) -> QueryTokenizer:
    return QueryTokenizer(pretrained, FRAME)


def special_ids(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    return set(tokenizer.added_tokens_decoder) - {tokenizer.unk_token_id}


@pytest.mark.parametrize(
    "text",
    [
        "revenue by region",
        "Revenue, by REGION?",
        "  two  spaces ",
        "a\nnew line",
        "été 日本 \U0001f600 е́",
        "-",
        "",
        " ",
        "x" * 500,
    ],
)
@pytest.mark.parametrize("prefix", [PREFIX, "Query: ", ""])
@pytest.mark.parametrize("augmentation", [10, 0, 3])
def test_ids_are_those_of_the_assembled_string(pretrained, tokenize, text, prefix, augmentation):
    tokens, _, _ = tokenize(text, prefix, augmentation)
    assert [t.id for t in tokens] == pretrained(f"<bos>{prefix}{text}{'<pad>' * augmentation}\n")["input_ids"]
    assert [t.index for t in tokens] == list(range(len(tokens)))


@pytest.mark.parametrize("build", [unigram_tokenizer, whole_word_tokenizer, merging_tokenizer])
def test_ids_are_those_of_the_assembled_string_with_other_vocabularies(build):
    pretrained = colpali_tokenizer(build())
    tokens, _, _ = QueryTokenizer(pretrained, FRAME)("pad Question", PREFIX, 10)
    assert [t.id for t in tokens] == pretrained(f"<bos>{PREFIX}pad Question{'<pad>' * 10}\n")["input_ids"]


def test_kinds_follow_the_segments(tokenize):
    tokens, _, _ = tokenize("question: <pad>", "Question: ", 4)
    kinds = [token.kind for token in tokens]
    assert sorted(kinds, key=["bos", "prefix", "word", "augmentation", "suffix"].index) == kinds
    assert [kinds.count(kind) for kind in ("bos", "augmentation", "suffix")] == [1, 4, 1]
    for kind, text in (("prefix", "Question:"), ("word", "question:<pad>")):
        assert "".join(token.text for token in tokens if token.kind == kind).replace(" ", "") == text


def test_a_token_across_two_segments_takes_that_of_its_last_character():
    """With these merges the space of the prefix and the typed letter are one token, and the next letter another."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *"Q:▁ab\n", "▁a"]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [("▁", "a")], unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokens, _, _ = QueryTokenizer(colpali_tokenizer(as_pretrained(tokenizer)), FRAME)("ab", "Q: ", 1)
    assert [(t.text, t.kind, t.word) for t in tokens] == [
        ("<bos>", "bos", None),
        ("Q", "prefix", None),
        (":", "prefix", None),
        ("a", "word", 0),
        ("b", "word", 0),
        ("<pad>", "augmentation", None),
        ("\n", "suffix", None),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("revenue by region", ("revenue", "by", "region")),
        ("revenue, by (region)?", ("revenue,", "by", "(region)?")),
        ("costs - revenue", ("costs -", "revenue")),
        ("- costs", ("- costs",)),
        ("costs !", ("costs !",)),
        ("⚡ energy", ("⚡", "energy")),
        ("state-of-the-art", ("state-of-the-art",)),
        ("日本の価格 2024年", ("日", "本", "の", "価", "格", "2024", "年")),
        ("...", ("...",)),
        ("  ", ()),
        ("", ()),
    ],
)
def test_words(tokenize, text, words):
    tokens, found, _ = tokenize(text, PREFIX, 10)
    assert found == words
    assert {token.word for token in tokens} - {None} == set(range(len(words)))


def test_subwords_of_a_word_share_its_number(tokenize):
    tokens, words, _ = tokenize("counties electricities", PREFIX, 10)
    for number, word in enumerate(words):
        pieces = [token.text for token in tokens if token.word == number]
        assert len(pieces) > 1
        assert "".join(pieces) == word


@pytest.mark.parametrize("build", [make_tokenizer, merging_tokenizer, whole_word_tokenizer, unigram_tokenizer])
@pytest.mark.parametrize("special", SPECIAL_STRINGS)
@pytest.mark.parametrize("text", ["{}", "x{}", "the {} of{}{}", "<{}>"])
@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_typed_special_strings_stay_text(build, special, text, prefix):
    pretrained = colpali_tokenizer(build())
    tokens, words, _ = QueryTokenizer(pretrained, FRAME)(text.format(special, special, special), prefix, 10)
    typed = [token for token in tokens if token.kind == "word"]
    assert not special_ids(pretrained) & {token.id for token in typed}
    assert [token.id for token in tokens].count(pretrained.pad_token_id) == 10
    assert [token.id for token in tokens].count(pretrained.bos_token_id) == 1
    assert " ".join(words) == text.format(special, special, special)


def test_special_strings_in_the_prefix_stay_text(pretrained, tokenize):
    tokens, _, _ = tokenize("x", "<bos><image>: ", 1)
    assert [token.id for token in tokens].count(pretrained.bos_token_id) == 1
    assert pretrained.convert_tokens_to_ids("<image>") not in {token.id for token in tokens}


@given(st.text(max_size=60))
@example("\ud800 lone surrogate")
@example("\ufdd0\ufdd1\ufdd2<pad>")
@example("\x00\u200b\u202e")
def test_any_text_gives_one_bos_and_only_text_after_it(pretrained, tokenize, text):
    tokens, words, _ = tokenize(text, PREFIX, 10)
    assert [token.kind for token in tokens].count("bos") == 1
    assert not special_ids(pretrained) & {token.id for token in tokens if token.kind in ("prefix", "word")}
    assert [token.id for token in tokens if token.kind == "augmentation"] == [pretrained.pad_token_id] * 10
    assert {token.word for token in tokens if token.kind == "word"} <= {*range(len(words)), None}


def test_unknown_words_are_those_without_any_known_piece(tokenize):
    for text, unknown in (
        ("revenue by region", ()),
        ("revenue ж region", ("ж",)),
        ("жж, (щ) costж", ("жж,", "(щ)")),
        ("日本 costs", ("日", "本")),
        ("?!", ()),
    ):
        assert tokenize(text, PREFIX, 10).unknown == unknown


def test_unknown_words_in_one_token():
    """Some vocabularies make a single unknown token of several unknown characters, across words."""
    tokenize = QueryTokenizer(colpali_tokenizer(make_tokenizer(fuse_unk=True)), FRAME)
    tokens, words, unknown = tokenize("日本 costs", PREFIX, 10)
    assert [token.text for token in tokens if token.kind == "word"][0] == "日本"
    assert words == ("日", "本", "costs")
    assert unknown == ("日", "本")


def test_bytes_of_one_character_go_by_their_names():
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *"Question:▁\n", *(f"<0x{byte:02X}>" for byte in range(256))]
    model = models.BPE({p: i for i, p in enumerate(dict.fromkeys(pieces))}, [], unk_token="<unk>", byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokens, _, _ = QueryTokenizer(colpali_tokenizer(as_pretrained(tokenizer)), FRAME)("é", PREFIX, 0)
    assert [token.text for token in tokens if token.kind == "word"] == ["<0xC3>", "<0xA9>"]
