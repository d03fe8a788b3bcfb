// Card 7: the maxima add up to the score.

import { sumOf } from "../../shared/arrays.js";
import { node } from "../../shared/dom.js";
import { percent, shown } from "../../shared/text.js";
import { label, place } from "../../shared/tokens.js";
import { fine, output, split } from "../parts.js";

export const sum = {
  id: "sum",
  about: "maxsim",
  short: "Sum",
  title: (study) => "The score is the sum",
  idea: (study) => `One maximum for each of the ${study.tokens.length} tokens, added up. Nothing else is in the score.`,
  build(body, study, kit) {
    const page = study.page;
    const top = Math.max(...page.tokens.map(({ maxsim }) => maxsim), 1e-6);
    const positive = sumOf(page.tokens.map(({ maxsim }) => Math.max(0, maxsim))) || 1;
    let added = false;
    const stage = node("div", { class: "flight" });
    stage.style.setProperty("--lines", page.tokens.length);
    let before = 0;
    const lines = page.tokens.map((match, i) => {
      const token = study.tokens[match.index];
      const width = Math.max(0, match.maxsim);
      const bar = node("i", { class: `${token.kind}${match.maxsim < 0 ? " negative" : ""}` });
      for (const [name, value] of Object.entries({ "--line": i, "--wide": width / top, "--from": before / positive, "--share": width / positive })) bar.style.setProperty(name, value);
      before += width;
      const line = node("div", { class: "line", "data-token": match.index }, node("b", {}, label(token)), node("span", {}, shown(match.maxsim)));
      line.style.setProperty("--line", i);
      for (const each of [bar, line]) each.addEventListener("pointerenter", () => light(match.index));
      return [line, bar];
    });
    stage.append(...lines.flat());
    const terms = page.tokens.map((match) =>
      node("button", { type: "button", "data-token": match.index, title: `${study.named(match.index)} · ${place(match)}`, onclick: () => light(match.index), onpointerenter: () => light(match.index), onfocus: () => light(match.index) }, shown(match.maxsim)),
    );
    const formula = node("p", { class: "terms" }, ...terms.flatMap((term, i) => (i ? [" + ", term] : [term])), " = ", output("score", shown(page.score, 2)));
    const told = node("p", { class: "note", role: "status" });
    const button = node("button", { type: "button", class: "play", onclick: () => fly() });
    const fly = () => {
      added = !added;
      stage.classList.toggle("added", added);
      button.textContent = added ? "Take them apart" : "Add them up";
    };
    const light = (index) => {
      study.token = index;
      const match = page.tokens[index];
      sheet.mark(
        ...page.tokens.filter((other) => other.slot === "patch" && other.index !== index).map((other) => [other.row, other.col, "small"]),
        ...(match.slot === "patch" ? [[match.row, match.col, "box"]] : []),
      );
      for (const each of body.querySelectorAll("[data-token]")) each.classList.toggle("lit", Number(each.dataset.token) === index);
      lines.forEach(([, bar], i) => bar.classList.toggle("lit", i === index));
      told.replaceChildren(
        node("b", {}, study.named(index)),
        match.slot === "patch" ? ` found row ${match.row}, column ${match.col}: ` : ` found a vector off the image, ${place(match)}: `,
        shown(match.maxsim),
        match.words.length ? `, under it “${match.words.slice(0, 6).join(" ")}”` : "",
        ` · ${percent(match.maxsim / page.score)} of the score`,
      );
    };
    const sheet = kit.sheet({ label: "The page, with the winner of every token boxed" });
    body.append(
      split(sheet.root, [
        node("div", { class: "formula" }, kit.formula("score")),
        node("div", { class: "player" }, button, node("span", { class: "total" }, "score ", node("b", {}, shown(page.score, 2)))),
        stage,
        told,
        formula,
        fine("Every term is rounded to three digits here, the sum to two; what is added up is not rounded."),
      ]),
    );
    fly();
    fly();
    light(study.token);
  },
};
