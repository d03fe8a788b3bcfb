import assert from "node:assert/strict";
import { test } from "node:test";

import { Scan } from "../../../colpali_demo/web/lessons/scan.js";
import { contrast, highest, products, Study } from "../../../colpali_demo/web/lessons/study.js";
import { query, won } from "./made.js";

/** A page of 2 x 2 patches, of which two share a vector, and one prompt token; vectors of two numbers. */
function study() {
  const vectors = Float32Array.from([1, 0, 0, 1, 0.6, 0.8, -1, 0]);
  const queryVectors = Float32Array.from([1, 0, 0.8, 0.6]);
  const value = {
    query: {
      tokens: query.tokens.slice(1, 3).map((token, index) => ({ ...token, index })),
      vectors: Buffer.from(queryVectors.buffer).toString("base64"),
    },
    page: {
      dim: 2,
      vectors: 4,
      grid: { rows: 2, cols: 2 },
      patch_vectors: [0, 1, 0, 2],
      slots: [[3, "text", "."]],
      tokens: [
        { ...won(0, 1, [0, 0], [1, 0]), vector: 0 },
        { ...won(1, 0.9625, [1, 1]), vector: 2 },
      ],
    },
  };
  return new Study(value, vectors);
}

test("cosines are sums of products, and the winner's is the ledger's number", () => {
  const made = study();
  assert.deepEqual([...products([1, 2], [3, 4])], [3, 8]);
  assert.deepEqual(
    [...made.cosinesOf(0)].map((value) => Number(value.toFixed(6))),
    [1, 0, 0.6, -1],
  );
  assert.equal(made.cosinesOf(1)[2], 0.9625);
  assert.deepEqual([made.mapOf(0)[0], made.mapOf(0)[2]], [1, 1]);
});

test("a vector knows the cells that it stands for", () => {
  const made = study();
  assert.deepEqual(made.cellsWith(0), [
    [0, 0],
    [1, 0],
  ]);
  assert.deepEqual(made.cellsWith(3), []);
  assert.deepEqual(made.patch, [0, 0]);
});

test("a scan looks at every vector once and keeps the best so far", () => {
  const scan = new Scan(study(), 1);
  assert.deepEqual(scan.order, [0, 1, 2, 3]);
  assert.deepEqual(scan.best, [0, 0, 2, 2]);
  assert.equal(scan.placeOf(1, 0), 0);
  assert.equal(scan.slotText(3), ".");
  const seen = [...scan.seen(0)];
  assert.deepEqual(seen.map(Number.isNaN), [false, true, false, true]);
});

test("the scale of bars is the largest size", () => {
  assert.equal(highest([0.1, -0.7], [0.5]), 0.7);
});

test("a tie costs ln 2, a lead less, and a page behind more", () => {
  const { losses, loss, hardest, probabilities } = contrast(
    [
      [3, 3, 1],
      [9, 0, 1],
      [0, 4, 2],
    ],
    [0, 0, 2],
  );
  assert.ok(Math.abs(losses[0] - Math.LN2) < 1e-12);
  assert.ok(losses[1] < 1e-3);
  assert.ok(Math.abs(losses[2] - Math.log(1 + Math.exp(2))) < 1e-12);
  assert.deepEqual(hardest, [1, 2, 1]);
  assert.equal(loss, (losses[0] + losses[1] + losses[2]) / 3);
  assert.ok(Math.abs(probabilities[1][0] + probabilities[1][1] + probabilities[1][2] - 1) < 1e-12);
});
