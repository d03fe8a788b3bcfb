// A page with its grid of patches: its picture, a canvas for an overlay over it, outlines of cells, a cursor.
//
// It draws what it is given and knows where things are; whoever puts it on the screen listens to its visitors.

import { areRectangle, boundsOf, firstOf, outlineOf, spanOf } from "./cells.js";
import { node, svgNode } from "./dom.js";
import { Surface } from "./surface.js";

const NO_ZOOM = { factor: 1, x: 0, y: 0 };
const LINES = ["edge", "pin", "rim", "ink"]; // of an outline, the widest first; stage.css has their colors
const ROOM = 2; // cells around an outline for its lines

export class Stage {
  /**
   * palette: the colors of the overlay
   * frame: attributes of the element around the page
   * onresize: called when the page has another size on the screen, after it was painted again
   */
  constructor({ palette, frame, onresize = () => {} }) {
    this.image = node("img", { class: "paper", alt: "", draggable: "false" });
    this.under = node("div", { class: "sheet" }, this.image);
    this.canvas = node("canvas", { class: "heat", "aria-hidden": "true" });
    this.boxes = node("div", { class: "boxes", "aria-hidden": "true" });
    this.cursor = node("div", { class: "cursor", "aria-hidden": "true", hidden: true });
    this.traces = svgNode("svg");
    this.over = node("div", { class: "sheet" }, this.boxes, this.traces, this.cursor);
    this.frame = node("div", frame, node("div", { class: "window" }, this.under, this.canvas, this.over));
    this.frame.classList.add("page");
    this.root = node("figure", { class: "stage" }, this.frame);
    this.surface = new Surface(this.canvas, palette);
    this.marks = [];
    this.draw = () => {};
    this.zoomTo(NO_ZOOM);
    new ResizeObserver(() => {
      if (!this.root.isConnected) return;
      this.surface.measure();
      this.paint();
      onresize();
    }).observe(this.frame);
  }

  get grid() {
    return this.surface.grid;
  }

  get zoom() {
    return this.surface.zoom;
  }

  /** Show a picture {url, alt, ratio} of a page, with the grid {rows, cols} over it. */
  open({ url, alt, ratio }, grid) {
    this.surface.grid = grid;
    if (this.image.getAttribute("src") !== url) this.image.src = url;
    this.image.alt = alt;
    this.root.style.setProperty("--ratio", ratio);
  }

  /** Show a part of the page, `factor` times as large; x, y: its top left corner, in shares of the page. */
  zoomTo(zoom) {
    this.surface.zoom = zoom;
    const { factor, x, y } = zoom;
    for (const sheet of [this.under, this.over])
      Object.assign(sheet.style, {
        width: `${100 * factor}%`,
        height: `${100 * factor}%`,
        left: `${-100 * factor * x}%`,
        top: `${-100 * factor * y}%`,
      });
    this.frame.classList.toggle("zoomed", factor > 1);
  }

  /** Paint the overlay: with `draw(surface)`, or as it was painted last. */
  paint(draw = this.draw) {
    this.draw = draw;
    this.surface.clear();
    draw(this.surface);
  }

  /** Outline sets of cells: {cells, kind, color, badge} each; `kind` is a class, color and badge may be missing. */
  mark(marks) {
    this.marks = marks;
    this.boxes.replaceChildren(...marks.map((mark) => this.outline(mark)));
  }

  outline({ cells, kind, color, badge }) {
    const [row, col] = firstOf(cells);
    const bounds = boundsOf(cells);
    const box = node("div", { class: kind, "data-row": row, "data-col": col });
    if (color) box.style.setProperty("--pin", color);
    if (!areRectangle(cells)) {
      box.classList.add("outlined");
      box.append(outlineNode(cells));
    }
    if (badge) {
      // Above the first cell, which is in the top row, though not always at the left.
      const tag = node("span", { class: "badge" }, badge);
      tag.style.setProperty("--from", `${(100 * (col - bounds.left)) / (bounds.right - bounds.left)}%`);
      box.append(tag);
    }
    return this.put(box, bounds);
  }

  /** Draw something over the page, an svg element in the place of the last one. */
  trace(drawing) {
    this.traces.replaceWith(drawing);
    this.traces = drawing;
  }

  /** Put the cursor on a cell; null: nowhere. */
  point(cell) {
    this.cursor.hidden = !cell;
    if (cell) this.put(this.cursor, boundsOf([cell]));
  }

  put(target, { top, left, bottom, right }) {
    const { down, across } = spanOf(this.grid);
    Object.assign(target.style, {
      left: `${(100 * left) / across}%`,
      top: `${(100 * top) / down}%`,
      width: `${(100 * (right - left)) / across}%`,
      height: `${(100 * (bottom - top)) / down}%`,
    });
    return target;
  }

  /** Where a place of the grid is in the frame, in shares of the frame; outside 0 to 1 it is out of sight. */
  placeInFrame(row, col) {
    const { factor, x, y } = this.zoom;
    const { down, across } = spanOf(this.grid);
    return { across: (col / across - x) * factor, down: (row / down - y) * factor };
  }

  /** The cell under a pointer, {row, col}, or null. */
  patchAt(event) {
    const box = this.frame.getBoundingClientRect();
    const { factor, x, y } = this.zoom;
    const { rows, cols } = this.grid;
    const { down, across } = spanOf(this.grid);
    const row = Math.floor((y + (event.clientY - box.top) / box.height / factor) * down);
    const col = Math.floor((x + (event.clientX - box.left) / box.width / factor) * across);
    return row >= 0 && row < rows && col >= 0 && col < cols ? { row, col } : null;
  }

  /** The cell of the grid that is nearest to a place. */
  nearest(row, col) {
    const { rows, cols } = this.grid;
    return { row: Math.max(0, Math.min(rows - 1, row)), col: Math.max(0, Math.min(cols - 1, col)) };
  }
}

/** The outline of cells that are no rectangle, to be stretched over the rectangle around them. */
function outlineNode(cells) {
  const { top, left, bottom, right } = boundsOf(cells);
  const [width, height] = [right - left, bottom - top];
  const line = (loop) => `M${loop.map(([row, col]) => `${col - left} ${row - top}`).join("L")}Z`;
  const d = outlineOf(cells).map(line).join("");
  const svg = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  // Lines are drawn around the cells, as the shadows of a box are: what lies on the cells themselves is masked.
  const id = `around-${Math.random().toString(36).slice(2)}`; // no other on the page, whichever component draws it
  const room = { x: -ROOM, y: -ROOM, width: width + 2 * ROOM, height: height + 2 * ROOM };
  const mask = svgNode("mask", { id, maskUnits: "userSpaceOnUse", ...room });
  mask.append(svgNode("rect", { ...room, fill: "white" }), svgNode("path", { d, fill: "black" }));
  const lines = svgNode("g", { mask: `url(#${id})` });
  lines.append(...LINES.map((kind) => svgNode("path", { d, class: kind })));
  svg.append(mask, lines);
  return svg;
}
