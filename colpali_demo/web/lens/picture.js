// What is on show as a PNG: headline, pages with their overlays, legend.

import { areRectangle, boundsOf, firstOf, outlineOf } from "../shared/cells.js";
import { node } from "../shared/dom.js";
import { arrowOf } from "../shared/traces.js";
import { BARS } from "./scale.js";

const PICTURE_SCALE = 2;
const [EDGE, GAP, TOP, FOOT, LEGEND] = [28, 24, 96, 90, 14]; // CSS pixels; LEGEND is the height of each legend
const LEAST_WIDTH = 560;
const LEGEND_WIDTH = 420;
const SEAM = 0.5; // CSS pixels
const TRACE = "#a3261e"; // of what erasing has left, as style.css has it
const FAR = 1e5; // CSS pixels, beyond any picture

/** A blob of the picture. */
export async function pictureOf(lens, stages) {
  const boxes = stages.all.map(({ stage }) => stage.frame.getBoundingClientRect());
  const legends = [...lens.part("legends").querySelectorAll("canvas")];
  const foot = FOOT + LEGEND * legends.length;
  const pages = boxes.reduce((sum, box) => sum + box.width, 0) + GAP * (boxes.length - 1);
  const width = Math.max(LEAST_WIDTH, pages) + 2 * EDGE;
  const height = TOP + Math.max(...boxes.map((box) => box.height)) + foot;
  const sheet = new Paper(lens.element, width, height);
  sheet.write(lens.state.found.value.query.text, EDGE, 34, "600 19px", "--ink");
  sheet.write(lens.part("headline").textContent, EDGE, 56, "14px", "--ink");
  let x = EDGE;
  stages.all.forEach((owner, i) => {
    const caption = [...owner.caption.children].map((line) => line.textContent).join(" · ");
    sheet.write(caption, x, 82, "12px", "--quiet", boxes[i].width);
    drawPage(sheet.context, owner.stage, x, boxes[i], lens.state);
    drawTraces(sheet.context, owner.stage, owner.traces(lens.view), x, boxes[i]);
    x += boxes[i].width + GAP;
  });
  drawLegends(sheet, legends, lens, height - foot + 22);
  return new Promise((done) => sheet.canvas.toBlob(done, "image/png"));
}

/** A canvas that is written on in the type and the colors of an element. */
class Paper {
  constructor(element, width, height) {
    this.style = getComputedStyle(element);
    this.room = width - 2 * EDGE;
    const size = { width: Math.round(width * PICTURE_SCALE), height: Math.round(height * PICTURE_SCALE) };
    this.canvas = node("canvas", size);
    this.context = this.canvas.getContext("2d");
    this.context.scale(PICTURE_SCALE, PICTURE_SCALE);
    this.context.fillStyle = this.color("--paper");
    this.context.fillRect(0, 0, width, height);
  }

  color(name) {
    return this.style.getPropertyValue(name).trim();
  }

  /** Write a line of text, cut where it has no room. */
  write(text, x, y, font, ink, room = this.room) {
    const { context } = this;
    context.font = `${font} ${this.style.fontFamily}`;
    context.fillStyle = this.color(ink);
    let fitting = text;
    while (context.measureText(fitting).width > room && fitting.length > 1) fitting = `${fitting.slice(0, -2)}…`;
    context.fillText(fitting, x, y);
  }
}

function drawLegends(sheet, legends, { part, state, view }, y) {
  const { context, room } = sheet;
  const wide = Math.min(room, LEGEND_WIDTH);
  legends.forEach((legend, i) => {
    context.drawImage(legend, EDGE, y + LEGEND * i, wide, 11);
    const beside = EDGE + wide + 8;
    if (legends.length > 1)
      sheet.write(view.items[i].name, beside, y + LEGEND * i + 10, "11px", "--ink", room - wide - 8);
  });
  const below = y + LEGEND * legends.length;
  context.strokeStyle = sheet.color("--line-strong");
  context.lineWidth = 1;
  context.strokeRect(EDGE, y, wide, 11);
  for (const tick of part("ticks").querySelectorAll(".tick:not(.bare)")) {
    const at = EDGE + (Number.parseFloat(tick.style.left) / 100) * wide;
    const isEnd = tick.classList.contains("end");
    context.textAlign = tick.classList.contains("start") ? "left" : isEnd ? "right" : "center";
    sheet.write(tick.textContent, at, below + 12, "11px", "--ink", 80);
  }
  context.textAlign = "left";
  const scale = part("scale-text").textContent.replace(` ${BARS}`, "");
  sheet.write(scale, EDGE, below + 32, "12px", "--quiet");
  const erased = state.keys.map((key) => state.entryOf(key).erased?.text).filter(Boolean);
  const truth = erased.length ? erased.join(" · ") : "the numbers are those that ranked the page";
  sheet.write(`${state.found.value.model.name} · ${truth}`, EDGE, below + 50, "12px", "--quiet");
}

/** The page as it is in its frame: picture, overlay, outlines of the winners. */
function drawPage(context, stage, x, frame, { opacity, smooth }) {
  const { factor, x: left, y: top } = stage.zoom;
  const { width, height } = frame;
  context.save();
  context.beginPath();
  context.rect(x, TOP, width, height);
  context.clip();
  const corner = [x - left * factor * width, TOP - top * factor * height];
  context.drawImage(stage.image, ...corner, factor * width, factor * height);
  context.globalAlpha = opacity;
  context.globalCompositeOperation = "multiply"; // as on the screen: the page's words stay as dark as they are
  context.imageSmoothingEnabled = smooth;
  context.drawImage(stage.canvas, x, TOP, width, height);
  context.globalCompositeOperation = "source-over";
  context.globalAlpha = 1;
  const at = (row, col) => {
    const { across, down } = stage.placeInFrame(row, col);
    return [x + across * width, TOP + down * height];
  };
  const winners = stage.marks.filter(({ kind }) => kind.startsWith("box"));
  for (const mark of winners) {
    drawOutline(context, mark, at);
    if (mark.badge) drawBadge(context, mark, at);
  }
  context.restore();
}

/** What erasing has left on the page, see traces.js. */
function drawTraces(context, stage, traces, x, { width, height }) {
  if (!traces) return;
  const { factor, x: left, y: top } = stage.zoom;
  const at = ([across, down]) => [x + (across - left) * factor * width, TOP + (down - top) * factor * height];
  context.save();
  context.beginPath();
  context.rect(x, TOP, width, height);
  context.clip();
  drawUnion(context, traces, at);
  context.strokeStyle = TRACE;
  context.lineWidth = 1.5;
  context.setLineDash([4, 3]);
  for (const [from, to, right, bottom] of traces.places) strokeBetween(context, at([from, to]), at([right, bottom]));
  context.setLineDash([]);
  for (const arrow of traces.arrows) drawArrow(context, at(arrow.from), at(arrow.to));
  context.restore();
}

/** The outline of what boxes cover together. */
function drawUnion(context, { boxes, inverted }, at) {
  const outside = new Path2D();
  outside.rect(-FAR, -FAR, 2 * FAR, 2 * FAR);
  const corners = boxes.map(([left, top, right, bottom]) => [at([left, top]), at([right, bottom])]);
  context.save();
  for (const [[x, y], [toX, toY]] of corners) {
    const around = new Path2D(outside);
    around.rect(x - SEAM, y - SEAM, toX - x + 2 * SEAM, toY - y + 2 * SEAM); // nothing is seen where two touch
    context.clip(around, "evenodd");
  }
  context.strokeStyle = inverted ? "#000" : TRACE;
  context.lineWidth = 3;
  context.setLineDash([5, 4]);
  for (const [from, to] of corners) strokeBetween(context, from, to);
  context.restore();
}

const strokeBetween = (context, [x, y], [toX, toY]) => context.strokeRect(x, y, toX - x, toY - y);

function drawArrow(context, from, to) {
  const { control, tip } = arrowOf(from, to, 9);
  for (const [ink, line] of [
    ["#fff", 5],
    [TRACE, 2],
  ]) {
    context.strokeStyle = ink;
    context.lineWidth = line;
    context.beginPath();
    context.moveTo(...from);
    context.quadraticCurveTo(...control, ...to);
    context.stroke();
  }
  context.fillStyle = TRACE;
  context.beginPath();
  for (const corner of tip) context.lineTo(...corner);
  context.fill();
}

/** Strokes of an outline, [color, width] each; their widths are on both sides of the line. */
const strokesOf = (color) => [
  [color || "#000", color ? 12 : 10],
  ["#fff", 8],
  ["#000", 4],
];

function drawOutline(context, { cells, color, kind }, at) {
  if (areRectangle(cells)) return drawBox(context, boundsOf(cells), { color, kind }, at);
  const path = new Path2D();
  for (const loop of outlineOf(cells)) {
    for (const [i, corner] of loop.entries()) path[i ? "lineTo" : "moveTo"](...at(...corner));
    path.closePath();
  }
  // Lines are drawn around the cells, as those of a box are.
  const around = new Path2D();
  around.rect(-FAR, -FAR, 2 * FAR, 2 * FAR);
  around.addPath(path);
  context.save();
  context.clip(around, "evenodd");
  for (const [ink, line] of strokesOf(color)) {
    context.strokeStyle = ink;
    context.lineWidth = line;
    context.stroke(path);
  }
  context.restore();
}

/** Lines of a box, [distance from the cells, color, width] each, as stage.css has them for these kinds. */
function linesOf({ color, kind }) {
  if (kind.includes("slight")) return [[0.5, "rgb(0 0 0 / 0.45)", 1]];
  const inner = [
    [0.5, kind.includes("behind") ? "#00604f" : "#000", 1],
    [1.5, "#fff", 1],
  ];
  return kind.includes("small") ? inner : [...inner, [color ? 3.5 : 2.5, color || "#000", color ? 3 : 1]];
}

function drawBox(context, { top, left, bottom, right }, mark, at) {
  const [from, to] = [at(top, left), at(bottom, right)];
  for (const [grow, ink, line] of linesOf(mark)) {
    context.strokeStyle = ink;
    context.lineWidth = line;
    const size = [to[0] - from[0] + 2 * grow, to[1] - from[1] + 2 * grow];
    context.strokeRect(from[0] - grow, from[1] - grow, ...size);
  }
}

function drawBadge(context, { cells, color, badge }, at) {
  const [x, y] = at(...firstOf(cells));
  context.font = "600 9px sans-serif";
  context.fillStyle = color || "#000";
  context.fillRect(x - 9, y - 9, context.measureText(badge).width + 6, 12);
  context.fillStyle = "#fff";
  context.fillText(badge, x - 6, y);
}
