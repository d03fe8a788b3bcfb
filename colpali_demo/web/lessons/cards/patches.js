// Card 2: the grid, one patch of it, and the prompt's tokens.

import { node } from "../../shared/dom.js";
import { count } from "../../shared/text.js";
import { fact, fine, output, split } from "../parts.js";

/** The pixels of a patch, enlarged. */
function patchPixels(canvas, row, col) {
  const image = study.picture || study.original;
  const { rows, cols } = study.page.grid;
  const [left, top] = [(col * image.naturalWidth) / cols, (row * image.naturalHeight) / rows].map(Math.round);
  const [width, height] = [image.naturalWidth / cols, image.naturalHeight / rows].map((size) => Math.max(1, Math.round(size)));
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
  return [width, height];
}

export const patches = {
  id: "patches",
  about: "page",
  short: "Patches",
  title: (study) => `The ${study.page.input ? "square" : "page"} is cut into patches`,
  idea: (study) => {
    const { rows, cols } = study.page.grid;
    return `A grid of ${rows} × ${cols} cuts it into ${count(rows * cols)} patches. Each becomes one vector, and so does every token of the short prompt that the model gets with the page.`;
  },
  build(body, study, kit) {
    const page = study.page;
    const { rows, cols } = page.grid;
    const canvas = node("canvas", { class: "pixels", role: "img" });
    const list = node("dl", { class: "facts" });
    const pick = (row, col) => {
      study.patch = [row, col];
      sheet.mark({ cells: [[row, col]], kind: "box" });
      const [width, height] = patchPixels(canvas, row, col);
      canvas.setAttribute("aria-label", `The pixels of the patch in row ${row}, column ${col}`);
      list.replaceChildren(
        fact("place", `row ${row}, column ${col} `, node("small", {}, "(from 0)")),
        fact("number", `${row} × ${cols} + ${col} = `, output("patch", String(row * cols + col))),
        fact("pixels", study.picture ? `${width} × ${height} × 3 colors = ${count(width * height * 3)} numbers` : `about ${width} × ${height} of the page`),
      );
    };
    const sheet = kit.sheet({
      label: "Patches of the page: the arrow keys move from patch to patch",
      pick,
      hover: pick,
      grid: true,
    });
    const texts = page.slots.filter(([, kind]) => kind === "text");
    const slots = node(
      "ol",
      { class: "slots" },
      node("li", { class: "many" }, node("small", {}, `${count(rows * cols)} of`), "patches"),
      ...(page.slots.length > texts.length ? [node("li", { class: "many" }, node("small", {}, `${count(page.slots.length - texts.length)} of`), "thumbnail")] : []),
      ...texts.slice(0, 24).map(([vector, , slot]) => node("li", {}, node("small", {}, vector), slot.replace(/\n/g, "↵"))),
      ...(texts.length > 24 ? [node("li", {}, `… ${texts.length - 24} more`)] : []),
    );
    const typed = page.words.length;
    const guesses = new Map([
      [page.vectors, true],
      [rows * cols, false],
      [typed || rows + cols, false],
    ]);
    const choices = [...guesses].sort(([a], [b]) => a - b).map(([vectors, right]) => [count(vectors), right]);
    body.append(
      split(sheet.root, [
        node("div", { class: "patch-closeup" }, canvas, list),
        kit.question("vectors", "How many vectors will stand for this page?", choices, () => [
          `${count(rows * cols)} patches + ${count(page.slots.length)} others = `,
          `${count(page.vectors)}. `,
          typed ? `Its text layer has ${count(typed)} words, and the model never sees that.` : "The model never sees a text layer.",
        ].join("")),
        node("div", { class: "slot-list" }, fine("All vectors of the page. Those of the prompt’s tokens stand with their numbers, and can win too:"), slots),
      ]),
    );
    pick(...study.patch);
  },
};
