"""Make the tokenizer of colpali-tiny: `python -m colpali_demo.training tokenizer`."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Return how often each lower-cased word and number stands in the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(re.findall(r"[^\W_]+", text.lower()))
    return counts


def flattened(counts: Counter[str], power: float = 0.6) -> Iterator[str]:
    """Repeat each word count^power times, so that a frequent field's jargon does not take all the pieces."""
    for word, count in counts.items():
        if count > 1 and word.isalpha():
            yield " ".join(["", *[word] * round(count**power)])


def train_tokenizer(texts: Iterable[str], vocabulary: int = 4096) -> PreTrainedTokenizerFast:
    """Train byte-pair pieces of lower-cased text; digits and punctuation stand alone; a space is "▁" as in Gemma's.

    The newline is a piece of its own, because ColPali's page prompt and queries both end in one. Characters that are
    rarer than the alphabet's limit become `<unk>`, so the app can say which typed words the checkpoint cannot know.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n"), "isolated"),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never", split=True),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex(r"[^\w▁\n]|_"), "isolated"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=[
            "\n",
            *map(chr, range(0x21, 0x7F)),
            *"£€§©®°±·×•–—‘’“”…−",
            *"àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšž",
        ],
        limit_alphabet=160,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return with_special_tokens(tokenizer)


def with_special_tokens(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Return the tokenizer as transformers takes it."""
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side="right", **SPECIAL_TOKENS)
