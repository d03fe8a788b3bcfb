// Card 3: from the pixels of a patch to its vector.

import { sumOf } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { count, shown } from "../../shared/text.js";
import { bars, fact, fine, output, split } from "../parts.js";
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
  title: (study) => "From patch to vector",
  idea: (study) => `Four parts turn the pixels of a patch into ${study.page.dim} numbers. On the way the patch meets ${study.value.model.bidirectional ? "all the others" : "those before it"}, so its vector knows its surroundings.`,
  build(body, study, kit) {
    const page = study.page;
    const { parts, parameters, name } = study.value.model;
    const chart = node("div", { class: "vector-chart" });
    const length = node("dl", { class: "facts" });
    const canvas = node("canvas", { class: "pixels small" });
    const pick = (row, col) => {
      study.patch = [row, col];
      sheet.mark({ cells: [[row, col]], kind: "box" });
      patchPixels(canvas, row, col);
      const vector = study.pageVector(study.vectorAt(row, col));
      chart.replaceChildren(bars(vector, highest(vector), `The ${vector.length} numbers of the patch`));
      length.replaceChildren(
        fact("patch", `row ${row}, column ${col}`),
        fact("its first numbers", `${[...vector.subarray(0, 4)].map((value) => shown(value, 3)).join(", ")} …`),
        fact("its length", output("length", shown(Math.sqrt(sumOf(products(vector, vector))), 3)), node("small", {}, " √ of the sum of squares")),
      );
    };
    const sheet = kit.sheet({ label: "Patches: the arrow keys move from patch to patch", pick, hover: pick, grid: true });
    const image = study.picture;
    const pixels = image ? (image.naturalWidth / page.grid.cols) * (image.naturalHeight / page.grid.rows) * 3 : null;
    const steps = [
      node("li", { class: "start" }, canvas, node("b", {}, "a patch"), pixels ? node("small", {}, `${count(pixels)} numbers`) : null),
      ...parts.map((part) =>
        node(
          "li",
          {},
          node("b", {}, part.part),
          node("span", { class: "what" }, WHAT[part.part]),
          node("small", {}, part.detail),
          node("small", {}, `${count(part.parameters)} weights`),
          node("em", {}, `→ ${count(part.width)} numbers`),
        ),
      ),
    ];
    body.append(
      node("ol", { class: "pipeline" }, ...steps),
      split(sheet.root, [
        node("h3", {}, `The vector of this patch: ${page.dim} numbers`),
        chart,
        length,
        fine(`${name} has ${count(parameters)} weights in all, counted in the model that made this page’s vectors.`),
      ]),
    );
    pick(...study.patch);
  },
};
