// Card 9: the loss of a batch, worked out here as lesson.contrast does it, so that right pages can be swapped.

import { sumOf } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { count, percent, quoted, shown } from "../../shared/text.js";
import { fact, facts, fine, output, text } from "../parts.js";
import { contrast } from "../study.js";

function contrast(scores, own) {
  const probabilities = scores.map((row) => {
    const top = Math.max(...row);
    const powers = row.map((score) => Math.exp(score - top));
    return powers.map((power) => power / sumOf(powers));
  });
  const hardest = scores.map((row, i) => row.reduce((best, score, j) => (j !== own[i] && (best < 0 || score > row[best]) ? j : best), -1));
  const losses = scores.map((row, i) => Math.log1p(Math.exp(-Math.abs(row[hardest[i]] - row[own[i]]))) + Math.max(0, row[hardest[i]] - row[own[i]]));
  return { probabilities, hardest, losses, loss: sumOf(losses) / losses.length };
}

export const training = {
  id: "training",
  about: "loss",
  short: "Training",
  title: (study) => "How such a model is trained",
  idea: (study) => "Show it a batch of queries, each with the page that answers it. Its own page must score higher than every other page of the batch; the loss says how far it is from that.",
  build(body, study, kit) {
    const { value } = study;
    const { rows, pages, scores } = value.batch;
    const lora = value.lora;
    const lessons = node(
      "div",
      { class: "words" },
      node("div", { class: "formula" }, kit.formula("loss")),
      text("The right page’s score is compared with the best wrong one, the hardest negative. If it leads by far, the loss is near 0; if they tie, it is ln 2 ≈ 0.693; the gradient pulls the two apart. The shares in the cells are the softmax of each row."),
      facts(
        fact("LoRA of rank " + lora.rank + " would train", output("lora", count(lora.parameters)), node("small", {}, " numbers")),
        fact("out of", `${count(value.model.parameters)} `, node("small", {}, `weights of ${value.model.name}: ${shown((100 * lora.parameters) / value.model.parameters, 1)} %`)),
      ),
      fine("ColPali keeps PaliGemma’s weights as they are and trains thin matrices beside those of the language model, and the head (LoRA). The fraction is that of the checkpoint in use."),
    );
    if (pages.length < 2) {
      body.append(text("A batch takes two pages at least. Add more pages in Explore, and ask them something."), lessons);
      return;
    }
    const own = rows.map((row) => row.own);
    const table = node("table", { class: "batch" });
    table.style.setProperty("--pages", pages.length);
    const entry = (key) => value.ranking.find((each) => each.key === key);
    const draw = (focus = null) => {
      const found = contrast(scores, own);
      table.replaceChildren(
        node(
          "thead",
          {},
          node("tr", {}, node("td"), ...pages.map((key) => node("th", { scope: "col" }, node("img", { src: entry(key).thumb.url, alt: "" }), `p. ${entry(key).page}`)), node("th", { scope: "col" }, "loss")),
        ),
        node(
          "tbody",
          {},
          ...rows.map((row, i) =>
            node(
              "tr",
              {},
              node("th", { scope: "row" }, quoted(row.text), row.made ? node("small", {}, "made from the page’s headline") : null),
              ...scores[i].map((score, j) => {
                const kind = j === own[i] ? "own" : j === found.hardest[i] ? "hardest" : "";
                const button = node(
                  "button",
                  {
                    type: "button",
                    class: kind,
                    "aria-pressed": j === own[i],
                    "data-cell": `${i}-${j}`,
                    title: j === own[i] ? "the right page" : "make this the right page",
                    onclick: () => {
                      own[i] = j;
                      draw(`${i}-${j}`);
                    },
                  },
                  node("b", {}, shown(score, 2)),
                  node("small", {}, percent(found.probabilities[i][j])),
                  kind ? node("em", {}, kind === "own" ? "right" : "hardest") : null,
                );
                button.style.setProperty("--share", found.probabilities[i][j]);
                return node("td", {}, button);
              }),
              node("td", { class: "loss" }, output(`loss-${i}`, shown(found.losses[i]))),
            ),
          ),
        ),
        node("tfoot", {}, node("tr", {}, node("th", { scope: "row", colspan: pages.length + 1 }, "loss of the batch, the mean"), node("td", { class: "loss" }, output("loss", shown(found.loss))))),
      );
      if (focus) table.querySelector(`[data-cell="${focus}"]`).focus();
    };
    draw();
    const made = rows.some((row) => row.made);
    body.append(
      node("div", { class: "split even" },
        node("div", { class: "visual" }, node("div", { class: "scroll" }, table), fine(
          "In training data people have marked which page is right. Here it is the page at hand for your query, and for other queries the page that ranks first",
          made ? "; queries made from a headline belong to their page" : "",
          ". Click another cell to make that page the right one, and watch the loss.",
        )),
        lessons),
    );
  },
};
