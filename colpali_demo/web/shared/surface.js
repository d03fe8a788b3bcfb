// A canvas over a page, painted by the cells of the page's grid, whatever part of the page is in sight.

import { SMOOTH, smoothed } from "./arrays.js";
import { spanOf } from "./cells.js";

export class Surface {
  /** palette: the colors of values, see palette.js. */
  constructor(canvas, palette) {
    this.canvas = canvas;
    this.palette = palette;
    this.context = canvas.getContext("2d");
    this.buffer = document.createElement("canvas");
    this.grid = { rows: 1, cols: 1 };
    this.zoom = { factor: 1, x: 0, y: 0 };
    this.smooth = false;
  }

  /** Give the canvas as many pixels as the screen has under it. */
  measure() {
    const { canvas } = this;
    const box = canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(box.width * ratio));
    const height = Math.max(1, Math.round(box.height * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Calls back with the number, row and column of every cell. */
  eachCell(each) {
    const { rows, cols } = this.grid;
    for (let cell = 0; cell < rows * cols; cell++) each(cell, Math.floor(cell / cols), cell % cols);
  }

  /** A cell in whole pixels of the canvas. */
  box(row, col) {
    const span = spanOf(this.grid);
    const { factor, x, y } = this.zoom;
    const across = (at) => Math.round((at / span.across - x) * factor * this.canvas.width);
    const down = (at) => Math.round((at / span.down - y) * factor * this.canvas.height);
    const [left, top] = [across(col), down(row)];
    return { left, top, width: across(col + 1) - left, height: down(row + 1) - top };
  }

  /** A box of the page, [left, top, right, bottom] in shares of it, in pixels of the canvas. */
  part([left, top, right, bottom]) {
    const { factor, x, y } = this.zoom;
    const [across, down] = [factor * this.canvas.width, factor * this.canvas.height];
    return {
      left: (left - x) * across,
      top: (top - y) * down,
      width: (right - left) * across,
      height: (bottom - top) * down,
    };
  }

  /** Fill the cells with the values of a layer, each in the color that `put(data, at, value)` writes; 0: clear. */
  fill({ values, exact }, put) {
    const { rows, cols } = this.grid;
    const fine = this.smooth && !exact;
    const samples = fine ? smoothed(values, rows, cols) : values;
    const [height, width] = fine ? [rows * SMOOTH, cols * SMOOTH] : [rows, cols];
    const image = new ImageData(width, height);
    for (let i = 0; i < samples.length; i++) put(image.data, 4 * i, samples[i]);
    Object.assign(this.buffer, { width, height });
    this.buffer.getContext("2d").putImageData(image, 0, 0);
    this.context.imageSmoothingEnabled = fine;
    const { factor, x, y } = this.zoom;
    const { width: wide, height: high } = this.canvas;
    const span = spanOf(this.grid);
    const [stretched, heightened] = [(factor * wide * cols) / span.across, (factor * high * rows) / span.down];
    this.context.drawImage(this.buffer, -x * factor * wide, -y * factor * high, stretched, heightened);
  }
}
