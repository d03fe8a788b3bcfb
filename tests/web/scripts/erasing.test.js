import assert from "node:assert/strict";
import { test } from "node:test";
import { comparisonOf } from "../../../colpali_demo/web/shared/lead.js";
import { arrowOf, boxOf, movesOf, tracesOf } from "../../../colpali_demo/web/shared/traces.js";
import { nearestWord } from "../../../colpali_demo/web/shared/words.js";
import { found, pageEntry, pageMaps, won, wonByText } from "./made.js";

const WHOLE = [wonByText(0, 0.9, "."), won(1, 0.5, [0, 0]), won(2, 0.75, [1, 2]), won(3, 0.25, [0, 1])];
const AFTER = [wonByText(0, 0.9, "."), won(1, 0.25, [1, 2]), wonByText(2, 0.5, "."), won(3, 0.25, [0, 1])];

/** An entry of a page of which a box is erased. */
const erasedEntry = () => ({
  ...pageEntry(AFTER),
  erased: { boxes: [[0, 0, 0.5, 0.5]], inverted: false, text: "1 region erased; embedded anew" },
  whole: pageEntry(WHOLE),
});

test("winners that are elsewhere have moved, those off the image before have not", () => {
  assert.deepEqual(movesOf([0, 1, 2, 3], erasedEntry()), [
    { index: 1, from: [[0, 0]], to: [[1, 2]] },
    { index: 2, from: [[1, 2]], to: [] },
  ]);
  assert.deepEqual(movesOf([0, 1], pageEntry(WHOLE)), []);
});

test("an arrow leads from the middle of the old place to that of the new one", () => {
  const { places, arrows, boxes } = tracesOf([1, 2], erasedEntry());
  assert.deepEqual(boxes, [[0, 0, 0.5, 0.5]]);
  assert.deepEqual(places, [
    [0, 0, 1 / 3, 0.5],
    [2 / 3, 0.5, 1, 1],
  ]);
  assert.deepEqual(arrows, [{ from: [1 / 6, 0.25], to: [(2 / 3 + 1) / 2, 0.75] }]);
  assert.equal(tracesOf([1], pageEntry(WHOLE)), null);
  const { tip } = arrowOf([0, 0], [10, 0], 1);
  assert.deepEqual(tip[1], [10, 0]);
});

test("cells beyond the edge of a padded page end with the page", () => {
  assert.deepEqual(boxOf([[1, 2]], { rows: 2, cols: 3, down: 1.5, across: 2.5 }), [0.8, 1 / 1.5, 1, 1]);
});

test("the page on show has its new ledger; what it is compared with are whole pages", () => {
  const terms = [
    [0.9, 0.5, 0.75, 0.25],
    [0.5, 0.5, 0.5, 0.5],
    [0.5, 0.25, 0.25, 0.5],
    [0.25, 0.25, 0.25, 0.25],
  ];
  const search = found(...terms);
  const before = comparisonOf(search, "a");
  const beside = comparisonOf(search, "b");
  search.pages.set("a", { ...pageMaps(AFTER, new Array(24).fill(0)), entry: erasedEntry() });
  assert.deepEqual([...search.ledger("a")], [...Float32Array.from([0.9, 0.25, 0.5, 0.25])]);
  assert.equal(search.sumWhole("a", [1, 2]), 1.25);
  assert.deepEqual(comparisonOf(search, "a"), before);
  assert.deepEqual(comparisonOf(search, "b"), beside);
  assert.deepEqual(
    search.ranked(new Set()).map(({ key }) => key),
    ["b", "a", "c", "d"],
  );
});

test("the word nearest to some cells is found with its box", () => {
  const entry = {
    ...pageEntry(WHOLE),
    words: [
      ["left", 0, 0.1, 0.2, 0.2],
      ["right", 0.8, 0.6, 0.9, 0.7],
    ],
  };
  assert.equal(nearestWord(entry, [[1, 2]])[0], "right");
  assert.equal(nearestWord({ ...entry, words: [] }, [[1, 2]]), null);
});
