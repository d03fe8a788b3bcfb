// Small things that several cards show: numbers, facts, paragraphs, bars of a vector, the tokens of the query.

import { node, roving, svgNode } from "../shared/dom.js";
import { byWord, KINDS, label } from "../shared/tokens.js";

export const ROW_COLUMN = ["row", "column"]; // what cards call the place of a cell, for cellsText

/** A number that is the point of a card. */
export const output = (name, text) => node("output", { class: "number", "data-number": name }, text);
export const fact = (name, ...value) => node("div", { class: "fact" }, node("dt", {}, name), node("dd", {}, ...value));
export const facts = (...list) => node("dl", { class: "facts" }, ...list);
export const text = (...content) => node("p", {}, ...content);
export const fine = (...content) => node("p", { class: "fine" }, ...content);
export const columnHead = (...content) => node("th", { scope: "col" }, ...content);
export const rowHead = (...content) => node("th", { scope: "row" }, ...content);

/** Columns side by side, the first of them a picture; each of the others is a list of what stands in it. */
export const columns = (visual, ...others) =>
  node("div", { class: "columns" }, node("div", {}, visual), ...others.map((words) => node("div", {}, ...words)));

/** The numbers of a vector as bars around a line; `top` is the height of the scale. */
export function bars(values, top, name) {
  const svg = svgNode("svg", {
    class: "bars",
    viewBox: `0 0 ${values.length} 2`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": name,
  });
  svg.append(svgNode("line", { x1: 0, x2: values.length, y1: 1, y2: 1 }));
  values.forEach((value, at) => {
    const height = Math.min(1, Math.abs(value) / top);
    const place = { x: at + 0.12, width: 0.76, y: value > 0 ? 1 - height : 1, height };
    svg.append(svgNode("rect", { ...place, class: value < 0 ? "negative" : "positive" }));
  });
  return svg;
}

/**
 * Buttons for the tokens of the query, subwords of a word together; `choose` gets the index of one. The list has a
 * method `check` that marks a token.
 */
export function tokenChips(study, choose) {
  const chip = (token) =>
    node(
      "button",
      {
        type: "button",
        role: "radio",
        class: `chip ${token.kind}`,
        "data-token": token.index,
        "aria-checked": token.index === study.token,
        tabindex: token.index === study.token ? 0 : -1,
        title: `${study.named(token.index)}, ${KINDS[token.kind]}`,
        onclick: () => choose(token.index),
      },
      node("b", {}, label(token)),
    );
  const list = node(
    "div",
    { class: "chips", role: "radiogroup", "aria-label": "Query tokens" },
    ...byWord(study.tokens).map((tokens) => node("span", { class: "group" }, ...tokens.map(chip))),
  );
  list.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
  roving(list, "button", (button) => choose(Number(button.dataset.token)));
  list.check = (index) => {
    for (const button of list.querySelectorAll("button")) {
      const on = Number(button.dataset.token) === index;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
      if (on) scrollTo(list, button);
    }
  };
  return list;
}

/** On a phone the row of chips scrolls sideways. */
function scrollTo(list, button) {
  const from = list.firstChild.getBoundingClientRect().left;
  list.scrollLeft = button.getBoundingClientRect().left - from - list.clientWidth / 3;
}

/** Predict, then reveal: choices are [text, is right] each; `why` makes what is shown afterwards. */
export function question(answers, name, ask, choices, why) {
  const box = node("fieldset", { class: "question", "data-question": name });
  const right = choices.findIndex(([, isRight]) => isRight);
  const draw = () => {
    const given = answers.get(name);
    const choice = ([words, isRight], at) =>
      node(
        "button",
        {
          type: "button",
          disabled: given !== undefined,
          class: given === undefined ? null : isRight ? "right" : at === given ? "wrong" : "other",
          onclick: () => {
            answers.set(name, at);
            draw();
          },
        },
        words,
      );
    box.replaceChildren(
      node("legend", {}, "Predict first"),
      text(ask),
      node("div", { class: "choices" }, ...choices.map(choice)),
      given === undefined
        ? ""
        : node("p", { class: "reveal", role: "status" }, node("b", {}, given === right ? "Yes. " : "Not so. "), why()),
    );
  };
  draw();
  return box;
}
