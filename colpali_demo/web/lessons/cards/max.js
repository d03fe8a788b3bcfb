// Card 6: the maximum, found by looking at every vector once; and a toy to do it by hand.

import { cut, extent } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { count, quoted, shown } from "../../shared/text.js";
import { place } from "../../shared/tokens.js";
import { fine, output, split } from "../parts.js";

const SCAN_SECONDS = 7;
const toy = { rows: ["one", "two", "three"], values: [[0.2, 0.9, 0.1, 0.4], [0.5, 0.3, 0.3, 0.6], [0.1, 0.2, 0.7, 0.0]] };

export const max = {
  id: "max",
  about: "maxsim",
  short: "Max",
  title: (study) => "Each token keeps its best match",
  idea: (study) => `A token looks at all ${count(study.page.vectors)} vectors of the page and keeps the highest cosine. That is its MaxSim; all others are forgotten.`,
  build(body, study, kit) {
    const page = study.page;
    const { cols } = page.grid;
    const order = [...page.patch_vectors, ...page.slots.map(([vector]) => vector)];
    const patches = page.patch_vectors.length;
    let at = 0; // place in `order`
    let best = []; // the place of the best so far, at every place
    let cells = null; // the token's cosines by cell of the grid
    let range = null; // the extent of all its cosines
    let frame = null;
    let begun = false; // the scan, so that the cosines may be seen
    let guess = null; // [row, col], where the visitor expects the winner
    const cell = (place) => (place < patches ? [Math.floor(place / cols), place % cols] : null);
    const where = (place) => {
      const found = cell(place);
      return found ? `row ${found[0]}, column ${found[1]}` : `off the image, prompt token ${quoted((page.slots[place - patches][2] || "").replace(/\n/g, "↵"))}`;
    };

    const readout = node("div", { class: "readout" });
    const chart = node("canvas", { class: "scan", "aria-hidden": "true" });
    const slider = node("input", { type: "range", min: 0, max: order.length - 1, step: 1, "aria-label": "Vectors looked at" });
    const play = node("button", { type: "button", class: "play", onclick: () => (frame ? stop() : start()) });
    const told = node("p", { class: "note guess", role: "status" });

    const stop = () => {
      window.cancelAnimationFrame(frame);
      frame = null;
      show();
    };
    const start = () => {
      begun = true;
      if (at === order.length - 1) at = 0;
      const from = performance.now() - (at / order.length) * SCAN_SECONDS * 1000;
      const step = (now) => {
        at = still() ? order.length - 1 : Math.min(order.length - 1, Math.max(0, Math.floor(((now - from) / (SCAN_SECONDS * 1000)) * order.length)));
        frame = at < order.length - 1 ? window.requestAnimationFrame(step) : null;
        show();
      };
      frame = window.requestAnimationFrame(step);
    };
    const goTo = (place) => {
      if (frame) stop();
      at = place;
      show();
    };

    function show() {
      const values = study.cosinesOf(study.token);
      const now = values[order[at]];
      const top = values[order[best[at]]];
      const done = at === order.length - 1;
      const { lo, hi } = range;
      sheet.color(cells.map((value, place) => (place <= at ? value : Number.NaN)), cut(range), hi);
      const marks = [];
      if (guess) marks.push([...guess, "guess"]);
      if (cell(at) && !done) marks.push([...cell(at), "cursor"]);
      if (cell(best[at])) marks.push([...cell(best[at]), "box"]);
      sheet.mark(...marks);
      slider.value = at;
      play.textContent = frame ? "Pause" : done ? "Play again" : "Play";
      readout.replaceChildren(
        node("div", {}, node("small", {}, `vector ${count(at + 1)} of ${count(order.length)}, ${where(at)}`), node("b", {}, shown(now))),
        node("div", { class: "best" }, node("small", {}, done ? `maximum: ${where(best[at])}` : `best so far: ${where(best[at])}`), output("maxsim", shown(top))),
      );
      tell(done);
      plot(values, lo, hi);
      chips.check(study.token);
    }
    function tell(done) {
      if (!guess) {
        told.replaceChildren(node("b", {}, "Predict first. "), `Click the patch where you expect the best match for ${study.named(study.token)}, then press Play.`);
        return;
      }
      const match = page.tokens[study.token];
      const off = match.slot === "patch" ? Math.max(Math.abs(match.row - guess[0]), Math.abs(match.col - guess[1])) : null;
      const mine = `Your patch (row ${guess[0]}, column ${guess[1]}) has ${shown(study.cosinesOf(study.token)[study.vectorAt(...guess)])}. `;
      told.replaceChildren(
        ...(done
          ? [node("b", {}, off === 0 ? "Found. " : off === null ? "Off the image. " : off === 1 ? "Next to it. " : "Elsewhere. "), mine, off ? `The winner is ${count(off)} ${off === 1 ? "patch" : "patches"} away.` : off === null ? "No patch wins this token, a prompt token does." : ""]
          : [node("b", {}, "Your guess is marked. "), "Press Play."]),
      );
    }
    function plot(values, lo, hi) {
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [chart.clientWidth * ratio, chart.clientHeight * ratio];
      if (!width) return;
      Object.assign(chart, { width, height });
      const style = window.getComputedStyle(chart);
      const context = chart.getContext("2d");
      const x = (place) => (place / order.length) * width;
      const y = (value) => height - 2 - ((value - lo) / (hi - lo || 1)) * (height - 8 * ratio);
      const wide = Math.max(1, width / order.length);
      for (let place = 0; place < order.length; place++) {
        context.fillStyle = style.getPropertyValue(place <= at ? "--bar" : "--bar-quiet");
        const top = y(values[order[place]]);
        context.fillRect(x(place), top, wide, height - top);
      }
      context.strokeStyle = style.getPropertyValue("--accent-strong");
      context.lineWidth = 2 * ratio;
      context.beginPath();
      for (let place = 0; place <= at; place++) context.lineTo(x(place), y(values[order[best[place]]]));
      context.lineTo(x(at + 1), y(values[order[best[at]]]));
      context.stroke();
    }

    const choose = (token) => {
      study.token = token;
      guess = null;
      begun = false;
      const values = study.cosinesOf(token);
      cells = study.mapOf(token);
      range = extent(values);
      best = [];
      for (let place = 0; place < order.length; place++) {
        const before = best[place - 1] ?? 0;
        best.push(values[order[place]] > values[order[before]] ? place : before);
      }
      if (frame) stop();
      at = 0;
      show();
    };
    const chips = kit.chips(choose);
    const sheet = kit.sheet({
      label: "Patches: a click or the arrow keys mark your guess before the scan, and look at one patch after it began",
      pick: (row, col) => {
        study.patch = [row, col];
        if (begun) return goTo(row * cols + col);
        guess = [row, col];
        show();
      },
      hover: (row, col) => begun && goTo(row * cols + col), // before that, the page keeps its secret
      grid: true,
    });
    sheet.paper.addEventListener("pointerleave", () => begun && !frame && goTo(order.length - 1));
    slider.addEventListener("input", () => {
      begun = true;
      goTo(Number(slider.value));
    });
    body.append(
      chips,
      split(sheet.root, [
        told,
        readout,
        node("div", { class: "player" }, play, slider),
        chart,
        fine("All cosines of this token in the order of the vectors; the line is the best so far."),
        toyOf(),
      ]),
    );
    choose(study.token);
    const resized = new ResizeObserver(() => show());
    resized.observe(chart);
    return () => {
      window.cancelAnimationFrame(frame);
      resized.disconnect();
    };
  },
};

/** Three tokens, four patches, numbers to change. */
function toyOf() {
  const table = node("table", {});
  const total = output("toy-sum", "");
  const maxima = toy.rows.map(() => node("td", { class: "max" }));
  const inputs = toy.values.map((row, i) =>
    row.map((value, j) =>
      node("input", {
        type: "number",
        min: -1,
        max: 1,
        step: 0.1,
        value,
        "aria-label": `Cosine of token ${toy.rows[i]} with patch ${"ABCD"[j]}`,
        oninput: (event) => {
          const number = Number(event.target.value);
          if (event.target.value === "" || !Number.isFinite(number)) return;
          toy.values[i][j] = Math.max(-1, Math.min(1, number));
          draw();
        },
      }),
    ),
  );
  function draw() {
    let sum = 0;
    toy.values.forEach((row, i) => {
      const top = Math.max(...row);
      sum += top;
      maxima[i].textContent = shown(top, 2);
      row.forEach((value, j) => inputs[i][j].classList.toggle("top", value === top && row.indexOf(top) === j));
    });
    total.textContent = shown(sum, 2);
  }
  table.append(
    node("thead", {}, node("tr", {}, node("td"), ...[..."ABCD"].map((name) => node("th", { scope: "col" }, name)), node("th", { scope: "col" }, "max"))),
    node("tbody", {}, ...toy.rows.map((name, i) => node("tr", {}, node("th", { scope: "row" }, name), ...inputs[i].map((input) => node("td", {}, input)), maxima[i]))),
    node("tfoot", {}, node("tr", {}, node("th", { scope: "row", colspan: 5 }, "score = sum of the maxima"), node("td", {}, total))),
  );
  draw();
  return node("section", { class: "toy" }, node("h3", {}, "Try it by hand"), fine("A toy: 3 tokens, 4 patches, made-up cosines. Change them."), table);
}
