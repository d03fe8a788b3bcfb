// Card 3: from the pixels of a patch to its vector.

import { sumOf } from "../../shared/arrays.js";
import { spanOf } from "../../shared/cells.js";
import { node } from "../../shared/dom.js";
import { count, shown } from "../../shared/text.js";
import { bars, columns, fact, fine, output } from "../parts.js";
import { patchPixels } from "../pixels.js";
import { highest, products } from "../study.js";

const WHAT = {
  "vision tower": "reads the pixels: what shapes are here?",
  projector: "translates into the language model’s space",
  "language model": "reads patches and prompt together: what does it mean here?",
  head: "keeps what is needed to compare",
};

export const vector = {
  id: "vector",
  about: "vectors",
  short: "Vector",
  keep: "A patch passes the parts of the model in turn, and comes out as a list of numbers whose length is 1.",
  title: () => "From patch to vector",
  idea(study) {
    const met = study.value.model.bidirectional ? "all the others" : "those before it";
    return (
      `The parts of the model turn the pixels of a patch into ${study.page.dim} numbers. ` +
      `On the way the patch meets ${met}, so its vector knows its surroundings.`
    );
  },
  build(body, study, kit) {
    const { parameters, name } = study.value.model;
    const chart = node("div", { class: "vector-chart" });
    const list = node("dl", { class: "facts" });
    const canvas = node("canvas", { class: "pixels small" });
    const pick = (row, col) => {
      study.patch = [row, col];
      sheet.mark({ cells: [[row, col]], kind: "box" });
      patchPixels(study, canvas, row, col);
      const numbers = study.pageVector(study.vectorAt(row, col));
      chart.replaceChildren(bars(numbers, highest(numbers), `The ${numbers.length} numbers of the patch`));
      list.replaceChildren(...factsOf(numbers, row, col));
    };
    const label = "Patches: the arrow keys move from patch to patch";
    const sheet = kit.sheet({ label, pick, hover: pick, grid: true });
    body.append(
      node("ol", { class: "pipeline" }, firstStep(study, canvas), ...study.value.model.parts.map(step)),
      columns(sheet.root, [
        node("h3", {}, `The vector of this patch: ${study.page.dim} numbers`),
        chart,
        list,
        fine(`${name} has ${count(parameters)} weights in all, counted in the model that made this page’s vectors.`),
      ]),
    );
    pick(...study.patch);
  },
};

function factsOf(numbers, row, col) {
  const first = [...numbers.subarray(0, 4)].map((value) => shown(value, 3)).join(", ");
  const length = Math.sqrt(sumOf(products(numbers, numbers)));
  return [
    fact("patch", `row ${row}, column ${col}`),
    fact("its first numbers", `${first} …`),
    fact("its length", output("length", shown(length, 3)), node("small", {}, " √ of the sum of squares")),
  ];
}

function firstStep({ picture, page: { grid } }, canvas) {
  const { down, across } = spanOf(grid);
  const pixels = picture ? (picture.naturalWidth / across) * (picture.naturalHeight / down) * 3 : null;
  const numbers = pixels ? node("small", {}, `${count(pixels)} numbers`) : null;
  return node("li", { class: "start" }, canvas, node("b", {}, "a patch"), numbers);
}

function step({ part, detail, parameters, width }) {
  return node(
    "li",
    {},
    node("b", {}, part),
    node("span", { class: "what" }, WHAT[part]),
    node("small", {}, detail),
    node("small", {}, `${count(parameters)} weights`),
    node("em", {}, `→ ${count(width)} numbers`),
  );
}
