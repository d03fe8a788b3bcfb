// Whether a query or a page is in a language that the checkpoint may not read, as far as its tokens tell.

import { shown } from "../shared/text.js";

const PIECES = 3; // pieces of a word, on average: words that a vocabulary knows have one or two
const LETTERS = 4; // letters of a word, at least: a short one has no room for so many pieces
const UNKNOWN = 1 / 3; // share of words without any piece in the vocabulary

/** A sentence about the language of a query, as in the value of the lens; "" where its words are read as words. */
export function languageNote({ tokens, words, unknown }) {
  const letters = words.map((word) => [...word.matchAll(/\p{L}/gu)].length);
  const told = letters.flatMap((count, word) => (count >= LETTERS ? [word] : []));
  if (words.length && unknown.length / words.length >= UNKNOWN)
    return "Most of these words are not in this checkpoint’s vocabulary: it may not read this language.";
  if (!told.length) return "";
  const pieces = tokens.filter((token) => told.includes(token.word)).length / told.length;
  if (pieces < PIECES) return "";
  return (
    `This checkpoint cuts these words into ${shown(pieces, 1)} pieces each, as it does with words it hardly knows: ` +
    "it may not read this language, and what it finds for the pieces says little about the words."
  );
}

/** A sentence about the language of a page; "" where nothing tells that it is another one. fit: as `VocabularyFit`. */
export function pageNote(fit) {
  if (!fit?.foreign) return "";
  if (fit.unknown >= UNKNOWN)
    return (
      `${shown(fit.unknown * 100, 0)} % of the words on this page are not in this checkpoint’s vocabulary: ` +
      "it may not read the language that the page is in."
    );
  return (
    `This checkpoint cuts the words of this page into ${shown(fit.pieces, 1)} pieces each, as it does with words it ` +
    "hardly knows: it may not read the language that the page is in."
  );
}
