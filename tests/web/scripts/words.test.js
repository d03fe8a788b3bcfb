import assert from "node:assert/strict";
import { test } from "node:test";

import { wordsUnder } from "../../../colpali_demo/web/shared/words.js";

const grid = { rows: 4, cols: 4 };
const under = (...box) => wordsUnder({ grid, words: [["word", ...box]] }, 1, 1, 0.25).length === 1;

test("a word counts when it shares a quarter of the shorter side", () => {
  assert.equal(under(0.25, 0.25, 0.5, 0.5), true);
  assert.equal(under(0.44, 0.25, 0.64, 0.5), true);
  assert.equal(under(0.46, 0.25, 0.66, 0.5), false);
});

test("a long word is under each patch that it crosses, and one beside it is not", () => {
  assert.equal(under(0, 0.3, 1, 0.4), true);
  assert.equal(under(0.5, 0.25, 0.75, 0.5), false);
});
