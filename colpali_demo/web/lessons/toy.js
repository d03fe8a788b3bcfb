// A toy: three tokens, four patches, cosines to change by hand.

import { node } from "../shared/dom.js";
import { shown } from "../shared/text.js";
import { columnHead, fine, output, rowHead } from "./parts.js";

const ROWS = ["one", "two", "three"];
const COLUMNS = [..."ABCD"];
// Kept while cards turn.
const values = [
  [0.2, 0.9, 0.1, 0.4],
  [0.5, 0.3, 0.3, 0.6],
  [0.1, 0.2, 0.7, 0.0],
];

export function toy() {
  const total = output("toy-sum", "");
  const maxima = ROWS.map(() => node("td", { class: "max" }));
  const inputs = values.map((row, i) => row.map((value, j) => input(i, j, value, () => draw())));
  const draw = () => {
    let sum = 0;
    values.forEach((row, i) => {
      const top = Math.max(...row);
      sum += top;
      maxima[i].textContent = shown(top, 2);
      row.forEach((_, j) => {
        inputs[i][j].classList.toggle("top", j === row.indexOf(top));
      });
    });
    total.textContent = shown(sum, 2);
  };
  const line = (name, i) => node("tr", {}, rowHead(name), ...inputs[i].map((each) => node("td", {}, each)), maxima[i]);
  const foot = node("th", { scope: "row", colspan: COLUMNS.length + 1 }, "score = sum of the maxima");
  const heads = [...COLUMNS, "max"].map((name) => columnHead(name));
  const table = node(
    "table",
    {},
    node("thead", {}, node("tr", {}, node("td"), ...heads)),
    node("tbody", {}, ...ROWS.map(line)),
    node("tfoot", {}, node("tr", {}, foot, node("td", {}, total))),
  );
  draw();
  const note = fine("A toy: 3 tokens, 4 patches, made-up cosines. Change them.");
  return [node("h3", {}, "Try it by hand"), note, node("div", { class: "toy" }, table)];
}

function input(i, j, value, changed) {
  return node("input", {
    type: "number",
    min: -1,
    max: 1,
    step: 0.1,
    value,
    "aria-label": `Cosine of token ${ROWS[i]} with patch ${COLUMNS[j]}`,
    oninput: (event) => {
      const number = Number(event.target.value);
      if (event.target.value === "" || !Number.isFinite(number)) return;
      values[i][j] = Math.max(-1, Math.min(1, number));
      changed();
    },
  });
}
