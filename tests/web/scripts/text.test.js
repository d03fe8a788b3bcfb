import assert from "node:assert/strict";
import { test } from "node:test";

import { megabytes, percent, plural, ranges, shown, signed } from "../../../colpali_demo/web/shared/text.js";

test("numbers have a true minus sign, and zero has none", () => {
  assert.equal(shown(-0.5), "−0.500");
  assert.equal(shown(-0.0001), "0.000");
  assert.equal(shown(-0.01, 2), "−0.01");
  assert.equal(signed(0.25, 2), "+0.25");
  assert.equal(signed(-0.25, 2), "−0.25");
  assert.equal(percent(-0.034), "−3 %");
});

test("counts have separators, and one is one", () => {
  assert.equal(plural(1, "page"), "1 page");
  assert.equal(plural(2057, "vector"), "2,057 vectors");
});

test("sizes have the unit that keeps them short", () => {
  assert.equal(megabytes(512), "512 bytes");
  assert.equal(megabytes(263_680), "264 kB");
  assert.equal(megabytes(2_570_000_000), "2.6 GB");
});

test("neighbors are drawn together", () => {
  assert.equal(ranges([1, 4, 5, 6]), "1, 4–6");
  assert.equal(ranges([2, 3]), "2, 3");
  assert.equal(ranges([]), "");
});
