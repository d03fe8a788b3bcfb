import assert from "node:assert/strict";
import { test } from "node:test";

import { progressText, STOPPING } from "../../../colpali_demo/web/library/progress.js";

const progress = { source: "a.pdf", done: 3, total: 10, rate: 2.5, left: 2.8 };

test("progress says how far, how fast and how long", () => {
  assert.equal(progressText(progress), "a.pdf · 3 of 10 pages · 2.5 pages/s · 3 s left");
  assert.equal(progressText({ ...progress, left: 600 }), "a.pdf · 3 of 10 pages · 2.5 pages/s · 10 min left");
  assert.equal(progressText({ source: "a.pdf", done: 1, total: null }), "a.pdf · 1 page");
  assert.equal(progressText({ ...progress, stopping: true }), STOPPING);
  assert.equal(progressText({ note: "Waiting." }), "Waiting.");
});
