// Card 6: the maximum, found by looking at every vector once; and a toy to do it by hand.

import { cut } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { count, quoted, shown } from "../../shared/text.js";
import { cellsText, visibleNewlines } from "../../shared/tokens.js";
import { columns, fine, output, ROW_COLUMN } from "../parts.js";
import { Scan } from "../scan.js";
import { toy } from "../toy.js";

const SCAN_SECONDS = 7;

export const max = {
  id: "max",
  about: "maxsim",
  short: "Max",
  keep: "Each token keeps only its best match on the page.",
  title: () => "Each token keeps its best match",
  idea: (study) =>
    `A token looks at all ${count(study.page.vectors)} vectors of the page and keeps the highest cosine. That is its ` +
    "MaxSim; all others are forgotten.",
  build(body, study, kit) {
    const player = new Player(study, kit);
    body.append(
      player.chips,
      columns(
        player.sheet.root,
        [
          player.note,
          player.readout,
          node("div", { class: "player" }, player.button, player.slider),
          player.chart,
          fine("All cosines of this token in the order of the vectors; the line is the best so far."),
        ],
        toy(),
      ),
    );
    player.choose(study.token);
    const resized = new ResizeObserver(() => player.show());
    resized.observe(player.chart);
    return () => {
      player.pause();
      resized.disconnect();
    };
  },
};

/** Looks at one vector of the page after the other, by itself or where the visitor points. */
class Player {
  constructor(study, kit) {
    this.study = study;
    this.scan = null; // of the token at hand
    this.at = 0; // the vector looked at, in the order of the scan
    this.frame = null; // the request for the next picture, while it plays
    this.begun = false; // whether the cosines may be seen
    this.guess = null; // [row, col], where the visitor expects the winner
    this.note = node("p", { class: "note guess", role: "status" });
    this.readout = node("div", { class: "readout" });
    this.chart = node("canvas", { class: "scan", "aria-hidden": "true" });
    const play = () => (this.frame ? this.stop() : this.start());
    this.button = node("button", { type: "button", class: "play", onclick: play });
    this.slider = node("input", { type: "range", min: 0, step: 1, "aria-label": "Vectors looked at" });
    this.slider.addEventListener("input", () => {
      this.begun = true;
      this.goTo(Number(this.slider.value));
    });
    this.chips = kit.chips((token) => this.choose(token));
    this.sheet = kit.sheet({
      label: "Patches: a click or the arrow keys mark your guess before the scan, and look at one patch after it began",
      pick: (row, col) => this.pick(row, col),
      // Before the scan the page keeps its secret.
      hover: (row, col) => this.begun && this.goTo(this.scan.placeOf(row, col)),
      grid: true,
    });
    this.sheet.frame.addEventListener("pointerleave", () => {
      if (this.begun && !this.frame) this.goTo(this.scan.last);
    });
  }

  get done() {
    return this.at === this.scan.last;
  }

  choose(token) {
    this.study.token = token;
    this.guess = null;
    this.begun = false;
    this.pause();
    this.scan = new Scan(this.study, token);
    this.slider.max = this.scan.last;
    this.goTo(0);
  }

  pick(row, col) {
    this.study.patch = [row, col];
    if (this.begun) return this.goTo(this.scan.placeOf(row, col));
    this.guess = [row, col];
    this.show();
  }

  pause() {
    window.cancelAnimationFrame(this.frame);
    this.frame = null;
  }

  stop() {
    this.pause();
    this.show();
  }

  start() {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { length, last } = this.scan;
    this.begun = true;
    if (this.done) this.at = 0;
    const speed = length / (SCAN_SECONDS * 1000); // vectors a millisecond
    const from = performance.now() - this.at / speed;
    const step = (now) => {
      this.at = still ? last : Math.min(last, Math.max(0, Math.floor((now - from) * speed)));
      this.frame = this.done ? null : window.requestAnimationFrame(step);
      this.show();
    };
    this.frame = window.requestAnimationFrame(step);
  }

  goTo(place) {
    this.pause();
    this.at = place;
    this.show();
  }

  // -------------------------------------------------------------------------------------------- drawing

  show() {
    const { scan, at, study } = this;
    this.sheet.color(scan.seen(at), cut(scan.range), scan.range.hi);
    this.sheet.mark(...this.marks());
    this.slider.value = at;
    this.button.textContent = this.frame ? "Pause" : this.done ? "Play again" : "Play";
    const found = `${this.done ? "maximum" : "best so far"}: ${this.where(scan.best[at])}`;
    const looked = `vector ${count(at + 1)} of ${count(scan.length)}, ${this.where(at)}`;
    this.readout.replaceChildren(
      node("div", {}, node("small", {}, looked), node("b", {}, shown(scan.values[at]))),
      node("div", { class: "best" }, node("small", {}, found), output("maxsim", shown(scan.values[scan.best[at]]))),
    );
    this.note.replaceChildren(...this.sentence());
    plot(this.chart, scan, at);
    this.chips.check(study.token);
  }

  marks() {
    const { scan, at } = this;
    const marks = [];
    const mark = (cells, kind) => cells.length && marks.push({ cells, kind });
    if (this.guess) mark([this.guess], "guess");
    if (!this.done) mark(scan.cells(at), "cursor");
    mark(scan.cells(scan.best[at]), "box");
    return marks;
  }

  where(place) {
    const cells = this.scan.cells(place);
    if (cells.length) return cellsText(cells, ROW_COLUMN);
    return `off the image, prompt token ${quoted(visibleNewlines(this.scan.slotText(place)))}`;
  }

  /** How the guess and the winner go together. */
  sentence() {
    const { study, guess, scan } = this;
    if (!guess)
      return [
        node("b", {}, "Predict first. "),
        `Click the patch where you expect the best match for ${study.named(study.token)}, then press Play.`,
      ];
    if (!this.done) return [node("b", {}, "Your guess is marked. "), "Press Play."];
    const [row, col] = guess;
    const cosine = shown(scan.values[scan.placeOf(row, col)]);
    const mine = `Your patch (row ${row}, column ${col}) has ${cosine}. `;
    const apart = Math.min(
      ...scan.cells(scan.best[scan.last]).map(([r, c]) => Math.max(Math.abs(r - row), Math.abs(c - col))),
    );
    if (apart === Infinity)
      return [node("b", {}, "Off the image. "), mine, "No patch wins this token, a prompt token does."];
    if (apart === 0) return [node("b", {}, "Found. "), mine, ""];
    const far = `The winner is ${count(apart)} ${apart === 1 ? "patch" : "patches"} away.`;
    return [node("b", {}, apart === 1 ? "Next to it. " : "Elsewhere. "), mine, far];
  }
}

/** The cosines as bars, those looked at darker, and the best so far as a line. */
function plot(chart, { values, best, length, range: { lo, hi } }, at) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [chart.clientWidth * ratio, chart.clientHeight * ratio];
  if (!width) return;
  Object.assign(chart, { width, height });
  const style = window.getComputedStyle(chart);
  const context = chart.getContext("2d");
  const x = (place) => (place / length) * width;
  const y = (value) => height - 2 - ((value - lo) / (hi - lo || 1)) * (height - 8 * ratio);
  const wide = Math.max(1, width / length);
  values.forEach((value, place) => {
    context.fillStyle = style.getPropertyValue(place <= at ? "--bar" : "--bar-quiet");
    context.fillRect(x(place), y(value), wide, height - y(value));
  });
  context.strokeStyle = style.getPropertyValue("--accent-strong");
  context.lineWidth = 2 * ratio;
  context.beginPath();
  for (let place = 0; place <= at; place++) context.lineTo(x(place), y(values[best[place]]));
  context.lineTo(x(at + 1), y(values[best[at]]));
  context.stroke();
}
