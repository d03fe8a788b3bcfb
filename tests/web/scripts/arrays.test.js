import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, cut, dequantized, extent, fetched, SMOOTH, smoothed } from "../../../colpali_demo/web/shared/arrays.js";

test("base64 becomes bytes", async () => {
  assert.deepEqual([...bytes(Buffer.from([0, 127, 255]).toString("base64"))], [0, 127, 255]);
  assert.equal((await fetched({ data: "" })).byteLength, 0);
});

test("levels become cosines between the ends of the scale", () => {
  const cosines = dequantized(Uint16Array.from([0, 65535, 32767]).buffer, -0.5, 1);
  assert.equal(cosines[0], -0.5);
  assert.equal(cosines[1], 1);
  assert.ok(Math.abs(cosines[2] - 0.25) < 2e-5);
});

test("the extent has the middle value, and the cut lies halfway to the top", () => {
  const range = extent([0.9, -0.1, 0.1]);
  assert.deepEqual(range, { lo: -0.1, median: 0.1, hi: 0.9 });
  assert.equal(cut(range), 0.5);
});

test("smoothing invents no peak and keeps what it is given", () => {
  const values = [0, 1, 0.5, 0.25, 0, 0];
  const fine = smoothed(values, 2, 3);
  assert.equal(fine.length, values.length * SMOOTH * SMOOTH);
  assert.ok(Math.max(...fine) <= 1 && Math.min(...fine) >= 0);
  assert.equal(fine[0], 0); // beyond the center of the first patch there is nothing to mix with
  const single = smoothed([0.7], 1, 1);
  assert.ok(single.every((value) => value === Math.fround(0.7)));
});
