// Card 5: one token times one patch.

import { sumOf } from "../../shared/arrays.js";
import { holds } from "../../shared/cells.js";
import { node } from "../../shared/dom.js";
import { shown } from "../../shared/text.js";
import { bars, columns, output } from "../parts.js";
import { highest, products } from "../study.js";

export const cosine = {
  id: "cosine",
  about: "maxsim",
  short: "Cosine",
  keep: "How well a token fits a patch is the sum of the products of their numbers.",
  title: () => "One token, one patch, one number",
  idea: (study) =>
    `Multiply their ${study.page.dim} numbers one by one and add up. Both vectors have length 1, so the sum is their ` +
    "cosine: 1 for the same direction, 0 for nothing in common.",
  build(body, study, kit) {
    const chart = node("div", { class: "product" });
    const verdict = node("p", { class: "verdict", role: "status" });
    const draw = () => {
      chart.replaceChildren(...multiplication(study));
      verdict.replaceChildren(verdictOf(study));
      sheet.mark({ cells: [study.patch], kind: "box" });
      chips.check(study.token);
    };
    const pick = (row, col) => {
      study.patch = [row, col];
      draw();
    };
    const label = "Patches: the arrow keys move from patch to patch";
    const sheet = kit.sheet({ label, pick, hover: pick, grid: true });
    const chips = kit.chips((token) => {
      study.token = token;
      study.patch = study.page.tokens[token].cells[0] ?? study.patch;
      draw();
    });
    body.append(chips, columns(sheet.root, [chart, verdict]));
    draw();
  },
};

/** The numbers of the token, those of the patch, their products, and the sum of these. */
function multiplication(study) {
  const [row, col] = study.patch;
  const a = study.tokenVector(study.token);
  const b = study.pageVector(study.vectorAt(row, col));
  const c = products(a, b);
  const top = highest(a, b);
  const up = sumOf(c.filter((value) => value > 0));
  const down = sumOf(c.filter((value) => value < 0));
  return [
    node("h3", {}, `token ${study.named(study.token)}`),
    bars(a, top, "The token’s numbers"),
    node("h3", {}, node("i", {}, "×"), ` patch (row ${row}, column ${col})`),
    bars(b, top, "The patch’s numbers"),
    node("h3", {}, node("i", {}, "="), " their products"),
    bars(c, highest(c), "The products"),
    node(
      "p",
      { class: "adds" },
      "agreeing ",
      node("b", { class: "positive" }, `+${shown(up)}`),
      " · opposing ",
      node("b", { class: "negative" }, shown(down)),
      " · sum ",
      output("cosine", shown(study.cosinesOf(study.token)[study.vectorAt(row, col)])),
    ),
  ];
}

function verdictOf(study) {
  const match = study.page.tokens[study.token];
  return holds(match.cells, ...study.patch)
    ? `This is the best patch for ${study.named(study.token)}: the ${shown(match.maxsim)} that the Lens shows.`
    : `The best vector of the page has ${shown(match.maxsim)}. Move over the page, and watch the products.`;
}
