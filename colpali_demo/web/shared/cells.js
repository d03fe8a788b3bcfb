// Sets of cells of a page's grid, [row, col] each: what a vector of the page stands for.

/** The smallest rectangle around some cells, in cells: the ends are beyond the last row and column. */
export function boundsOf(cells) {
  const rows = cells.map(([row]) => row);
  const cols = cells.map(([, col]) => col);
  return {
    top: Math.min(...rows),
    left: Math.min(...cols),
    bottom: Math.max(...rows) + 1,
    right: Math.max(...cols) + 1,
  };
}

/** The first of some cells in reading order. */
export const firstOf = (cells) => cells.reduce((a, b) => (b[0] < a[0] || (b[0] === a[0] && b[1] < a[1]) ? b : a));

/** Whether some different cells fill the rectangle around them. */
export function areRectangle(cells) {
  const { top, left, bottom, right } = boundsOf(cells);
  return cells.length === (bottom - top) * (right - left);
}

/** The middle of some cells, {row, col}; that of one cell is half a cell from its corner. */
export function centerOf(cells) {
  const mean = (axis) => cells.reduce((sum, cell) => sum + cell[axis] + 0.5, 0) / cells.length;
  return { row: mean(0), col: mean(1) };
}

export const holds = (cells, row, col) => cells.some(([r, c]) => r === row && c === col);

/** The same text for the same cells in whatever order. */
export const cellsKey = (cells) =>
  cells
    .map(([row, col]) => `${row}-${col}`)
    .sort()
    .join(" ");

/**
 * The edges between some cells and the others, as closed lines: lists of corners [row, col], each corner the start of a
 * straight line to the next, inside on its right.
 */
export function outlineOf(cells) {
  const edges = new Map(); // start of an edge -> ends
  const add = (from, to) => {
    const key = from.join();
    if (!edges.has(key)) edges.set(key, []);
    edges.get(key).push(to);
  };
  for (const [row, col] of cells) {
    if (!holds(cells, row - 1, col)) add([row, col], [row, col + 1]);
    if (!holds(cells, row, col + 1)) add([row, col + 1], [row + 1, col + 1]);
    if (!holds(cells, row + 1, col)) add([row + 1, col + 1], [row + 1, col]);
    if (!holds(cells, row, col - 1)) add([row + 1, col], [row, col]);
  }
  const loops = [];
  while (edges.size) {
    const [first] = edges.keys();
    loops.push(straightened(followed(edges, first.split(",").map(Number))));
  }
  return loops;
}

/** Take the edges of one closed line out of the map. Where two cells touch at a corner only, the line turns right. */
function followed(edges, start) {
  const corners = [];
  let at = start;
  let heading = null;
  do {
    const ends = edges.get(at.join());
    const turned = ends.findIndex(([row, col]) => heading && row - at[0] === heading[1] && col - at[1] === -heading[0]);
    const [next] = ends.splice(Math.max(0, turned), 1);
    if (!ends.length) edges.delete(at.join());
    corners.push(at);
    heading = [next[0] - at[0], next[1] - at[1]];
    at = next;
  } while (at[0] !== start[0] || at[1] !== start[1]);
  return corners;
}

/** Without the corners at which the line goes straight on. */
function straightened(corners) {
  return corners.filter(([row, col], i) => {
    const [before] = corners.slice(i - 1);
    const after = corners[(i + 1) % corners.length];
    return !(before[0] === row && row === after[0]) && !(before[1] === col && col === after[1]);
  });
}

/** How many cells the page is high and wide: fewer than its grid has, and perhaps a fraction, where it was padded. */
export const spanOf = ({ rows, cols, down = rows, across = cols }) => ({ down, across });
