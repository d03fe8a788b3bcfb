// The sentence above the chips: what set the page apart, or where a word was found; numbers come second.

import { node } from "../shared/dom.js";
import { toldApart } from "../shared/lead.js";
import { count, listed, percent, plural, quoted, shown, signed } from "../shared/text.js";
import { cellsText, slotText } from "../shared/tokens.js";
import { phraseAt } from "../shared/words.js";

const strong = (text) => node("b", {}, text);
/** What comes second, cut where a line ends; then it can be read by pointing at it. */
const second = (...parts) => {
  const told = node("span", { class: "second" }, ...parts);
  told.title = told.textContent;
  return told;
};
const FEW_NAMES = 2; // words that a sentence lists as adding nothing

export class Headline {
  constructor(lens) {
    this.lens = lens;
  }

  show(view) {
    const { part } = this.lens;
    const chosen = view.parts.flatMap((item) => item.tokens);
    const line = this.line(view, chosen);
    const isSecond = (each) => each.className === "second";
    const first = node("span", { class: "first" }, ...line.filter((each) => !isSecond(each)));
    part("headline").replaceChildren(first, " ", ...line.filter(isSecond));
    part("headline").removeAttribute("aria-busy");
  }

  line(view, chosen) {
    const { state } = this.lens;
    if (state.other) return comparison(state, view, chosen);
    if (state.entryOf(state.key).whole) return view.whole ? this.wholeErased() : chosenErased(state, view, chosen);
    return view.whole ? this.wholeQuery(chosen) : chosenTerms(state, view, chosen);
  }

  /** What the score has lost since parts of the page were erased, and which terms lost it. */
  wholeErased() {
    const { lens } = this;
    const { state } = lens;
    const { key } = state;
    const [before, after] = [state.found.sumWhole(key, state.counted), state.scoreOf(key)];
    const terms = state.words.map((item) => [item, changeOf(state, item.tokens)]);
    const told = { ...toldApart(terms, after - before), nothing: [] };
    const { page, erased } = state.entryOf(key);
    return [
      strong(`${whatIsErased(erased)}: page ${page} scores ${shown(after, 2)}, ${moreOrLess(after - before, 2)}. `),
      ...toldTerms(lens, told),
      second(`Score ${shown(before, 2)} before; ${rankText(state)}.`),
    ];
  }

  wholeQuery(chosen) {
    const { state } = this.lens;
    return state.by === "lead" ? this.leadOfPage() : wholeScore(state, chosen);
  }

  /** What set the page apart from those that it is compared with. */
  leadOfPage() {
    const { lens } = this;
    const { state } = lens;
    const { text } = state.found.comparison(state.key);
    const total = state.valueOf(state.key, state.counted);
    const score = state.scoreOf(state.key);
    const { page } = state.entryOf(state.key);
    const title = `Page ${page} ${total < 0 ? "is behind" : "leads"} by ${shown(Math.abs(total), 2)}: `;
    const means = `Score ${shown(score, 2)}, against ${shown(score - total, 2)} on average on ${text}.`;
    const terms = state.words.map((item) => [item, state.valueOf(state.key, item.tokens)]);
    return [strong(title), ...toldTerms(lens, toldApart(terms, total)), second(means)];
  }
}

/** The nodes that tell `told`, see toldApart: a button for each term that is named, which pins it. */
export function toldTerms(lens, told, previews = false) {
  const { named, rest, nothing } = told;
  if (!named.length && !rest) return ["no word makes a difference. "]; // the same page twice
  const nodes = named.flatMap(([item, value], at) => [
    at ? ", " : "",
    termButton(lens, item, previews),
    ` ${signed(value, 2)}`,
  ]);
  if (rest) nodes.push(`${nodes.length ? ", " : ""}the rest ${signed(rest, 2)}`);
  const names = nothing.slice(0, FEW_NAMES).map((item) => item.name);
  if (names.length) nodes.push(`; ${listed(names)} ${names.length > 1 ? "add" : "adds"} nothing`);
  return [...nodes, ". "];
}

const changeOf = (state, tokens) => state.sumOf(state.key, tokens) - state.found.sumWhole(state.key, tokens);
const moreOrLess = (change, digits) => `${shown(Math.abs(change), digits)} ${change > 0 ? "more" : "less"}`;

/** "1 region erased", the beginning of what the server says. */
function whatIsErased({ text }) {
  const [what] = text.split(";");
  return `${what[0].toUpperCase()}${what.slice(1)}`;
}

function rankText(state) {
  const [before, now] = [state.rankWhole(state.key), state.ranked(state.key).rank];
  return before === now ? `still rank ${now}` : `rank ${before} → ${now}`;
}

function chosenErased(state, view, chosen) {
  const { erased } = state.entryOf(state.key);
  const [before, after] = [state.found.sumWhole(state.key, chosen), state.sumOf(state.key, chosen)];
  const names = view.items.map((item) => item.name).join(" + ");
  const where = view.items.length === 1 ? second("Now ", ...found(state, view.items[0], chosen, "matches best")) : "";
  return [
    `${whatIsErased(erased)}: `,
    strong(names),
    ` ${shown(before)} → `,
    strong(shown(after)),
    `, ${moreOrLess(after - before, 3)}. `,
    where,
  ];
}

const termButton = (lens, item, previews) =>
  node(
    "button",
    {
      type: "button",
      class: "term",
      title: "Show where it was found",
      onclick: (event) => lens.pinBy(event, item.id),
      ...(previews ? lens.previewing(item.id) : {}),
    },
    item.name,
  );

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
  const alone = state.found.comparison(state.key) ? "" : " There is nothing to compare this page with yet.";
  return [
    "Score ",
    strong(shown(score, 2)),
    ` = ${plural(chosen.length, "MaxSim term")}: `,
    `${shown(words, 2)} from ${plural(state.typed.length, "token")} you typed, `,
    `${shown(score - words, 2)}${share} from ${count(chosen.length - state.typed.length)} the model adds`,
    away ? ` · ${plural(away, "term")} won off the image` : "",
    alone ? second(alone) : "",
  ];
}

function chosenTerms(state, view, chosen) {
  if (view.items.length === 1) return [...found(state, view.items[0], chosen), second(...numbers(state, view, chosen))];
  return numbers(state, view, chosen);
}

/** Where a word was found, in words of the page where there are any. */
function found(state, item, chosen, matches = "matched best") {
  const entry = state.entryOf(state.key);
  const lines = chosen.map((token) => entry.tokens[token]);
  if (item.kind === "added") return [strong(`${item.name[0].toUpperCase()}${item.name.slice(1)}`), " match here. "];
  const best = lines.reduce((top, match) => (match.maxsim > top.maxsim ? match : top));
  if (best.slot !== "patch")
    return [strong(item.name), ` ${matches} off the image, with what the model adds to the page. `];
  const phrase = phraseAt(entry, best.cells);
  const where = phrase ? ["at ", strong(quoted(phrase))] : [`at ${cellsText(best.cells)}`];
  return [strong(item.name), ` ${matches} here, `, ...where, ". "];
}

function numbers(state, view, chosen) {
  const mine = state.sumOf(state.key, chosen);
  const score = state.scoreOf(state.key);
  const off = chosen.some((token) => state.off.has(token));
  const share = score > 0 && !off ? ` (${percent(mine / score)} of ${shown(score, 2)})` : "";
  const lead = state.by === "lead" ? ` · lead ${signed(state.valueOf(state.key, chosen))}` : "";
  const end = [share, lead, off ? " · turned off, it does not count" : ""];
  if (chosen.length === 1) {
    const entry = state.entryOf(state.key);
    const match = entry.tokens[chosen[0]];
    return [`Best of ${count(entry.vectors)} vectors ${whereText(match)} = `, strong(shown(match.maxsim)), ...end];
  }
  const several = view.items.length > 1;
  const terms = view.items.flatMap((item, at) => [
    at ? " + " : "",
    several ? `${item.name} ` : "",
    item.tokens.map((token) => shown(state.found.ledger(state.key)[token])).join(" + "),
  ]);
  if (view.items[0].kind === "added") return [`${plural(chosen.length, "term")} = `, strong(shown(mine)), ...end];
  return [...(several ? [] : [`${plural(chosen.length, "token")}: `]), ...terms, " = ", strong(shown(mine)), ...end];
}

function whereText(match) {
  if (match.slot === "text") return `is off the image: prompt token ${slotText(match)}`;
  if (match.slot === "tile") return "is off the image: a tile of the thumbnail";
  const { cells } = match;
  return cells.length === 1
    ? `is patch (${cellsText(cells)})`
    : `stands for ${count(cells.length)} patches (${cellsText(cells)})`;
}
