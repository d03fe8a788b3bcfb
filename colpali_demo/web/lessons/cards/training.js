// Card 9: the loss of a batch, where right pages can be swapped.

import { node } from "../../shared/dom.js";
import { count, percent, quoted, shown } from "../../shared/text.js";
import { columnHead, fact, facts, fine, output, text } from "../parts.js";
import { contrast } from "../study.js";

const TIE = Math.LN2; // the loss where the right page and the best wrong one have the same score

export const training = {
  id: "training",
  about: "loss",
  short: "Training",
  keep: "Training makes the right page score higher than the hardest wrong one in a batch.",
  title: () => "How such a model is trained",
  idea: () =>
    "Show it a batch of queries, each with the page that answers it. That page must score higher than every other " +
    "page of the batch; the loss says how far it is from that.",
  build(body, study, kit) {
    const exercise = node("div", {});
    const draw = () => exercise.replaceChildren(...(study.ownQueries ? own(study.value.asked) : given(study.value)));
    const choice = choiceOfQueries(study, draw);
    body.append(
      node(
        "div",
        { class: "columns" },
        node("div", {}, exercise, choice),
        node("div", {}, ...explanation(study.value, kit)),
      ),
    );
    draw();
  },
};

/** The batch of the samples, whose right pages people have marked. */
function given({ batch }) {
  if (!batch) return [text("The samples are still being embedded. Open this page again in a minute.")];
  const wrong = batch.rows.filter((row, i) => Math.max(...batch.scores[i]) > batch.scores[i][row.own]);
  const verdict = wrong.length
    ? `The model puts another page first for ${wrong.map((row) => quoted(row.text)).join(" and ")}: ` +
      `a loss above ${shown(TIE)}.`
    : "The model puts the right page first each time.";
  return [
    node("div", { class: "scroll" }, batchTable(batch)),
    text("People have marked the right pages. ", verdict),
    fine("Click another cell to make its page the right one, and watch the loss."),
  ];
}

/** The visitor's queries. Which page is right only they can say; the page that the model puts first proves nothing. */
function own(batch) {
  return [
    node("div", { class: "scroll" }, batchTable(batch)),
    text(
      "Your last queries, and pages that came first. Which page is right the model cannot know: click it in each row.",
    ),
  ];
}

/** A button that shows the visitor's own queries, or takes them away. */
function choiceOfQueries(study, changed) {
  const { asked } = study.value;
  if (!asked) return "";
  const button = node("button", { type: "button", class: "plain", "data-part": "own-queries" });
  const draw = () => {
    const mine = asked.rows.length === 1 ? "my last query" : `my last ${asked.rows.length} queries`;
    button.textContent = study.ownQueries ? "Back to the queries of the samples" : `Show ${mine} on this screen`;
  };
  button.addEventListener("click", () => {
    study.ownQueries = !study.ownQueries;
    draw();
    changed();
  });
  draw();
  return button;
}

function explanation({ lora, model }, kit) {
  const share = shown((100 * lora.parameters) / model.parameters, 1);
  const numbers = [output("lora", count(lora.parameters)), node("small", {}, " numbers")];
  return [
    node("div", { class: "formula" }, kit.formula("loss")),
    text(
      "The right page’s score is compared with the best wrong one, the hardest negative. If it leads by far, the " +
        `loss is near 0; if they tie, it is ln 2 ≈ ${shown(TIE)}; if it is behind, more. Training pulls the two ` +
        "apart. The shares in the cells are the softmax of each row.",
    ),
    facts(
      fact(`LoRA of rank ${lora.rank} would train`, ...numbers),
      fact("out of", `${count(model.parameters)} `, node("small", {}, `weights of ${model.name}: ${share} %`)),
    ),
    fine(
      "ColPali keeps PaliGemma’s weights as they are and trains thin matrices beside those of the language model, " +
        "and the head (LoRA). The fraction is that of the checkpoint in use.",
    ),
  ];
}

/** The scores of the batch; a click on a cell makes its page the right one of its row. */
function batchTable({ rows, pages, scores }) {
  const right = rows.map((row) => row.own); // null where nobody has said
  const table = node("table", { class: "batch" });
  table.style.setProperty("--pages", pages.length);
  const choose = (i, j) => {
    right[i] = j;
    draw();
    table.querySelector(`[data-cell="${i}-${j}"]`).focus();
  };
  const draw = () => {
    const found = contrast(scores, right);
    const line = (row, i) => {
      const cells = scores[i].map((score, j) => {
        const kind = right[i] === null ? "" : j === right[i] ? "own" : j === found.hardest[i] ? "hardest" : "";
        return cell({ name: `${i}-${j}`, score, share: found.probabilities[i][j], kind }, () => choose(i, j));
      });
      return node("tr", {}, node("th", { scope: "row" }, quoted(row.text)), ...cells, lossCell(i, found.losses[i]));
    };
    table.replaceChildren(
      node("thead", {}, node("tr", {}, node("td"), ...pages.map(pageHead), columnHead("loss"))),
      node("tbody", {}, ...rows.map(line)),
      node("tfoot", {}, footRow(pages.length, found.loss)),
    );
  };
  draw();
  return table;
}

const pageHead = ({ thumb, page, source }) =>
  columnHead(node("img", { src: thumb.url, alt: source, title: source }), `p. ${page}`);

const lossCell = (row, loss) =>
  node("td", { class: loss > TIE ? "loss high" : "loss" }, output(`loss-${row}`, loss === null ? "–" : shown(loss)));

function cell({ name, score, share, kind }, onclick) {
  const right = kind === "own";
  const button = node(
    "button",
    {
      type: "button",
      class: kind,
      "aria-pressed": String(right),
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
  return node("tr", {}, head, node("td", { class: "loss" }, output("loss", loss === null ? "–" : shown(loss))));
}
