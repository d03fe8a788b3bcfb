// Why this page and not the next: one sentence under the headline, and the way to both side by side.

import { node } from "../shared/dom.js";
import { toldApart } from "../shared/lead.js";
import { shown } from "../shared/text.js";
import { toldTerms } from "./headline.js";

export class Beats {
  constructor(lens) {
    this.lens = lens;
  }

  build() {
    const { lens } = this;
    const { state, part } = lens;
    const [first, next] = state.ranking;
    const other = first.key === state.key ? next : first;
    part("beats").hidden = !other || Boolean(state.other);
    if (!other || state.other) return part("beats").replaceChildren();
    const difference = (tokens) => state.sumOf(state.key, tokens) - state.sumOf(other.key, tokens);
    const total = state.scoreOf(state.key) - other.score;
    const terms = state.words.map((item) => [item, difference(item.tokens)]);
    const told = { ...toldApart(terms, total), nothing: [] };
    const amount = shown(Math.abs(total), 2);
    part("beats").replaceChildren(
      node("b", {}, `${total < 0 ? "Behind" : "Ahead of"} #${other.rank}`),
      `, ${nameOf(other, state)}, by ${amount}: `,
      ...toldTerms(lens, told, true),
      ...(this.canShow(other) ? [this.sideBySide(other)] : []),
    );
  }

  count() {
    this.build();
  }

  canShow({ key }) {
    return !this.lens.alone || this.lens.state.found.pages.has(key);
  }

  sideBySide(other) {
    return node(
      "button",
      {
        type: "button",
        class: "side-by-side",
        title: `Both pages side by side, token by token: #${other.rank} as B`,
        onclick: () => this.lens.compare(other.key),
      },
      "A | B",
    );
  }
}

function nameOf({ source, page }, state) {
  return source === state.entryOf(state.key).source ? `page ${page}` : `page ${page} of ${source}`;
}
