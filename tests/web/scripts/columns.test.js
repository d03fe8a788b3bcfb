import assert from "node:assert/strict";
import { test } from "node:test";

import { Columns, runsOf, winnerPlaces } from "../../../colpali_demo/web/matrix/columns.js";
import { pageMaps, won, wonByText } from "./made.js";

test("every column is found where it is", () => {
  for (const columns of [new Columns(6, 0), new Columns(1024, 6), new Columns(3, 200)])
    for (let place = 0; place < columns.places; place++) {
      const [left, right] = [columns.left(place), columns.right(place)];
      assert.ok(left < right);
      assert.equal(columns.at((left + right) / 2), place);
    }
});

test("the columns fill the width, with a gap before the vectors that are no patches", () => {
  const columns = new Columns(6, 2);
  assert.equal(columns.left(0), 0);
  assert.ok(columns.right(5) < columns.left(6));
  assert.ok(Math.abs(columns.right(7) - 1) < 1e-12);
  assert.equal(columns.at(1), 7);
});

test("a winner has the columns of its cells, or the one of its vector", () => {
  const ledger = [won(0, 0.5, [1, 0], [0, 1], [0, 2]), { ...wonByText(1, 0.5, "."), vector: 7 }];
  const maps = pageMaps(ledger, new Array(12).fill(0));
  assert.deepEqual(winnerPlaces(ledger[0], maps), [1, 2, 3]);
  assert.deepEqual(winnerPlaces(ledger[1], maps), [7]);
});

test("neighbors are one run", () => {
  assert.deepEqual(runsOf([1, 2, 3, 6]), [
    [1, 3],
    [6, 6],
  ]);
});
