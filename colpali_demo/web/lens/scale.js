// The color scale: a histogram of what is drawn, legends, ticks, what it means, and the sliders that change it.

import { bar, node, segments, svgNode } from "../shared/dom.js";
import { count, percent, shown } from "../shared/text.js";

const HISTOGRAM_BINS = 64;
const SCALES = [
  ["token", "This token"],
  ["page", "This page"],
  ["all", "All pages"],
];
const TERMS = "For similarity maps: what is on show are terms of the score, each on its winner";
const NO_BLANK = "There is no blank page of this shape to subtract";
export const BARS = "Bar heights are square roots of counts.";

export class Scale {
  constructor(lens) {
    this.lens = lens;
    this.mark = segments(lens.part("scale"), SCALES, (choice) => lens.set("scale", choice));
    for (const name of ["threshold", "opacity"])
      lens.part(name).addEventListener("input", (event) => lens.set(name, Number(event.target.value)));
  }

  show(view) {
    const { part } = this.lens;
    const { layers } = view;
    const lo = Math.min(...layers.map((layer) => layer.lo));
    const hi = Math.max(...layers.map((layer) => layer.hi));
    const span = hi - lo || 1;
    const [{ exact, signed, values }] = layers;
    const cells = layers.length * values.reduce((sum, each) => sum + each.length, 0);
    part("scale-title").textContent = exact
      ? `${signed ? "Leads" : "MaxSim"} placed on winners`
      : `All ${count(cells)} similarities`;
    part("histogram").replaceChildren(...histogram(layers, lo, span));
    this.drawLegends(view, lo, span);
    part("ticks").replaceChildren(...ticks(layers, lo, hi));
    this.drawText(view, hi);
    this.drawControls(layers);
  }

  drawLegends({ layers, overlay }, lo, span) {
    const legends = this.lens.part("legends");
    while (legends.children.length > layers.length) legends.lastChild.remove();
    while (legends.children.length < layers.length)
      legends.append(node("div", {}, node("canvas", { class: "legend", width: 512, height: 1 }), node("span")));
    layers.forEach((layer, i) => {
      const [canvas, number] = legends.children[i].children;
      const { palette } = this.lens;
      const one = overlay.ink?.(layer) ?? palette.heat(layer);
      paintLegend(canvas, layer, lo, span, layers.length > 1 ? palette.tint(layer) : one);
      number.textContent = layers.length > 1 ? layer.item.number : "";
    });
  }

  drawText(view, hi) {
    const { state, part } = this.lens;
    const { layers } = view;
    const [{ exact }] = layers;
    const names = {
      top: shown(hi, 2),
      scale: this.scaleName(layers),
      minus: state.calibrated && !exact ? " minus a blank page’s" : "",
      below: belowText(layers),
    };
    const sentences = [...view.overlay.legend(view, names), ...(exact ? [] : [BARS])];
    part("scale-text").textContent = sentences.join(" ");
  }

  /** The scale in use: terms of the score have none of a single token. */
  scaleOf(exact) {
    const { scale } = this.lens.state;
    return exact && scale === "token" ? "page" : scale;
  }

  scaleName(layers) {
    const { other, calibrated } = this.lens.state;
    const [{ exact, item }] = layers;
    const where = other ? "both pages" : "this page";
    return {
      token: layers.length > 1 ? "each token" : `this ${item.tokens.length > 1 ? "word" : "token"}`,
      page: exact ? where : `${where}, all tokens`,
      all: exact || calibrated ? "all pages loaded" : "all pages and tokens",
    }[this.scaleOf(exact)];
  }

  drawControls(layers) {
    const { part, state } = this.lens;
    const [{ exact, threshold, lo, hi }] = layers;
    this.mark(this.scaleOf(exact), (choice) => (exact && choice === "token" ? TERMS : null));
    bar(part("threshold"), exact ? TERMS : null);
    part("threshold").value = state.threshold === null ? (threshold - lo) / (hi - lo || 1) : state.threshold;
    part("threshold-value").textContent = exact ? "" : belowRange(layers);
    part("opacity").value = state.opacity;
    part("opacity-value").textContent = percent(state.opacity);
    bar(part("smooth"), exact ? TERMS : null);
    bar(part("calibrated"), exact ? TERMS : state.mapsOf(state.key).background ? null : NO_BLANK);
  }
}

/** Where nothing is drawn below, in the room beside the slider: each layer may have a threshold of its own. */
function belowRange(layers) {
  const texts = layers.map((layer) => layer.threshold).sort((a, b) => a - b);
  return [...new Set([texts[0], texts[texts.length - 1]].map((value) => shown(value, 2)))].join("–");
}

const belowText = (layers) => [...new Set(layers.map((layer) => shown(layer.threshold, 2)))].join(", ");

/** The ends of the scale, and where the threshold is. */
function ticks(layers, lo, hi) {
  const span = hi - lo || 1;
  const tick = (value, kind) => {
    const share = (value - lo) / span;
    const made = node("span", { class: `tick ${kind}` }, shown(value, 2));
    made.style.left = `${100 * share}%`;
    if (share > 0.86) made.classList.add("end");
    else if (share < 0.12) made.classList.add("start");
    return made;
  };
  const marks = [tick(lo, "limit"), tick(hi, "limit")];
  const [{ exact, threshold }] = layers;
  if (layers.length === 1 && !exact) {
    const share = (threshold - lo) / span;
    const room = share > 0.16 && share < 0.84;
    marks.push(room ? tick(threshold, "cut") : node("span", { class: "tick cut bare", style: `left:${100 * share}%` }));
  }
  return marks;
}

/** The histogram stands on the color scale: the same axis, so a bar's color is the color on the page. */
function histogram(layers, lo, span) {
  const bins = layers.map((layer) => countsOf(layer, lo, span));
  const tallest = Math.max(1, ...bins.flatMap((counts) => [...counts]));
  return layers.flatMap((layer, at) => {
    const shape = { cool: "", warm: "" };
    bins[at].forEach((n, i) => {
      if (!n) return;
      // Square roots, so that the few hot patches stay visible beside a thousand cool ones.
      const height = Math.max(3, 96 * Math.sqrt(n / tallest));
      const kind = lo + ((i + 1) / HISTOGRAM_BINS) * span <= layer.threshold ? "cool" : "warm";
      shape[kind] += `M${i + 0.08} 100v${-height}h.84v${height}z`;
    });
    return Object.entries(shape).map(([kind, d]) => {
      const path = svgNode("path", { d, class: layers.length > 1 ? `${kind} pinned` : kind });
      if (layers.length > 1) path.style.setProperty("--pin", layer.color);
      return path;
    });
  });
}

function countsOf({ values, exact }, lo, span) {
  const counts = new Uint32Array(HISTOGRAM_BINS);
  for (const side of values)
    for (const value of side) {
      if (exact && value === 0) continue;
      counts[Math.max(0, Math.min(HISTOGRAM_BINS - 1, Math.floor(((value - lo) / span) * HISTOGRAM_BINS)))]++;
    }
  return counts;
}

/** The colors that `put` writes for the values of a layer, as they look on white paper. */
function paintLegend(canvas, layer, lo, span, put) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, 1);
  const image = context.createImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    const value = lo + ((x + 0.5) / canvas.width) * span;
    if ((value < layer.threshold && !layer.signed) || value > layer.hi) continue;
    put(image.data, 4 * x, value);
    const alpha = image.data[4 * x + 3] / 255;
    for (let i = 0; i < 3; i++) image.data[4 * x + i] = 255 * (1 - alpha) + alpha * image.data[4 * x + i];
    image.data[4 * x + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
