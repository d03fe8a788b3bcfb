// The ranking: cards of the best pages, lines of the others, and what to compare with what.

import { node } from "../shared/dom.js";
import { plural, shown } from "../shared/text.js";

export class Ranking {
  constructor(lens) {
    this.lens = lens;
    this.list = lens.part("ranking");
  }

  build() {
    const { list } = this;
    const { state } = this.lens;
    const hits = state.found.value.ranking.filter((entry) => entry.hit).length;
    const isCard = (entry) => entry.rank <= hits || state.keys.includes(entry.key);
    const cards = state.ranking.filter(isCard);
    const others = state.ranking.filter((entry) => !isCard(entry));
    const best = Math.max(...state.ranking.map((entry) => entry.score), 1e-6);
    const open = list.querySelector("details")?.open;
    const focused = list.contains(document.activeElement) && { ...document.activeElement.dataset };
    list.replaceChildren(
      node("div", { class: "rank-cards" }, ...cards.map((entry) => this.card(entry, best))),
      node(
        "p",
        { class: "legend-typed" },
        node("i", { class: "typed" }),
        "words you typed ",
        node("i"),
        "tokens the model adds",
      ),
      others.length
        ? node(
            "details",
            { class: "rank-others", open },
            node("summary", {}, `${plural(others.length, "other page")}`),
            ...others.map((entry) => this.line(entry)),
          )
        : "",
    );
    if (focused) this.focusAgain(focused);
  }

  count() {
    this.build();
  }

  /** The server was asked for a page. */
  await(key) {
    this.list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.setAttribute("aria-busy", "true");
  }

  focusAgain({ key, versus }) {
    const find = (name, value) => this.list.querySelector(`[data-${name}="${CSS.escape(value)}"]`);
    const again = key ? find("key", key) : find("versus", versus) || find("key", versus);
    again?.focus({ preventScroll: true });
  }

  card(entry, best) {
    const picture = entry.thumb ? node("img", { src: entry.thumb.url, alt: "", loading: "lazy" }) : null;
    const inside = [picture, this.numbers(entry), this.share(entry, best), sourceOf(entry)];
    return node("div", { class: "rank-item" }, this.opener(entry, "rank-card", inside), this.versus(entry));
  }

  line(entry) {
    const inside = [this.numbers(entry), sourceOf(entry)];
    return node("div", { class: "rank-item small" }, this.opener(entry, "rank-line", inside), this.versus(entry));
  }

  /** Whether nothing can be shown of a page, and no server asked for it. */
  isMissing(entry) {
    return this.lens.alone && !this.lens.state.found.pages.has(entry.key);
  }

  opener(entry, kind, inside) {
    return node(
      "button",
      {
        type: "button",
        class: kind,
        "data-key": entry.key,
        "aria-current": entry.key === this.lens.state.key ? "true" : null,
        title: `${entry.source}, page ${entry.page}${this.isMissing(entry) ? this.reason() : ""}`,
        disabled: this.isMissing(entry),
        onclick: () => this.lens.openPage(entry.key),
      },
      ...inside,
    );
  }

  reason() {
    return this.lens.props.offline ? ": not in this file" : ": opens when the model is loaded";
  }

  numbers(entry) {
    const { key, other } = this.lens.state;
    const letter = other && entry.key === key ? " A" : entry.key === other ? " B" : "";
    return node(
      "span",
      { class: "rank-numbers" },
      node("b", {}, `#${entry.rank}`, letter),
      this.movement(entry),
      node("span", { class: "rank-score" }, shown(entry.score, 2)),
    );
  }

  /** How far a page has moved with the last change of what counts. */
  movement(entry) {
    const before = this.lens.state.before.get(entry.key);
    if (!before || before === entry.rank) return null;
    const up = before > entry.rank;
    const text = `${up ? "▲" : "▼"}${Math.abs(before - entry.rank)}`;
    return node("span", { class: `moved ${up ? "up" : "down"}`, title: `was ${before}` }, text);
  }

  /** Bars of what typed words and other tokens add to a score, on the scale of the best. */
  share(entry, best) {
    const { state } = this.lens;
    const words = state.sumOf(entry.key, state.typed);
    const bar = node("span", { class: "share", "aria-hidden": "true" }, node("i", { class: "typed" }), node("i"));
    bar.children[0].style.width = `${Math.max(0, (100 * words) / best)}%`;
    bar.children[1].style.width = `${Math.max(0, (100 * (entry.score - words)) / best)}%`;
    return bar;
  }

  /** The button that compares a page with the one on show. */
  versus(entry) {
    const { key, other } = this.lens.state;
    if (entry.key === key || this.isMissing(entry)) return null;
    const on = entry.key === other;
    return node(
      "button",
      {
        type: "button",
        class: "versus",
        "aria-pressed": on,
        "aria-label": `Compare with rank ${entry.rank}: ${entry.source}, page ${entry.page}`,
        title: on ? "End the comparison" : "Compare with the page on show",
        "data-versus": entry.key,
        onclick: () => this.lens.compare(on ? null : entry.key),
      },
      on ? "× B" : "A | B",
    );
  }
}

const sourceOf = (entry) =>
  node(
    "span",
    { class: "rank-source" },
    node("span", { class: "rank-name" }, entry.source),
    node("span", {}, `p. ${entry.page}`),
  );
