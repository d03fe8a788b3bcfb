import assert from "node:assert/strict";
import { test } from "node:test";

import { found } from "./made.js";

const order = (ranking) => ranking.map(({ key, rank }) => `${rank}${key}`).join(" ");

test("the lines of a ledger sum to the score", () => {
  const search = found([0.5, 0.25, 0.125], [0.5, 0.25, 0]);
  assert.equal(search.sum("a", [0, 1, 2]), 0.875);
  assert.equal(search.sum("b", [1]), 0.25);
  assert.equal(search.sum("b", []), 0);
});

test("the differences of two ledgers sum to the difference of the scores", () => {
  const search = found([0.5, 0.25, 0.125], [0.25, 0.5, 0]);
  const differences = [0, 1, 2].map((token) => search.sum("a", [token]) - search.sum("b", [token]));
  const [a, b] = search.value.ranking;
  assert.equal(
    differences.reduce((sum, each) => sum + each),
    a.score - b.score,
  );
});

test("without a token pages change places, and equal ones keep theirs", () => {
  const search = found([1, 0], [0.75, 0.125], [0.25, 0.125]);
  assert.equal(order(search.ranked(new Set())), "1a 2b 3c");
  assert.equal(order(search.ranked(new Set([0]))), "1b 2c 3a");
  assert.equal(order(search.ranked(new Set([0, 1]))), "1a 2b 3c");
});

test("a ranking without tokens has the sums that are left", () => {
  const search = found([1, 0.5], [0.75, 0.125]);
  assert.deepEqual(
    search.ranked(new Set([0])).map(({ score }) => score),
    [0.5, 0.125],
  );
  assert.equal(search.value.ranking[0].score, 1.5);
});
