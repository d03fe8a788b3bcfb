// What erasing leaves on a page: outlines of what was erased, and arrows from where winners were to where they are now.

import { boundsOf, cellsKey, spanOf } from "./cells.js";
import { svgNode } from "./dom.js";

const TALL = 1000; // units of the drawing from the top of the page to its foot
const HEAD = 17; // of an arrow, in these units
const SEAM = 0.0008; // of the page
const BEND = 0.12; // of an arrow's length

/** The winners of some tokens that are elsewhere since parts of the page were erased: {index, from, to}, cells each. */
export function movesOf(tokens, entry) {
  if (!entry.whole) return [];
  return tokens
    .map((index) => ({ index, from: entry.whole.tokens[index].cells, to: entry.tokens[index].cells }))
    .filter(({ from, to }) => from.length && cellsKey(from) !== cellsKey(to));
}

/** The rectangle around cells in shares of the page, [left, top, right, bottom]. */
export function boxOf(cells, grid) {
  const { down, across } = spanOf(grid);
  const { left, top, right, bottom } = boundsOf(cells);
  return [left / across, top / down, Math.min(1, right / across), Math.min(1, bottom / down)];
}

/**
 * What is drawn, in shares of the page: the `boxes` erased, or kept where `inverted`; `places` of winners that have
 * gone, and `arrows` from there, {from: [x, y], to: [x, y]}.
 */
export function tracesOf(tokens, entry) {
  if (!entry.erased) return null;
  const moves = movesOf(tokens, entry);
  const middle = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];
  const place = (cells) => boxOf(cells, entry.grid);
  return {
    ...entry.erased,
    places: moves.map(({ from }) => place(from)),
    arrows: moves
      .filter(({ to }) => to.length)
      .map(({ from, to }) => ({ from: middle(place(from)), to: middle(place(to)) })),
  };
}

/** A line from one point to another, {control, tip: three corners}: bent, and its arrow as large as `head`. */
export function arrowOf([x, y], [toX, toY], head) {
  const [right, down] = [toX - x, toY - y];
  const control = [x + right / 2 - BEND * down, y + down / 2 + BEND * right];
  const angle = Math.atan2(toY - control[1], toX - control[0]);
  const wing = (turn) => [toX - head * Math.cos(angle + turn), toY - head * Math.sin(angle + turn)];
  return { control, tip: [wing(0.42), [toX, toY], wing(-0.42)] };
}

/**
 * The traces as a drawing over a page that is `ratio` times as wide as it is high. With `fills`, a color for each box,
 * it also hides what was erased, for a page whose picture still has it.
 */
export function drawnTraces(traces, ratio) {
  const [wide, tall] = [TALL * ratio, TALL];
  const svg = svgNode("svg", { class: "traces", viewBox: `0 0 ${wide} ${tall}`, preserveAspectRatio: "none" });
  if (!traces) return svg;
  const rect = (box, kind) => {
    const [left, top, right, bottom] = box;
    const size = { x: left * wide, y: top * tall, width: (right - left) * wide, height: (bottom - top) * tall };
    return svgNode("rect", { ...size, class: kind });
  };
  for (const [at, color] of (traces.fills ?? []).entries()) {
    const fill = rect(traces.boxes[at], "fill");
    fill.style.fill = `rgb(${color.join(" ")})`;
    svg.append(fill);
  }
  svg.append(...union(traces.boxes, rect, { wide, tall }, traces.inverted ? "kept" : "erased"));
  svg.append(...traces.places.map((box) => rect(box, "was")));
  for (const { from, to } of traces.arrows) {
    const [start, end] = [from, to].map(([x, y]) => [x * wide, y * tall]);
    const { control, tip } = arrowOf(start, end, HEAD);
    const d = `M${start.join(" ")}Q${control.join(" ")} ${end.join(" ")}`;
    svg.append(svgNode("path", { d, class: "under" }), svgNode("path", { d, class: "went" }));
    svg.append(svgNode("path", { d: `M${tip.map((corner) => corner.join(" ")).join("L")}Z`, class: "tip" }));
  }
  return svg;
}

/** Outlines of what boxes cover together: of each only the edges that lie in no other. */
function union(boxes, rect, { wide, tall }, kind) {
  const id = `outside-${Math.random().toString(36).slice(2)}`; // no other on the page
  const room = { x: -20, y: -20, width: wide + 40, height: tall + 40 };
  const mask = svgNode("mask", { id, maskUnits: "userSpaceOnUse", ...room });
  // Each a little larger, so that nothing is seen between two that touch.
  const grown = ([left, top, right, bottom]) => [left - SEAM, top - SEAM, right + SEAM, bottom + SEAM];
  mask.append(svgNode("rect", { ...room, class: "outside" }), ...boxes.map((box) => rect(grown(box), "inside")));
  const lines = svgNode("g", { mask: `url(#${id})` });
  lines.append(...boxes.map((box) => rect(box, kind)));
  return [mask, lines];
}
