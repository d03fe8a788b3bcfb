// Card 7: the maxima add up to the score.

import { sumOf } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { percent, shown } from "../../shared/text.js";
import { cellsText, label, place } from "../../shared/tokens.js";
import { columns, fine, output } from "../parts.js";

const MOST_WORDS = 6;

export const sum = {
  id: "sum",
  about: "maxsim",
  short: "Sum",
  keep: "The score of a page is the sum of these maxima, and nothing else.",
  title: () => "The score is the sum",
  idea: (study) => `One maximum for each of the ${study.tokens.length} tokens, added up. Nothing else is in the score.`,
  build(body, study, kit) {
    const { page } = study;
    const flight = flightOf(study, (token) => light(token));
    const note = node("p", { class: "note", role: "status" });
    const sheet = kit.sheet({ label: "The page, with the winner of every token boxed" });
    const light = (token) => {
      study.token = token;
      const match = page.tokens[token];
      const others = page.tokens.filter((other) => other !== match && other.cells.length);
      const mine = match.cells.length ? [{ cells: match.cells, kind: "box" }] : [];
      sheet.mark(...others.map(({ cells }) => ({ cells, kind: "box small" })), ...mine);
      for (const each of body.querySelectorAll("[data-token]"))
        each.classList.toggle("lit", Number(each.dataset.token) === token);
      flight.bars.forEach((bar, i) => {
        bar.classList.toggle("lit", i === token);
      });
      note.replaceChildren(...sentence(study, match));
    };
    const score = node("span", { class: "total" }, "score ", node("b", {}, shown(page.score, 2)));
    body.append(
      columns(
        sheet.root,
        [node("div", { class: "player" }, flight.button, score), flight.root],
        [
          node("div", { class: "formula" }, kit.formula("score")),
          note,
          formulaOf(study, light),
          fine("Every term is rounded to three digits here, the sum to two; what is added up is not rounded."),
        ],
      ),
    );
    light(study.token);
  },
};

/** Bars of the terms, which a button lays end to end: {root, bars, button}. */
function flightOf({ page, tokens }, light) {
  const top = Math.max(...page.tokens.map(({ maxsim }) => maxsim), 1e-6);
  const positive = sumOf(page.tokens.map(({ maxsim }) => Math.max(0, maxsim))) || 1;
  let before = 0;
  const lines = page.tokens.map((match, i) => {
    const token = tokens[match.index];
    const width = Math.max(0, match.maxsim);
    const place = { "--line": i, "--wide": width / top, "--from": before / positive, "--share": width / positive };
    before += width;
    const bar = node("i", { class: `${token.kind}${match.maxsim < 0 ? " negative" : ""}` });
    for (const [name, value] of Object.entries(place)) bar.style.setProperty(name, value);
    const ends = [node("b", {}, label(token)), node("span", {}, shown(match.maxsim))];
    const line = node("div", { class: "line", "data-token": match.index }, ...ends);
    line.style.setProperty("--line", i);
    for (const each of [bar, line]) each.addEventListener("pointerenter", () => light(match.index));
    return [line, bar];
  });
  const root = node("div", { class: "flight" }, ...lines.flat());
  root.style.setProperty("--lines", page.tokens.length);
  const button = node("button", { type: "button", class: "play" }, "Add them up");
  button.addEventListener("click", () => {
    const added = root.classList.toggle("added");
    button.textContent = added ? "Take them apart" : "Add them up";
  });
  return { root, bars: lines.map(([, bar]) => bar), button };
}

/** The terms in numbers, with their sum. */
function formulaOf(study, light) {
  const terms = study.page.tokens.map((match) => {
    const point = () => light(match.index);
    const title = `${study.named(match.index)} · ${place(match)}`;
    return node(
      "button",
      { type: "button", "data-token": match.index, title, onclick: point, onpointerenter: point, onfocus: point },
      shown(match.maxsim),
    );
  });
  const added = terms.flatMap((term, i) => (i ? [" + ", term] : [term]));
  return node("p", { class: "terms" }, ...added, " = ", output("score", shown(study.page.score, 2)));
}

function sentence(study, match) {
  const where = match.cells.length
    ? ` found ${cellsText(match.cells, ["row", "column"])}: `
    : ` found a vector off the image, ${place(match)}: `;
  return [
    node("b", {}, study.named(match.index)),
    where,
    shown(match.maxsim),
    match.words.length ? `, under it “${match.words.slice(0, MOST_WORDS).join(" ")}”` : "",
    ` · ${percent(match.maxsim / study.page.score)} of the score`,
  ];
}
