// Card 9: the loss of a batch, where right pages can be swapped.

import { node } from "../../shared/dom.js";
import { count, percent, quoted, shown } from "../../shared/text.js";
import { columnHead, fact, facts, fine, output, text } from "../parts.js";
import { contrast } from "../study.js";

export const training = {
  id: "training",
  about: "loss",
  short: "Training",
  title: () => "How such a model is trained",
  idea: () =>
    "Show it a batch of queries, each with the page that answers it. Its own page must score higher than every other " +
    "page of the batch; the loss says how far it is from that.",
  build(body, study, kit) {
    const { batch } = study.value;
    const words = explanation(study.value, kit);
    if (batch.pages.length < 2) {
      body.append(text("A batch takes two pages at least. Add more pages in Explore, and ask them something."), words);
      return;
    }
    const made = batch.rows.some((row) => row.made) ? "; queries made from a headline belong to their page" : "";
    const note = fine(
      "In training data people have marked which page is right. Here it is the page at hand for your query, and for " +
        "other queries the page that ranks first",
      made,
      ". Click another cell to make that page the right one, and watch the loss.",
    );
    const table = node("div", { class: "scroll" }, batchTable(study.value));
    body.append(node("div", { class: "split even" }, node("div", { class: "visual" }, table, note), words));
  },
};

function explanation({ lora, model }, kit) {
  const share = shown((100 * lora.parameters) / model.parameters, 1);
  const numbers = [output("lora", count(lora.parameters)), node("small", {}, " numbers")];
  return node(
    "div",
    { class: "words" },
    node("div", { class: "formula" }, kit.formula("loss")),
    text(
      "The right page’s score is compared with the best wrong one, the hardest negative. If it leads by far, the " +
        "loss is near 0; if they tie, it is ln 2 ≈ 0.693; the gradient pulls the two apart. The shares in the cells " +
        "are the softmax of each row.",
    ),
    facts(
      fact(`LoRA of rank ${lora.rank} would train`, ...numbers),
      fact("out of", `${count(model.parameters)} `, node("small", {}, `weights of ${model.name}: ${share} %`)),
    ),
    fine(
      "ColPali keeps PaliGemma’s weights as they are and trains thin matrices beside those of the language model, " +
        "and the head (LoRA). The fraction is that of the checkpoint in use.",
    ),
  );
}

/** The scores of the batch; a click on a cell makes its page the right one of its row. */
function batchTable({ batch: { rows, pages, scores }, ranking }) {
  const own = rows.map((row) => row.own);
  const table = node("table", { class: "batch" });
  table.style.setProperty("--pages", pages.length);
  const choose = (i, j) => {
    own[i] = j;
    draw();
    table.querySelector(`[data-cell="${i}-${j}"]`).focus();
  };
  const draw = () => {
    const found = contrast(scores, own);
    const line = (row, i) => {
      const cells = scores[i].map((score, j) => {
        const kind = j === own[i] ? "own" : j === found.hardest[i] ? "hardest" : "";
        return cell({ name: `${i}-${j}`, score, share: found.probabilities[i][j], kind }, () => choose(i, j));
      });
      const loss = node("td", { class: "loss" }, output(`loss-${i}`, shown(found.losses[i])));
      return node("tr", {}, queryHead(row), ...cells, loss);
    };
    const entries = pages.map((key) => ranking.find((each) => each.key === key));
    table.replaceChildren(
      node("thead", {}, node("tr", {}, node("td"), ...entries.map(pageHead), columnHead("loss"))),
      node("tbody", {}, ...rows.map(line)),
      node("tfoot", {}, footRow(pages.length, found.loss)),
    );
  };
  draw();
  return table;
}

const pageHead = ({ thumb, page }) => columnHead(node("img", { src: thumb.url, alt: "" }), `p. ${page}`);

function queryHead({ text: query, made }) {
  const note = made ? node("small", {}, "made from the page’s headline") : null;
  return node("th", { scope: "row" }, quoted(query), note);
}

function cell({ name, score, share, kind }, onclick) {
  const right = kind === "own";
  const button = node(
    "button",
    {
      type: "button",
      class: kind,
      "aria-pressed": right,
      "data-cell": name,
      title: right ? "the right page" : "make this the right page",
      onclick,
    },
    node("b", {}, shown(score, 2)),
    node("small", {}, percent(share)),
    kind ? node("em", {}, right ? "right" : "hardest") : null,
  );
  button.style.setProperty("--share", share);
  return node("td", {}, button);
}

function footRow(pages, loss) {
  const head = node("th", { scope: "row", colspan: pages + 1 }, "loss of the batch, the mean");
  return node("tr", {}, head, node("td", { class: "loss" }, output("loss", shown(loss))));
}
