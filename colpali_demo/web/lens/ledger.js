// The ledger: how the score adds up, token by token, and a stack of the terms above it.

import { node, roving, segments } from "../shared/dom.js";
import { percent, shown, signed } from "../shared/text.js";
import { place } from "../shared/tokens.js";

const COUNTS = [
  ["all", "All tokens count"],
  ["typed", "Only typed words"],
];
const MARGIN = "MaxSim minus the best vector elsewhere: outside the 3 × 3 patches around the winner";

const head = (text, title, kind) => node("th", { scope: "col", title, class: kind }, text);
const number = (text, kind = "") => node("td", { class: `number ${kind}` }, text);

export class Ledger {
  constructor(lens) {
    this.lens = lens;
    this.body = lens.part("ledger");
    this.mark = segments(lens.part("counts"), COUNTS, (choice) => this.countOnly(choice));
    roving(this.body, "[data-count]", (box) => lens.preview(box.dataset.count));
    this.body.addEventListener("focusout", (event) => {
      if (!this.body.contains(event.relatedTarget) && !this.body.matches(":hover")) lens.preview(null);
    });
  }

  countOnly(choice) {
    const { state } = this.lens;
    state.off = new Set();
    const added = state.tokens.flatMap(({ index, kind }) => (kind === "word" ? [] : [index]));
    this.lens.setOff(choice === "all" ? [] : added, true);
  }

  build() {
    const { part, state } = this.lens;
    const { key, other } = state;
    const lines = state.items.map((item) => this.lineOf(item));
    const top = Math.max(...lines.map(({ value }) => Math.abs(value)), 1e-6);
    part("ledger-title").textContent = other
      ? `Why A is ${state.scoreOf(key) < state.scoreOf(other) ? "below" : "above"} B`
      : "How the score adds up";
    part("ledger-caption").textContent = other
      ? "MaxSim of every token on page A and on page B, and their difference"
      : "MaxSim of every token, its share of the score, and where it was found";
    part("ledger-head").replaceChildren(this.headRow());
    this.body.replaceChildren(...lines.map((line, at) => this.row(line, at, top)));
    part("ledger-foot").replaceChildren(this.footRow());
    this.buildStack();
    part("ledger-text").textContent = this.explanation();
    this.mark(countsChoice(state));
  }

  /** Build again when other tokens count, and leave the focus on the box that changed it. */
  count() {
    const box = document.activeElement?.dataset?.count;
    this.build();
    if (box === undefined) return;
    for (const each of this.body.querySelectorAll("[data-count]")) each.tabIndex = each.dataset.count === box ? 0 : -1;
    this.body.querySelector(`[data-count="${CSS.escape(box)}"]`)?.focus();
  }

  /** What a line says: the sums on both pages and the value of its bar. */
  lineOf(item) {
    const { state } = this.lens;
    const mine = state.sumOf(state.key, item.tokens);
    const theirs = state.other ? state.sumOf(state.other, item.tokens) : 0;
    return { item, mine, theirs, value: mine - theirs };
  }

  headRow() {
    const { state } = this.lens;
    const counts = head("", "Whether the token counts", "count");
    counts.append(node("span", { class: "hidden" }, "counts"));
    return node(
      "tr",
      {},
      counts,
      head(state.unit === "word" ? "word" : "token"),
      node("td"),
      ...(state.other
        ? [head("A"), head("B"), head("A − B", "The differences add up to the difference of the scores")]
        : [head("MaxSim"), head("margin", MARGIN)]),
    );
  }

  row({ item, mine, theirs, value }, at, top) {
    const { lens } = this;
    const { state } = lens;
    const { other } = state;
    const matches = state.matchesOf(item);
    const found = matches.map(place).join("; ");
    const off = item.tokens.every((token) => state.off.has(token));
    const margin = matches.length > 1 || matches[0].margin === null ? "" : signed(matches[0].margin);
    return node(
      "tr",
      {
        "data-token": item.id,
        class: `${item.kind}${off ? " off" : ""}`,
        onclick: (event) => lens.pinBy(event, item.id),
        ...lens.previewing(item.id),
      },
      node("td", { class: "count" }, this.countBox(item, at, off)),
      node("th", { scope: "row", title: `${item.name} · ${found}` }, item.label),
      node(
        "td",
        { class: other ? "bar diverging" : "bar" },
        this.bar(value, top, matches, found),
        node("span", { class: "hidden" }, ` ${found}`),
      ),
      number(shown(mine)),
      ...(other ? [number(shown(theirs), "quiet"), number(signed(value))] : [number(margin, "quiet")]),
    );
  }

  bar(value, top, matches, found) {
    const { other } = this.lens.state;
    const away = !other && matches.every((match) => match.slot !== "patch");
    const kind = value < 0 ? "negative" : away ? "away" : null;
    const bar = node("i", { class: kind, title: away ? found : null }, away ? found : "");
    bar.style.width = `${((other ? 50 : 100) * Math.abs(value)) / top}%`;
    if (other) bar.style.marginLeft = value < 0 ? `${50 - (50 * Math.abs(value)) / top}%` : "50%";
    return bar;
  }

  countBox(item, at, off) {
    const box = node("input", {
      type: "checkbox",
      "aria-label": `Count ${item.name}`,
      tabindex: at ? -1 : 0,
      "data-count": item.id,
      onclick: (event) => event.stopPropagation(),
      onchange: (event) => this.lens.setOff(item.tokens, !event.target.checked),
    });
    box.checked = !off;
    return box;
  }

  footRow() {
    const { state } = this.lens;
    const total = (value) => node("td", { class: "number" }, shown(value, 2));
    const [mine, theirs] = state.keys.map((key) => state.scoreOf(key));
    return node(
      "tr",
      {},
      node("td"),
      node("th", { scope: "row" }, "score"),
      node("td", { class: "bar" }, `sum of ${state.counted.length}`),
      total(mine),
      ...(state.other ? [total(theirs), node("td", { class: "number" }, signed(mine - theirs))] : [node("td")]),
    );
  }

  buildStack() {
    const { lens } = this;
    const { state } = lens;
    const counted = (item) => item.tokens.filter((token) => !state.off.has(token));
    const terms = state.items.map((item) => [item, Math.max(0, state.sumOf(state.key, counted(item)))]);
    const total = terms.reduce((sum, [, value]) => sum + value, 0) || 1;
    lens.part("stack").replaceChildren(
      ...terms.map(([item, value]) => {
        const piece = node("i", {
          "data-token": item.id,
          class: item.kind,
          ...lens.previewing(item.id),
          onclick: () => lens.pin(item.id, state.several),
        });
        piece.style.width = `${(100 * value) / total}%`;
        return piece;
      }),
    );
  }

  explanation() {
    const { state } = this.lens;
    const away = state.entryOf(state.key).tokens.some((match) => match.slot !== "patch");
    return [
      this.addedShare(),
      state.other ? "" : "Margin: how far the winner is ahead of the best vector elsewhere on the page.",
      !state.other && away ? "Hollow bars: won off the image, by one of the page’s vectors that are no patches." : "",
      "Untick a token to see the scores without it.",
    ]
      .filter(Boolean)
      .join(" ");
  }

  addedShare() {
    const { state } = this.lens;
    const added = state.counted.filter((token) => state.tokens[token].kind !== "word");
    const score = state.scoreOf(state.key);
    if (score <= 0) return "";
    const share = percent(state.sumOf(state.key, added) / score);
    return `Tokens you did not type account for ${share} of ${state.other ? "A’s" : "the"} score.`;
  }
}

/** Which of the choices is the case, or "". */
function countsChoice({ off, tokens }) {
  if (!off.size) return "all";
  return tokens.every((token) => off.has(token.index) === (token.kind !== "word")) ? "typed" : "";
}
