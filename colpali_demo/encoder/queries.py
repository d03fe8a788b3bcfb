"""From typed text to token ids, keeping track of what every token is.

A processor assembles a query as one string and tokenizes that; ColPali's, for example:

    <bos>  Question:  revenue by region  <pad> x 10    \\n
    bos    prefix     word               augmentation  suffix

(without the spaces between the segments). Here the same string gives the same ids, and every token is traced back to
the characters that it came from. What people type stays text on the way: a typed `<pad>` is five characters.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import NamedTuple

from tokenizers import AddedToken, Encoding, Tokenizer
from transformers import PreTrainedTokenizerFast

from colpali_demo.documents.cjk import CJK_RANGES
from colpali_demo.encoder.layout import QueryToken, TokenKind

# Unicode noncharacters, which no text may contain, stand for the special tokens while a query is tokenized.
START, AUGMENTATION, END, HIDDEN = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
NOT_TEXT = re.compile("[\ufdd0-\ufdef\ud800-\udfff]")  # noncharacters and lone surrogates
CJK = "".join(f"{chr(first)}-{chr(last)}" for first, last in CJK_RANGES)  # characters that are each a word
WORD = re.compile(rf"[{CJK}]|[^\s{CJK}]+")


class QueryFrame(NamedTuple):
    """What stands around the prefix and the typed text of a query: special tokens or plain text, "" for nothing."""

    start: str
    augmentation: str
    end: str


class TokenizedQuery(NamedTuple):
    """The tokens of a query, its typed words, and those words whose letters and digits are all in unknown tokens."""

    tokens: tuple[QueryToken, ...]
    words: tuple[str, ...]
    unknown: tuple[str, ...]


class QueryTokenizer:
    """Tokenizes queries as the processor of `tokenizer` does, but never takes a special token from typed text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, frame: QueryFrame) -> None:
        self._pieces = tokenizer
        self._tokenizer = _without_added_tokens(tokenizer)
        self._ids: dict[int, int] = {}  # ids of special tokens here, to the checkpoint's, where they differ
        added = {token.content: token for token in tokenizer.added_tokens_decoder.values()}
        parts = []
        for content, sentinel in zip(frame, (START, AUGMENTATION, END), strict=True):
            if content not in added or _is_space(content):
                parts.append(content)  # plain text, or a token that comes with the white space below
                continue
            token = added[content]
            self._add(AddedToken(sentinel, lstrip=token.lstrip, rstrip=token.rstrip, normalized=False), content)
            parts.append(sentinel)
        self._frame = QueryFrame(*parts)
        # Tokens of white space, such as the newline of the suffix, do no harm when they are typed.
        for content, token in added.items():
            if _is_space(content):
                self._add(token, content)

    def _add(self, token: AddedToken, content: str) -> None:
        self._tokenizer.add_tokens([token])
        self._ids[self._tokenizer.token_to_id(token.content)] = self._pieces.convert_tokens_to_ids(content)

    def __call__(self, text: str, prefix: str, augmentation: int) -> TokenizedQuery:
        """Assemble and tokenize a query. `augmentation` is the number of augmentation tokens."""
        segments: list[tuple[TokenKind, str]] = [
            ("bos", self._frame.start),
            ("prefix", as_text(prefix)),
            ("word", as_text(text)),
            ("augmentation", self._frame.augmentation * augmentation),
            ("suffix", self._frame.end),
        ]
        query = "".join(part for _, part in segments)
        kinds = [kind for kind, part in segments for _ in part]
        typed = kinds.index("word") if "word" in kinds else 0
        word_of, words = split_words(as_text(text))

        encoding = self._tokenizer.encode(query, add_special_tokens=False)
        tokens = []
        ids_of: list[set[int]] = [set() for _ in words]  # ids of the tokens that hold letters or digits, by word
        for index, (start, end) in enumerate(encoding.offsets):
            last = _last_character(query, start, end)
            kind = kinds[last]
            token = QueryToken(
                index=index,
                text=self._text(encoding, index, query),
                kind=kind,
                word=word_of[last - typed] if kind == "word" else None,
                id=self._ids.get(encoding.ids[index], encoding.ids[index]),
            )
            tokens.append(token)
            for character in range(start, end):
                if kinds[character] == "word" and query[character].isalnum():
                    ids_of[word_of[character - typed]].add(token.id)
        unknown = (word for word, ids in zip(words, ids_of, strict=True) if ids == {self._pieces.unk_token_id})
        return TokenizedQuery(tuple(tokens), words, tuple(unknown))

    def _text(self, encoding: Encoding, index: int, query: str) -> str:
        """Return what to call a token: the characters it stands for, as typed."""
        id, (start, end) = encoding.ids[index], encoding.offsets[index]
        # Special tokens, and the bytes that together make up one character, go by their names in the vocabulary.
        shared = (start, end) in encoding.offsets[max(index - 1, 0) : index] + encoding.offsets[index + 1 : index + 2]
        special = id in self._ids and not query[start:end].isspace()
        if special or shared or start == end:
            return self._pieces.convert_ids_to_tokens(self._ids.get(id, id))
        return query[start:end].strip() or query[start:end]


def as_text(text: str) -> str:
    """Return the text with whatever is not a Unicode character replaced by U+FFFD."""
    return NOT_TEXT.sub("\ufffd", text)


def split_words(text: str) -> tuple[list[int | None], tuple[str, ...]]:
    """Return for each character of a text the index of its word, and the words.

    White space parts words. Punctuation alone joins the word before it, or the word after it at the start; white space
    counts to the word after it, as in most vocabularies, or at the end to the word before.
    """
    spans: list[tuple[int, int]] = []
    joins_next = False
    for match in WORD.finditer(text):
        start, end = match.span()
        if spans and (joins_next or not _stands_alone(match[0])):
            start = spans.pop()[0]
        spans.append((start, end))
        joins_next = not _stands_alone(text[start:end])
    word_of: list[int | None] = []
    for index, (_, end) in enumerate(spans):
        word_of += [index] * (end - len(word_of))
    word_of += [len(spans) - 1 if spans else None] * (len(text) - len(word_of))
    return word_of, tuple(text[start:end] for start, end in spans)


def _stands_alone(text: str) -> bool:
    """Return whether a text has letters, digits or pictures such as emoji, and not only punctuation."""
    return any(character.isalnum() or unicodedata.category(character) == "So" for character in text)


def _last_character(query: str, start: int, end: int) -> int:
    """Index of the character that decides which segment and word a token belongs to: its last one but for spaces."""
    visible = query[start:end].rstrip()
    return start + len(visible) - 1 if visible else max(end - 1, start)


def _is_space(content: str) -> bool:
    return content.replace("▁", " ").isspace()  # SentencePiece writes a space as U+2581


def _without_added_tokens(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """Return a copy of the tokenizer in which no text can become one of its added tokens.

    `split_special_tokens` is not enough: it leaves alone the added tokens that are not flagged special, as the `<loc>`
    tokens of the processor. So they are not added here, and where the vocabulary holds them as well (a learned merge
    could reach them), they go by a name that no text can contain.
    """
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    spec.update(added_tokens=[], post_processor=None, truncation=None, padding=None)
    contents = {token.content for token in tokenizer.added_tokens_decoder.values()}
    hidden = {content: HIDDEN + content for content in contents if not _is_space(content)}
    model = spec["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {hidden.get(piece, piece): id for piece, id in model["vocab"].items()}
    else:  # Unigram: (piece, log probability) in the order of the ids
        model["vocab"] = [[hidden.get(piece, piece), weight] for piece, weight in model["vocab"]]
    if model.get("unk_token"):
        model["unk_token"] = hidden.get(model["unk_token"], model["unk_token"])
    if "merges" in model:
        model["merges"] = [pair for pair in model["merges"] if not hidden.keys() & {*pair, "".join(pair)}]
    return Tokenizer.from_str(json.dumps(spec))
