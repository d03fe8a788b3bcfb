// Card 8: the ranking by MaxSim beside the ranking by one mean vector.

import { cut, extent } from "../../shared/arrays.js";
import { node, svgNode } from "../../shared/dom.js";
import { shown } from "../../shared/text.js";
import { label } from "../../shared/tokens.js";
import { fine, split, text } from "../parts.js";

export const rank = {
  id: "rank",
  about: "single",
  short: "Rank",
  title: (study) => "Rank the pages; and why not one vector a page?",
  idea: (study) => "Every page is scored like this, and the highest score comes first. Averaging a page’s vectors into one is far cheaper, and blurs what each patch had to say.",
  build(body, study, kit) {
    const { value } = study;
    const page = study.page;
    const byScore = [...value.ranking].sort((a, b) => a.rank - b.rank);
    const byMean = [...value.ranking].sort((a, b) => a.mean_rank - b.mean_rank);
    const lines = Math.min(8, value.pages);
    const columns = [byScore.slice(0, lines), byMean.slice(0, lines)];
    const line = (entry, digits, score) =>
      node(
        "li",
        { class: entry.key === page.key ? "mine" : null, title: `${entry.source}, page ${entry.page}` },
        entry.thumb ? node("img", { src: entry.thumb.url, alt: "" }) : null,
        node("span", {}, `p. ${entry.page}`, node("small", {}, entry.source)),
        node("b", {}, shown(score, digits)),
      );
    const slopes = svgNode("svg", { class: "slopes", viewBox: `0 0 10 ${lines}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    columns[0].forEach((entry, from) => {
      const to = columns[1].indexOf(entry);
      const slope = svgNode("path", { d: to < 0 ? `M0 ${from + 0.5} C5 ${from + 0.5} 5 ${lines} 10 ${lines}` : `M0 ${from + 0.5} C5 ${from + 0.5} 5 ${to + 0.5} 10 ${to + 0.5}` });
      if (entry.key === page.key) slope.setAttribute("class", "mine");
      slopes.append(slope);
    });
    const ranking = node(
      "div",
      { class: "rankings" },
      node("div", {}, node("h3", {}, "MaxSim, summed"), node("ol", { "data-ranking": "maxsim" }, ...columns[0].map((entry) => line(entry, 2, entry.score)))),
      slopes,
      node("div", {}, node("h3", {}, "Mean of these vectors"), node("ol", { "data-ranking": "mean" }, ...columns[1].map((entry) => line(entry, 3, entry.mean)))),
    );
    ranking.style.setProperty("--lines", lines);
    const first = byScore[0];
    const hidden = node("div", { class: "after" }, ranking);
    const kept = byMean[0] === first;
    const ask =
      value.pages > 1
        ? kit.question("mean", `Page ${first.page} of ${first.source} comes first by MaxSim. Will it still come first by one mean vector a page?`, [["Yes", kept], ["No", !kept]], () =>
            kept ? "It stays first; look at the pages below it." : `It falls to rank ${first.mean_rank} of ${value.pages}; page ${byMean[0].page} comes first.`)
        : text("There is only one page to rank; add more in Explore.");

    const typed = study.tokens.filter(({ kind }) => kind === "word").slice(0, 10);
    const losses = node(
      "table",
      { class: "losses" },
      node("thead", {}, node("tr", {}, node("th", { scope: "col" }, "token"), node("th", { scope: "col" }, "best vector"), node("th", { scope: "col" }, "mean vector"))),
      node(
        "tbody",
        {},
        ...typed.map(({ index }) => {
          const cells = [page.tokens[index].maxsim, value.pooling.tokens[index]].map((number, i) => {
            const bar = node("i", { class: i ? "mean" : "max" });
            bar.style.width = `${Math.max(0, 100 * number)}%`;
            return node("td", {}, bar, node("span", {}, shown(number)));
          });
          return node("tr", { "data-token": index }, node("th", { scope: "row" }, label(study.tokens[index])), ...cells);
        }),
      ),
    );
    const near = Float64Array.from(value.pooling.patches);
    const range = extent(near);
    const sheet = kit.sheet({
      label: "The page; colored patches lie close to the mean vector",
      caption: `Patches near the mean vector, cosines ${shown(cut(range), 2)} to ${shown(range.hi, 2)}: what most of the page looks like, not what was asked`,
    });
    sheet.color(near, cut(range), range.hi);
    const ndcg = value.paper.ndcg.map(({ name, vectors, ndcg }) => {
      const bar = node("i", {});
      bar.style.width = `${ndcg}%`;
      return node("div", { class: vectors === "many vectors" ? "score many" : "score" }, node("span", {}, name), node("span", { class: "track" }, bar), node("b", {}, shown(ndcg, 1)));
    });
    body.append(
      ask,
      hidden,
      split(sheet.root, [
        node("h3", {}, "What pooling loses on this page"),
        losses,
        fine("Cosine of each typed token with its best vector, and with the mean of all vectors of the page."),
        node("h3", {}, "The paper’s comparison"),
        node("div", { class: "scores" }, ...ndcg),
        fine("Mean nDCG@5 on ViDoRe, from the ColPali paper. The mean above is unfair to single vectors: a bi-encoder trained to make one does better. Even so, BiPali, trained like ColPali but for one vector, stays far behind."),
      ]),
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
