// The sentence above the chips: what is on show, as a calculation.

import { node } from "../shared/dom.js";
import { count, percent, plural, shown, signed } from "../shared/text.js";
import { cellsText, slotText } from "../shared/tokens.js";

const strong = (text) => node("b", {}, text);

export class Headline {
  constructor(lens) {
    this.lens = lens;
  }

  show(view) {
    const { part, state } = this.lens;
    const chosen = view.parts.flatMap((item) => item.tokens);
    const line = state.other
      ? comparison(state, view, chosen)
      : view.whole
        ? wholeScore(state, chosen)
        : chosenTerms(state, view, chosen);
    part("headline").replaceChildren(...line);
  }
}

function comparison(state, view, chosen) {
  const [mine, theirs] = state.keys.map((key) => state.sumOf(key, chosen));
  const lead = state.scoreOf(state.key) - state.scoreOf(state.other);
  const digits = view.whole ? 2 : 3;
  return [
    strong(view.whole ? "Score" : view.items.map((item) => item.name).join(" + ")),
    ` · A ${shown(mine, digits)} − B ${shown(theirs, digits)} = `,
    strong(signed(mine - theirs)),
    view.whole
      ? `, the sum of ${plural(chosen.length, "difference")} below`
      : ` of the ${signed(lead)} by which A is ${lead < 0 ? "behind" : "ahead"}`,
  ];
}

function wholeScore(state, chosen) {
  const score = state.scoreOf(state.key);
  const words = state.sumOf(state.key, state.typed);
  const away = chosen.filter((token) => state.entryOf(state.key).tokens[token].slot !== "patch").length;
  const share = score > 0 ? ` (${percent((score - words) / score)})` : "";
  return [
    "Score ",
    strong(shown(score, 2)),
    ` = ${plural(chosen.length, "MaxSim term")}: `,
    `${shown(words, 2)} from ${plural(state.typed.length, "token")} you typed, `,
    `${shown(score - words, 2)}${share} from ${count(chosen.length - state.typed.length)} the model adds`,
    away ? ` · ${plural(away, "term")} won off the image` : "",
  ];
}

function chosenTerms(state, view, chosen) {
  const mine = state.sumOf(state.key, chosen);
  const score = state.scoreOf(state.key);
  const off = chosen.some((token) => state.off.has(token));
  const share = score > 0 && !off ? ` (${percent(mine / score)} of ${shown(score, 2)})` : "";
  const end = [share, off ? " · turned off, it does not count" : ""];
  if (chosen.length === 1) {
    const entry = state.entryOf(state.key);
    const match = entry.tokens[chosen[0]];
    return [
      strong(view.items[0].name),
      ` · best of ${count(entry.vectors)} vectors ${whereText(match)} = `,
      strong(shown(match.maxsim)),
      ...end,
    ];
  }
  const several = view.items.length > 1;
  const terms = view.items.flatMap((item, at) => [
    at ? " + " : "",
    several ? `${item.name} ` : "",
    item.tokens.map((token) => shown(state.found.ledger(state.key)[token])).join(" + "),
  ]);
  const title = several ? [] : [strong(view.items[0].name), ` · ${plural(chosen.length, "token")} · `];
  return [...title, ...terms, " = ", strong(shown(mine)), ...end];
}

function whereText(match) {
  if (match.slot === "text") return `is off the image: prompt token ${slotText(match)}`;
  if (match.slot === "tile") return "is off the image: a tile of the thumbnail";
  const { cells } = match;
  return cells.length === 1
    ? `is patch (${cellsText(cells)})`
    : `stands for ${count(cells.length)} patches (${cellsText(cells)})`;
}
