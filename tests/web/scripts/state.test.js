import assert from "node:assert/strict";
import { test } from "node:test";

import { restored, restoring } from "../../../colpali_demo/web/lens/link.js";
import { LensState } from "../../../colpali_demo/web/lens/state.js";
import { viewOf, winnerMarks } from "../../../colpali_demo/web/lens/view.js";
import { itemsOf } from "../../../colpali_demo/web/shared/tokens.js";
import { found, pageMaps, query, won, wonByText } from "./made.js";

const LEDGER = [
  wonByText(0, 0.9, "<bos>"),
  won(1, 0.5, [0, 0], [0, 1], [1, 0]),
  won(2, 0.25, [1, 2]),
  won(3, 0.125, [1, 2]),
  wonByText(4, 0.1, "."),
];

/** A lens on one page, or on two. */
function lensState(keys = 1) {
  const state = new LensState();
  const terms = LEDGER.map(({ maxsim }) => maxsim);
  state.found = found(terms, terms);
  state.found.value.range = { lo: -1, median: 0, hi: 1 };
  for (const key of "ab") state.found.pages.set(key, pageMaps(structuredClone(LEDGER), new Array(30).fill(0)));
  state.key = "a";
  state.other = keys > 1 ? "b" : null;
  Object.assign(state, { unit: "token", open: true });
  state.items = itemsOf(query, "token");
  state.ranking = state.found.ranked(state.off);
  return state;
}

test("a click pins one, with Shift one more, and once more releases", () => {
  const state = lensState();
  state.pin("1", false, 2);
  state.pin("2", true, 2);
  assert.deepEqual(state.pins, ["1", "2"]);
  state.pin("3", true, 2);
  assert.deepEqual(state.pins, ["2", "3"]);
  state.pin("3", true, 2);
  assert.deepEqual(state.pins, ["2"]);
  state.pin("2", false, 2);
  assert.deepEqual(state.pins, []);
});

test("what is pinned stays when words take the place of tokens", () => {
  const state = lensState();
  state.pins = ["2", "4"];
  state.setUnit("word", true, 6);
  assert.deepEqual(state.pins, ["w0", "4"]);
});

test("what is offered first is the word that adds most, and has letters", () => {
  const state = lensState();
  assert.equal(state.offered().id, "1");
  state.setUnit("word", false, 6);
  assert.equal(state.offered().id, "w0");
});

test("a lead is told only of a page that is compared with something", () => {
  const state = lensState();
  assert.equal(state.by, "score");
  const others = [0, 0.25, 0.25, 0, 0];
  state.found = Object.assign(found([0.9, 0.5, 0.25, 0.125, 0.1], others, others, others), {
    pages: state.found.pages,
  });
  assert.equal(state.by, "lead");
  assert.deepEqual([state.valueOf("a", [1]), state.valueOf("a", [2])], [0.25, 0]);
  assert.deepEqual([...state.placed("a", [1, 2])], [0.25, 0.25, 0, 0.25, 0, 0]);
  state.measure = "score";
  assert.equal(state.valueOf("a", [1]), 0.5);
});

test("the tokens that the model adds are one item until they are opened", () => {
  const state = lensState();
  state.setUnit("word", false, 6);
  assert.deepEqual(
    state.items.map(({ id, tokens }) => [id, tokens]),
    [
      ["w0", [1, 2]],
      ["w1", [3]],
      ["added", [0, 4]],
    ],
  );
  assert.equal(state.itemWith(4).id, "added");
  assert.deepEqual(state.itemOf("2").tokens, [2]); // a piece can be looked at without its chip
  state.setUnit("word", true, 6);
  assert.deepEqual(
    state.items.map(({ id }) => id),
    ["0", "w0", "w1", "4"],
  );
});

test("of the whole query winners that add little are drawn thin, and added tokens have no number", () => {
  const state = lensState();
  state.setUnit("word", false, 6);
  const value = (token) => [0, 1, 0.05, 0, -0.5][token];
  const marks = winnerMarks(viewOf(state), state.mapsOf("a"), value);
  assert.deepEqual(
    marks.map(({ kind, badge }) => [kind, badge]),
    [
      ["box small", "1"],
      ["box small slight", "1, 2"],
    ],
  );
});

test("the whole query is on show while nothing is chosen, by an overlay that can show it", () => {
  const view = viewOf(lensState());
  assert.equal(view.whole, true);
  assert.equal(view.overlay.id, "winners");
  assert.equal(view.layers.length, 1);
  assert.deepEqual([...view.layers[0].values[0]], [0.5, 0.5, 0, 0.5, 0, 0.375]);
});

test("tokens that do not count are in no map of the whole query", () => {
  const state = lensState();
  state.setOff([1], true);
  assert.deepEqual([...viewOf(state).layers[0].values[0]], [0, 0, 0, 0, 0, 0.375]);
});

test("every token chosen has a layer with values for both pages and a color of its own", () => {
  const state = lensState(2);
  state.pins = ["1", "2"];
  const view = viewOf(state);
  assert.deepEqual(
    view.layers.map((layer) => layer.values.length),
    [2, 2],
  );
  assert.notEqual(view.layers[0].color, view.layers[1].color);
});

test("a preview comes before what is pinned", () => {
  const state = lensState();
  state.pins = ["1"];
  state.preview = "2";
  assert.deepEqual(
    viewOf(state).items.map(({ id }) => id),
    ["2"],
  );
});

test("a set of cells has one outline, and tokens that won the same set share it", () => {
  const state = lensState();
  state.overlay = "winners";
  const marks = winnerMarks(viewOf(state), state.mapsOf("a"));
  assert.deepEqual(
    marks.map(({ cells, badge }) => [cells.length, badge]),
    [
      [3, "2"],
      [1, "3, 4"],
    ],
  );
});

test("a link restores what it was made from", () => {
  const state = lensState();
  Object.assign(state, { pins: ["w0"], overlay: "spotlight", unit: "word", key: "b" });
  const other = lensState();
  assert.equal(restored(other, new URLSearchParams(restoring(state)).toString()), true);
  assert.deepEqual([other.pins, other.overlay, other.unit, other.key], [["w0"], "spotlight", "word", "b"]);
});

test("a link that makes no sense here changes nothing", () => {
  const state = lensState();
  assert.equal(restored(state, "overlay=<b>&token=w9,99&show=z"), false);
  assert.deepEqual([state.overlay, state.key, state.pins], ["similarity", "a", []]);
});
