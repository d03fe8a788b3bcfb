// Card 8: the ranking by MaxSim beside the ranking by one mean vector.

import { cut, extent } from "../../shared/arrays.js";
import { node, svgNode } from "../../shared/dom.js";
import { shown } from "../../shared/text.js";
import { label } from "../../shared/tokens.js";
import { columnHead, columns, fine, rowHead, text } from "../parts.js";

const MOST_LINES = 8; // lines of each ranking
const MOST_TOKENS = 6;

export const rank = {
  id: "rank",
  about: "single",
  short: "Rank",
  keep: "Pages are ranked by this score; one averaged vector a page is cheaper and forgets what single patches said.",
  title: () => "Rank the pages; and why not one vector a page?",
  idea: () =>
    "Every page is scored like this, and the highest score comes first. Averaging a page’s vectors into one is far " +
    "cheaper, and blurs what each patch had to say.",
  build(body, study, kit) {
    const { value } = study;
    const ranking = rankings(study);
    const hidden = node("div", { class: "after" }, ranking);
    const ask = askMean(value, kit);
    body.append(
      ask,
      columns(
        hidden,
        [nearMean(study, kit).root],
        [
          node("h3", {}, "What the mean loses on this page"),
          lossesTable(study),
          fine("Cosine of typed tokens with their best vector, and with the mean of all vectors of the page."),
          node("h3", {}, "What the paper measured"),
          node("div", { class: "scores" }, ...value.paper.ndcg.map(paperScore)),
          fine(
            "Mean nDCG@5 on ViDoRe. A model trained for one vector does better than a plain mean; BiPali, trained " +
              "like ColPali but for one vector, still stays far behind.",
          ),
        ],
      ),
    );
    const veil = () => {
      const veiled = value.pages > 1 && !study.answers.has("mean");
      hidden.classList.toggle("veiled", veiled);
      for (const part of [...ranking.children].slice(1)) part.inert = veiled;
    };
    ask.addEventListener("click", veil);
    veil();
  },
};

const byScore = ({ ranking }) => [...ranking].sort((a, b) => a.rank - b.rank);
const byMean = ({ ranking }) => [...ranking].sort((a, b) => a.mean_rank - b.mean_rank);

/** Both rankings side by side, with lines between. */
function rankings({ value, page }) {
  const lines = Math.min(MOST_LINES, value.pages);
  const columns = [byScore(value).slice(0, lines), byMean(value).slice(0, lines)];
  const line = (entry, score) =>
    node(
      "li",
      { class: entry.key === page.key ? "mine" : null, title: `${entry.source}, page ${entry.page}` },
      entry.thumb ? node("img", { src: entry.thumb.url, alt: "" }) : null,
      node("span", {}, `p. ${entry.page}`, node("small", {}, entry.source)),
      node("b", {}, score),
    );
  const list = (title, name, entries) =>
    node("div", {}, node("h3", {}, title), node("ol", { "data-ranking": name }, ...entries));
  const ranking = node(
    "div",
    { class: "rankings" },
    list(
      "MaxSim, summed",
      "maxsim",
      columns[0].map((entry) => line(entry, shown(entry.score, 2))),
    ),
    slopes(columns, lines, page.key),
    list(
      "Mean of these vectors",
      "mean",
      columns[1].map((entry) => line(entry, shown(entry.mean, 3))),
    ),
  );
  ranking.style.setProperty("--lines", lines);
  return ranking;
}

/** Lines from each page of the left column to its place in the right, or out of it. */
function slopes([left, right], lines, mine) {
  const viewBox = `0 0 10 ${lines}`;
  const svg = svgNode("svg", { class: "slopes", viewBox, preserveAspectRatio: "none", "aria-hidden": "true" });
  left.forEach((entry, at) => {
    const to = right.indexOf(entry);
    const [from, end] = [at + 0.5, to < 0 ? lines : to + 0.5];
    const slope = svgNode("path", { d: `M0 ${from} C5 ${from} 5 ${end} 10 ${end}` });
    if (entry.key === mine) slope.setAttribute("class", "mine");
    svg.append(slope);
  });
  return svg;
}

function askMean(value, kit) {
  if (value.pages < 2) return text("There is only one page to rank; add more in Explore.");
  const [first] = byScore(value);
  const [best] = byMean(value);
  const kept = best === first;
  const ask =
    `Page ${first.page} of ${first.source} comes first by MaxSim. ` +
    "Will it still come first by one mean vector a page?";
  const choices = [
    ["Yes", kept],
    ["No", !kept],
  ];
  return kit.question("mean", ask, choices, () =>
    kept
      ? "It stays first; look at the pages below it."
      : `It falls to rank ${first.mean_rank} of ${value.pages}; page ${best.page} comes first.`,
  );
}

/** The typed tokens that match best, in the order of the query. */
function bestTyped(page, tokens) {
  const matched = tokens.filter(({ kind }) => kind === "word").sort((a, b) => maxsim(page, b) - maxsim(page, a));
  return matched.slice(0, MOST_TOKENS).sort((a, b) => a.index - b.index);
}

const maxsim = (page, token) => page.tokens[token.index].maxsim;

function lossesTable({ value, page, tokens }) {
  const cell = (number, kind) => {
    const bar = node("i", { class: kind });
    bar.style.width = `${Math.max(0, 100 * number)}%`;
    return node("td", {}, node("span", {}, bar, shown(number)));
  };
  const row = ({ index }) =>
    node(
      "tr",
      { "data-token": index },
      rowHead(label(tokens[index])),
      cell(page.tokens[index].maxsim, "max"),
      cell(value.pooling.tokens[index], "mean"),
    );
  const typed = bestTyped(page, tokens);
  const head = node("tr", {}, ...["token", "best vector", "mean vector"].map((name) => columnHead(name)));
  return node("table", { class: "losses" }, node("thead", {}, head), node("tbody", {}, ...typed.map(row)));
}

/** The page with the patches colored that are like its mean vector. */
function nearMean(study, kit) {
  const near = Float64Array.from(study.value.pooling.patches);
  const range = extent(near);
  const sheet = kit.sheet({
    label: "The page; colored patches lie close to the mean vector",
    caption:
      `Patches near the mean vector, cosines ${shown(cut(range), 2)} to ${shown(range.hi, 2)}: ` +
      "what most of the page looks like, not what was asked",
  });
  sheet.color(near, cut(range), range.hi);
  return sheet;
}

function paperScore({ name, vectors, ndcg }) {
  const bar = node("i", {});
  bar.style.width = `${ndcg}%`;
  return node(
    "div",
    { class: vectors === "many vectors" ? "score many" : "score" },
    node("span", {}, name),
    node("span", { class: "track" }, bar),
    node("b", {}, shown(ndcg, 1)),
  );
}
