import assert from "node:assert/strict";
import { test } from "node:test";

import { byWord, itemsOf, label, place, spoken } from "../../../colpali_demo/web/shared/tokens.js";
import { query, token, won, wonByText } from "./made.js";

test("a chip shows what cannot be seen", () => {
  assert.equal(label(token(0, "\n", "suffix")), "↵");
  assert.equal(label(token(0, "  ", "word")), "␣");
  assert.equal(label(token(0, "\u200b", "word")), "U+200B");
  assert.equal(label(token(0, "", "augmentation")), "<augmentation>");
});

test("augmentation tokens are counted from 1", () => {
  const tokens = [token(0, "a", "word", 0), token(1, "<pad>", "augmentation"), token(2, "<pad>", "augmentation")];
  assert.equal(spoken(tokens[2], tokens), "augmentation token 2");
  assert.equal(spoken(tokens[0], tokens), "“\u2068a\u2069”");
});

test("as tokens every token is an item, as words the pieces of a word are one", () => {
  assert.deepEqual(
    itemsOf(query, "token").map(({ id, tokens }) => [id, tokens]),
    [0, 1, 2, 3, 4].map((index) => [String(index), [index]]),
  );
  const words = itemsOf(query, "word");
  assert.deepEqual(
    words.map(({ id, tokens, number, label }) => [id, tokens, number, label]),
    [
      ["0", [0], 1, "<bos>"],
      ["w0", [1, 2], 2, "report"],
      ["w1", [3], 3, "?"],
      ["4", [4], 4, "↵"],
    ],
  );
});

test("two equal words that follow each other stay two", () => {
  const tokens = [token(0, "a", "word", 0), token(1, "a", "word", 1)];
  assert.equal(itemsOf({ words: ["a", " a"], tokens }, "word").length, 2);
  assert.equal(byWord(tokens).length, 2);
});

test("pieces of a word are grouped, other tokens are not", () => {
  assert.deepEqual(
    byWord(query.tokens).map((tokens) => tokens.map(({ index }) => index)),
    [[0], [1, 2], [3], [4]],
  );
});

test("a winner says where it is, alone, as a set, and off the image", () => {
  assert.equal(place(won(0, 0.5, [3, 5])), "row 3, col 5");
  assert.equal(place(won(0, 0.5, [3, 5], [4, 5])), "2 patches, rows 3–4, col 5");
  const scattered = won(0, 0.5, [3, 5], [4, 5], [4, 7], [9, 0]);
  assert.equal(place(scattered), "4 patches, row 3, col 5; row 4, col 5; row 4, col 7; 1 more");
  assert.equal(place(wonByText(0, 0.5, "a\n")), "prompt token “\u2068a↵\u2069”");
  assert.equal(place({ ...won(0, 0.5), slot: "tile" }), "thumbnail tile");
});
