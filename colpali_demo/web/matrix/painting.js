// The two canvases of the matrix: cosines, and over them the marks of what is on show.

import { runsOf } from "./columns.js";

const GAP = 1; // CSS pixels between rows
// On a dark screen the map is turned around, so that the high cosines are still those that stand out.
const LIGHT = { paper: "#fffdf9", ink: "#201d1a", pointer: "#24469c" };
const DARK = { paper: "#1e1c1a", ink: "#ece7de", pointer: "#a9bcf5" };
const VEIL = 0.35; // opacity of what lies over the rows that are not on show: they can still be compared
const OFF = 0.25; // opacity of the rows that do not count
const CONTRAST = 3; // a power, so that the many ordinary cosines stay pale beside the few high ones
const NOTHING = -2; // below any cosine

/**
 * Paint the cosines. table: {rows, columns, value(token, place), lo, hi, off, dark}: indices of tokens from top to
 * bottom, where the columns are, the cosines, the ends of the scale, the tokens that do not count, and whether it is
 * dark.
 */
export function paintCosines(canvas, table, palette) {
  const { rows } = table;
  const { width, height } = canvas;
  const strip = stripOf(table, width, palette);
  const context = canvas.getContext("2d");
  const tall = height / rows.length;
  const gap = GAP * (window.devicePixelRatio || 1);
  context.imageSmoothingEnabled = false;
  rows.forEach((_, row) => {
    const [top, bottom] = [Math.round(row * tall), Math.round((row + 1) * tall)];
    context.drawImage(strip, 0, row, width, 1, 0, top, width, bottom - top - gap);
  });
}

/** A canvas with one pixel a row, as wide as the screen has pixels; where several columns meet, the highest cosine. */
function stripOf({ rows, columns, value, lo, hi, off, dark }, width, palette) {
  const strip = document.createElement("canvas");
  Object.assign(strip, { width, height: rows.length });
  const image = new ImageData(width, rows.length);
  const edges = Array.from({ length: columns.places }, (_, place) => {
    const from = Math.floor(columns.left(place) * width);
    return [from, Math.max(from + 1, Math.floor(columns.right(place) * width))];
  });
  const highest = new Float32Array(width);
  rows.forEach((token, row) => {
    highest.fill(NOTHING);
    edges.forEach(([from, to], place) => {
      const cosine = value(token, place);
      for (let x = from; x < to && x < width; x++) if (cosine > highest[x]) highest[x] = cosine;
    });
    const weight = off.has(token) ? OFF : 1;
    for (let x = 0; x < width; x++) {
      if (highest[x] === NOTHING) continue;
      const at = 4 * (row * width + x);
      const share = ((highest[x] - lo) / (hi - lo || 1)) ** CONTRAST;
      palette.write(image.data, at, dark ? 1 - share : share);
      if (dark) image.data[at + 3] = 255 * palette.opacity(share);
      image.data[at + 3] *= weight;
    }
  });
  strip.getContext("2d").putImageData(image, 0, 0);
  return strip;
}

/**
 * Paint the marks. table: as above, with `winners(token)`, the places of each row's maximum
 * lit: the tokens on show
 * place: the column that is pointed at, or null
 */
export function paintMarks(canvas, { rows, columns, winners, dark }, lit, place) {
  const { paper, ink, pointer } = dark ? DARK : LIGHT;
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const tall = height / rows.length;
  context.clearRect(0, 0, width, height);
  if (lit.size < rows.length) {
    context.fillStyle = paper;
    context.globalAlpha = VEIL;
    rows.forEach((token, row) => {
      if (!lit.has(token)) context.fillRect(0, row * tall, width, tall);
    });
    context.globalAlpha = 1;
  }
  if (place !== null) {
    const x = columns.left(place) * width;
    const wide = Math.max(columns.right(place) * width - x, ratio);
    context.fillStyle = pointer;
    context.fillRect(x - ratio, 0, ratio, height);
    context.fillRect(x + wide, 0, ratio, height);
  }
  rows.forEach((token, row) => {
    context.globalAlpha = lit.has(token) ? 1 : 0.35;
    for (const [first, last] of runsOf(winners(token))) {
      const [left, right] = [columns.left(first), columns.right(last)];
      const middle = ((left + right) / 2) * width;
      const half = Math.max((right - left) * width, 7 * ratio) / 2 + ratio;
      for (const [color, line] of [
        [paper, 4],
        [ink, 1.75],
      ]) {
        context.strokeStyle = color;
        context.lineWidth = line * ratio;
        context.strokeRect(middle - half, row * tall + ratio, 2 * half, tall - 3 * ratio);
      }
    }
  });
  context.globalAlpha = 1;
}
