import assert from "node:assert/strict";
import { test } from "node:test";

import {
  areRectangle,
  boundsOf,
  cellsKey,
  centerOf,
  firstOf,
  outlineOf,
  spanOf,
} from "../../../colpali_demo/web/shared/cells.js";

const L = [
  [0, 0],
  [1, 0],
  [1, 1],
];

/** The area inside closed lines, in cells; holes count as less than nothing. */
const area = (loops) =>
  loops.reduce((total, corners) => {
    let twice = 0;
    corners.forEach(([row, col], i) => {
      const [nextRow, nextCol] = corners[(i + 1) % corners.length];
      twice += col * nextRow - nextCol * row;
    });
    return total + twice / 2;
  }, 0);

test("a rectangle is told from what only looks like one from outside", () => {
  assert.deepEqual(boundsOf(L), { top: 0, left: 0, bottom: 2, right: 2 });
  assert.equal(areRectangle(L), false);
  assert.equal(areRectangle([...L, [0, 1]]), true);
  assert.equal(areRectangle([[5, 7]]), true);
});

test("the center is that of the cells", () => {
  assert.deepEqual(centerOf([[2, 3]]), { row: 2.5, col: 3.5 });
  assert.deepEqual(
    centerOf([
      [0, 0],
      [0, 3],
    ]),
    { row: 0.5, col: 2 },
  );
});

test("the first cell is that of the top row, and of those the leftmost", () => {
  assert.deepEqual(
    firstOf([
      [3, 0],
      [1, 7],
      [1, 4],
      [2, 2],
    ]),
    [1, 4],
  );
});

test("the order of cells makes no other set", () => {
  assert.equal(cellsKey(L), cellsKey([...L].reverse()));
  assert.notEqual(cellsKey([[1, 12]]), cellsKey([[11, 2]]));
});

test("the outline of one cell has its four corners", () => {
  assert.deepEqual(outlineOf([[2, 3]]), [
    [
      [2, 3],
      [2, 4],
      [3, 4],
      [3, 3],
    ],
  ]);
});

test("the outline of an L has six corners and its area", () => {
  const loops = outlineOf(L);
  assert.equal(loops.length, 1);
  assert.equal(loops[0].length, 6);
  assert.equal(area(loops), 3);
});

test("cells apart, cells that touch at a corner and holes have lines of their own", () => {
  const apart = [
    [0, 0],
    [0, 2],
  ];
  const corner = [
    [0, 0],
    [1, 1],
  ];
  const ring = [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ];
  for (const cells of [apart, corner, ring]) {
    const loops = outlineOf(cells);
    assert.equal(loops.length, 2);
    assert.equal(area(loops), cells.length);
  }
});

test("a padded page is smaller than its grid", () => {
  assert.deepEqual(spanOf({ rows: 3, cols: 4 }), { down: 3, across: 4 });
  assert.deepEqual(spanOf({ rows: 3, cols: 4, down: 2.5, across: 4 }), { down: 2.5, across: 4 });
});
