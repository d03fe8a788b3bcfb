// Card 5: one token times one patch.

import { sumOf } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { shown } from "../../shared/text.js";
import { bars, output, split } from "../parts.js";
import { highest, products } from "../study.js";

export const cosine = {
  id: "cosine",
  about: "maxsim",
  short: "Cosine",
  title: (study) => "One token, one patch, one number",
  idea: (study) => `Multiply their ${study.page.dim} numbers one by one and add up. Both vectors have length 1, so the sum is their cosine: 1 for the same direction, 0 for nothing in common.`,
  build(body, study, kit) {
    const page = study.page;
    const chart = node("div", { class: "product" });
    const verdict = node("p", { class: "verdict", role: "status" });
    const draw = () => {
      const [row, col] = study.patch;
      const a = study.tokenVector(study.token);
      const b = study.pageVector(study.vectorAt(row, col));
      const c = products(a, b);
      const top = highest(a, b);
      const cosine = study.cosinesOf(study.token)[study.vectorAt(row, col)];
      const up = sumOf(c.filter((value) => value > 0));
      const down = sumOf(c.filter((value) => value < 0));
      chart.replaceChildren(
        node("h3", {}, `token ${study.named(study.token)}`),
        bars(a, top, "The token’s numbers"),
        node("h3", {}, node("i", {}, "×"), ` patch (row ${row}, column ${col})`),
        bars(b, top, "The patch’s numbers"),
        node("h3", {}, node("i", {}, "="), " their products"),
        bars(c, highest(c), "The products"),
        node("p", { class: "adds" }, "agreeing ", node("b", { class: "positive" }, `+${shown(up)}`), " · opposing ", node("b", { class: "negative" }, shown(down)), " · sum ", output("cosine", shown(cosine))),
      );
      const match = page.tokens[study.token];
      verdict.replaceChildren(
        match.slot === "patch" && match.row === row && match.col === col
          ? `This is the best patch for ${study.named(study.token)}: the ${shown(match.maxsim)} that the Lens shows.`
          : `The best vector of the page has ${shown(match.maxsim)}. Move over the page, and watch the products.`,
      );
      sheet.mark({ cells: [[row, col]], kind: "box" });
      chips.check(study.token);
    };
    const pick = (row, col) => {
      study.patch = [row, col];
      draw();
    };
    const sheet = kit.sheet({ label: "Patches: the arrow keys move from patch to patch", pick, hover: pick, grid: true });
    const chips = kit.chips((token) => {
      study.token = token;
      const match = page.tokens[token];
      if (match.slot === "patch") study.patch = [match.row, match.col];
      draw();
    });
    body.append(chips, split(sheet.root, [chart, verdict]));
    draw();
  },
};
