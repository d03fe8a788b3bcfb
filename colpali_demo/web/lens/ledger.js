// The ledger: how the score adds up, token by token, and a stack of the terms above it.

import { node, roving, segments } from "../shared/dom.js";
import { percent, shown, signed } from "../shared/text.js";
import { ADDED, KINDS, place } from "../shared/tokens.js";

const COUNTS = [
  ["all", "All tokens count"],
  ["typed", "Only typed words"],
];
const MEASURES = [
  ["lead", "Lead", "What set the page apart: MaxSim minus its mean on the pages that it is compared with"],
  ["score", "Score", "What the score is made of: MaxSim"],
];
const NOTHING_TO_COMPARE = "There is nothing to compare with yet: a lead needs three other pages";
const MARGIN = "MaxSim minus the best vector elsewhere: outside the 3 × 3 patches around the winner";

const head = (text, title, kind) => node("th", { scope: "col", title, class: kind }, text);
const number = (text, kind = "") => node("td", { class: `number ${kind}` }, text);

export class Ledger {
  constructor(lens) {
    this.lens = lens;
    this.body = lens.part("ledger");
    this.mark = segments(lens.part("counts"), COUNTS, (choice) => this.countOnly(choice));
    this.markMeasure = segments(lens.part("measure"), MEASURES, (choice) => lens.setMeasure(choice));
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
    const lines = state.items.map((item) => this.lineOf(item));
    const top = Math.max(...lines.map(({ value }) => Math.abs(value)), 1e-6);
    const { title, caption } = this.names();
    part("ledger-title").textContent = title;
    part("ledger-caption").textContent = caption;
    part("ledger-head").replaceChildren(this.headRow());
    this.body.replaceChildren(...lines.map((line, at) => this.row(line, at, top)));
    part("ledger-foot").replaceChildren(this.footRow());
    this.buildStack();
    part("ledger-text").textContent = this.explanation();
    this.mark(countsChoice(state));
    const lacks = state.found.comparison(state.key) ? null : NOTHING_TO_COMPARE;
    this.markMeasure(state.by, (choice) => (choice === "lead" ? lacks : null));
  }

  /** Whether the lines compare the page with what it was before parts of it were erased. */
  get erased() {
    const { state } = this.lens;
    return !state.other && Boolean(state.entryOf(state.key).whole);
  }

  /** Whether the lines have leads. */
  get leads() {
    const { state } = this.lens;
    return !state.other && !this.erased && state.by === "lead";
  }

  /** Whether the bars go both ways. */
  get diverging() {
    return Boolean(this.lens.state.other) || this.erased || this.leads;
  }

  names() {
    const { state } = this.lens;
    const { key, other } = state;
    if (other) {
      const where = state.scoreOf(key) < state.scoreOf(other) ? "below" : "above";
      const caption = "MaxSim of every token on page A and on page B, and their difference";
      return { title: `Why A is ${where} B`, caption };
    }
    if (this.erased) {
      const caption = "MaxSim of every token on the whole page and without what is erased, and their difference";
      return { title: "What erasing changed", caption };
    }
    if (!this.leads) {
      const caption = "MaxSim of every token, its share of the score, and where it was found";
      return { title: "How the score adds up", caption };
    }
    const { text } = state.found.comparison(key);
    return {
      title: `Lead over ${text}`,
      caption: `Lead of every token, its MaxSim, its mean MaxSim on ${text}, and where it was found`,
    };
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
    if (this.leads) {
      const value = state.valueOf(state.key, item.tokens);
      return { item, mine, theirs: mine - value, value };
    }
    const before = this.erased ? state.found.sumWhole(state.key, item.tokens) : 0;
    const theirs = state.other ? state.sumOf(state.other, item.tokens) : before;
    return { item, mine, theirs, value: mine - theirs };
  }

  headRow() {
    const { state } = this.lens;
    const counts = head("", "Whether the token counts", "count");
    counts.append(node("span", { class: "hidden" }, "counts"));
    return node("tr", {}, counts, head(state.unit === "word" ? "word" : "token"), node("td"), ...this.headOfNumbers());
  }

  headOfNumbers() {
    const { state } = this.lens;
    if (state.other)
      return [head("A"), head("B"), head("A − B", "The differences add up to the difference of the scores")];
    if (this.erased)
      return [
        head("before", "MaxSim on the whole page"),
        head("after", "MaxSim without what is erased"),
        head("change", "The changes add up to that of the score"),
      ];
    if (!this.leads) return [head("MaxSim"), head("margin", MARGIN)];
    const { text } = state.found.comparison(state.key);
    const lead = `MaxSim minus expected; the leads add up to the score minus the mean score of ${text}`;
    return [head("lead", lead), head("MaxSim"), head("expected", `Mean MaxSim of the token on ${text}`)];
  }

  numbersOf({ mine, theirs, value }, margin) {
    if (this.lens.state.other) return [number(shown(mine)), number(shown(theirs), "quiet"), number(signed(value))];
    if (this.erased) return [number(shown(theirs), "quiet"), number(shown(mine)), number(signed(value))];
    if (!this.leads) return [number(shown(mine)), number(margin, "quiet")];
    return [number(signed(value)), number(shown(mine), "quiet"), number(shown(theirs), "quiet")];
  }

  row({ item, mine, theirs, value }, at, top) {
    const { lens } = this;
    const { state } = lens;
    const matches = state.matchesOf(item);
    const found = item.id === ADDED ? KINDS.added : matches.map((match) => this.placeOf(match)).join("; ");
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
        { class: this.diverging ? "bar diverging" : "bar" },
        this.bar(value, top, matches, found),
        node("span", { class: "hidden" }, ` ${found}`),
      ),
      ...this.numbersOf({ mine, theirs, value }, margin),
    );
  }

  /** Where the winner of a line is, and where it was before parts of the page were erased. */
  placeOf(match) {
    const { state } = this.lens;
    const now = place(match);
    if (!this.erased) return now;
    const before = place(state.entryOf(state.key).whole.tokens[match.index]);
    return before === now ? now : `${before} → ${now}`;
  }

  bar(value, top, matches, found) {
    const { diverging } = this;
    const away = !diverging && matches.every((match) => match.slot !== "patch");
    const kind = value < 0 ? "negative" : away ? "away" : null;
    const made = node("i", { class: kind, title: away ? found : null }, away ? found : "");
    made.style.width = `${((diverging ? 50 : 100) * Math.abs(value)) / top}%`;
    if (diverging) made.style.marginLeft = value < 0 ? `${50 - (50 * Math.abs(value)) / top}%` : "50%";
    return made;
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
    if (this.erased) return this.footOfErased(mine);
    if (this.leads) {
      const lead = state.valueOf(state.key, state.counted);
      return node(
        "tr",
        {},
        node("td"),
        node("th", { scope: "row" }, "score"),
        node("td", { class: "bar" }, `sum of ${state.counted.length}`),
        node("td", { class: "number" }, signed(lead, 2)),
        total(mine),
        total(mine - lead),
      );
    }
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

  footOfErased(after) {
    const { state } = this.lens;
    const before = state.found.sumWhole(state.key, state.counted);
    return node(
      "tr",
      {},
      node("td"),
      node("th", { scope: "row" }, "score"),
      node("td", { class: "bar" }, `sum of ${state.counted.length}`),
      node("td", { class: "number" }, shown(before, 2)),
      node("td", { class: "number" }, shown(after, 2)),
      node("td", { class: "number" }, signed(after - before, 2)),
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
      this.leads ? "Expected: the token’s mean MaxSim on the pages compared." : "",
      this.erased ? "Before: the whole page. After: the page embedded anew." : "",
      this.diverging ? "" : "Margin: how far the winner is ahead of the best vector elsewhere on the page.",
      !this.diverging && away
        ? "Hollow bars: won off the image, by one of the page’s vectors that are no patches."
        : "",
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
