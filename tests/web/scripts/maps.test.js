import assert from "node:assert/strict";
import { test } from "node:test";

import { decoded } from "../../../colpali_demo/web/shared/found.js";
import { lensValue, pageMaps, won, wonByText } from "./made.js";

const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

test("the ledger's number stands on every cell of a winner", () => {
  const maps = pageMaps([won(0, 0.75, [0, 1], [1, 2])], [0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...maps.map({ id: "0", tokens: [0] }, false)], [0, 0.75, 0, 0, 0, 0.75]);
});

test("the map of a word is the maximum of its tokens", () => {
  const maps = pageMaps([won(0, 0.5, [0, 0]), won(1, 0.75, [1, 2])], [0.5, 0.25, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0.75]);
  assert.deepEqual([...maps.map({ id: "w0", tokens: [0, 1] }, false)], [0.5, 0.5, 0, 0, 0, 0.75]);
});

test("a contribution map has each term on its winner's cells, and none of those off the image", () => {
  const ledger = [won(0, 0.5, [0, 1]), won(1, 0.25, [0, 1], [0, 2]), wonByText(2, 0.9, "<bos>")];
  const maps = pageMaps(ledger, new Array(18).fill(0));
  assert.deepEqual([...maps.contribution([0, 1, 2])], [0, 0.75, 0.25, 0, 0, 0]);
  assert.deepEqual([...maps.contribution([1])], [0, 0.25, 0.25, 0, 0, 0]);
});

test("a blank page's maps are subtracted only where they fit", () => {
  const ledger = [won(0, 0.5, [0, 0])];
  const item = { id: "0", tokens: [0] };
  const background = Float32Array.from([0.25, 0, 0, 0, 0, 0]);
  assert.equal(pageMaps(ledger, [0.5, 0, 0, 0, 0, 0], { background }).map(item, true)[0], 0.25);
  const other = pageMaps(ledger, [0.5, 0, 0, 0, 0, 0], { background: background.subarray(1) });
  assert.equal(other.background, null);
  assert.equal(other.map(item, true)[0], 0.5);
});

test("vectors that are no patches come after the patches", () => {
  const maps = pageMaps([won(0, 0.5, [0, 0]), won(1, 0.5, [0, 0])], new Array(12).fill(0), { others: [1, 2, 3, 4] });
  assert.deepEqual([maps.at(1, 0), maps.at(1, 6), maps.at(1, 7)], [0.5, 3, 4]);
});

test("register-like patches are hot for nearly every token", () => {
  const maps = pageMaps([won(0, 0.9, [1, 2]), won(1, 0.8, [1, 2])], [0, 0, 0, 0, 0, 0.9, 0, 0, 0.5, 0, 0, 0.8]);
  assert.deepEqual(maps.registers(), [5]);
});

test("ranks count from 1 and ties share the better one", () => {
  const maps = pageMaps([won(0, 0.5, [0, 0])], [0.5, 0.1, 0.3, 0.3, 0, 0]);
  const values = maps.map({ id: "0", tokens: [0] }, false);
  assert.deepEqual(
    [0, 2, 3, 1].map((cell) => maps.rankIn(values, cell)),
    [1, 2, 2, 4],
  );
});

test("a value is decoded to maps and ledgers", async () => {
  const value = lensValue([won(0, 0.5, [0, 2])], [0, 65535, 0, 32767, 0, 0]);
  const found = await decoded(value);
  const maps = found.pages.get("a");
  assert.deepEqual([...found.ledger("a")], [0.5]);
  near(maps.at(0, 1), 1);
  near(maps.at(0, 2), 0.5);
  near(maps.at(0, 7), -0.25);
});

test("a value whose file is gone is refused", async () => {
  const value = lensValue([won(0, 0.5, [0, 2])], [0, 0, 0, 0, 0, 0]);
  value.ledgers = { file: { url: "data:nonsense" } };
  await assert.rejects(decoded(value));
});
