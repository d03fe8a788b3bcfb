// Card 2: the grid, one patch of it, and the prompt's tokens.

import { node } from "../../shared/dom.js";
import { count } from "../../shared/text.js";
import { visibleNewlines } from "../../shared/tokens.js";
import { columns, fact, fine, output } from "../parts.js";
import { patchPixels } from "../pixels.js";

const MOST_SLOTS = 24; // prompt tokens that are listed

export const patches = {
  id: "patches",
  about: "page",
  short: "Patches",
  keep: "A grid cuts the picture into patches, and every patch becomes one vector.",
  title: (study) => `The ${study.page.input ? "square" : "page"} is cut into patches`,
  idea(study) {
    const { rows, cols } = study.page.grid;
    return (
      `A grid of ${rows} × ${cols} cuts it into ${count(rows * cols)} patches. Each becomes one vector, and so does ` +
      "every token of the short prompt that the model gets with the page."
    );
  },
  build(body, study, kit) {
    const canvas = node("canvas", { class: "pixels", role: "img" });
    const list = node("dl", { class: "facts" });
    const pick = (row, col) => {
      study.patch = [row, col];
      sheet.mark({ cells: [[row, col]], kind: "box" });
      const size = patchPixels(study, canvas, row, col);
      canvas.setAttribute("aria-label", `The pixels of the patch in row ${row}, column ${col}`);
      list.replaceChildren(...factsOf(study, row, col, size));
    };
    const label = "Patches of the page: the arrow keys move from patch to patch";
    const sheet = kit.sheet({ label, pick, hover: pick, grid: true });
    const about = "All vectors of the page. Those of the prompt’s tokens stand with their numbers, and can win too:";
    body.append(
      columns(sheet.root, [
        node("div", { class: "patch-closeup" }, canvas, list),
        askVectors(study.page, kit),
        node("div", { class: "slot-list" }, fine(about), slotList(study.page)),
      ]),
    );
    pick(...study.patch);
  },
};

function factsOf(study, row, col, [width, height]) {
  const { cols } = study.page.grid;
  const pixels = study.picture
    ? `${width} × ${height} × 3 colors = ${count(width * height * 3)} numbers`
    : `about ${width} × ${height} of the page`;
  return [
    fact("place", `row ${row}, column ${col} `, node("small", {}, "(from 0)")),
    fact("number", `${row} × ${cols} + ${col} = `, output("patch", String(row * cols + col))),
    fact("pixels", pixels),
  ];
}

function askVectors({ grid: { rows, cols }, words, vectors }, kit) {
  const typed = words.length;
  const guesses = new Map([
    [vectors, true],
    [rows * cols, false],
    [typed || rows + cols, false],
  ]);
  const choices = [...guesses].sort(([a], [b]) => a - b).map(([guess, right]) => [count(guess), right]);
  return kit.question("vectors", "How many vectors will stand for this page?", choices, () => {
    const layer = typed
      ? `Its text layer has ${count(typed)} words, and the model never sees that.`
      : "The model never sees a text layer.";
    return `${count(rows * cols)} patches + ${count(vectors - rows * cols)} others = ${count(vectors)}. ${layer}`;
  });
}

function slotList({ grid: { rows, cols }, slots }) {
  const texts = slots.filter(([, kind]) => kind === "text");
  const tiles = slots.length - texts.length;
  const many = (number, name) => node("li", { class: "many" }, node("small", {}, `${count(number)} of`), name);
  return node(
    "ol",
    { class: "slots" },
    many(rows * cols, "patches"),
    tiles ? many(tiles, "thumbnail") : null,
    ...texts
      .slice(0, MOST_SLOTS)
      .map(([vector, , slot]) => node("li", {}, node("small", {}, vector), visibleNewlines(slot))),
    texts.length > MOST_SLOTS ? node("li", {}, `… ${texts.length - MOST_SLOTS} more`) : null,
  );
}
