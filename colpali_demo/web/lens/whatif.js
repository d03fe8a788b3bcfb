// What if: the line about tokens that do not count, and the form that encodes the query with another prefix.

import { node } from "../shared/dom.js";
import { plural, quoted, shown } from "../shared/text.js";
import { visibleNewlines } from "../shared/tokens.js";

export class WhatIf {
  constructor(lens) {
    this.lens = lens;
    const { part } = lens;
    part("again-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.encodeAgain({ prefix: part("prefix").value, augmentation: Number(part("augmentation").value) });
    });
  }

  arrive() {
    const { part, alone } = this.lens;
    const { query, model } = this.lens.state.found.value;
    part("again").hidden = alone;
    part("prefix").value = query.prefix;
    part("augmentation").value = query.augmentation;
    const usual = `${quoted(model.prefix)} and ${plural(model.augmentation, "augmentation token")}`;
    part("again-text").textContent = `This checkpoint was trained with the prefix ${usual}.`;
    part("again-form").removeAttribute("aria-busy");
  }

  build() {
    const { state, part } = this.lens;
    const { query, model } = state.found.value;
    const differs = query.prefix !== model.prefix || query.augmentation !== model.augmentation;
    const line = state.off.size ? this.withoutTokens() : differs ? this.otherwise(query) : [];
    part("whatif").replaceChildren(...line);
  }

  count() {
    this.build();
  }

  withoutTokens() {
    const { state } = this.lens;
    const now = state.ranked(state.key);
    const before = state.found.value.ranking.find((entry) => entry.key === state.key);
    return [
      node("b", {}, "What if "),
      `${plural(state.off.size, "token")} did not count: score ${shown(before.score, 2)} → `,
      node("b", {}, shown(now.score, 2)),
      `, rank ${before.rank} → `,
      node("b", {}, String(now.rank)),
      " ",
      linkish("count all again", () => this.lens.setOff(null)),
    ];
  }

  otherwise(query) {
    const prefix = quoted(visibleNewlines(query.prefix));
    return [
      node("b", {}, "What if "),
      `encoded with prefix ${prefix} and ${plural(query.augmentation, "augmentation token")} `,
      ...(this.lens.alone ? [] : [linkish("as usual", () => this.encodeAgain(this.lens.state.found.value.model))]),
    ];
  }

  /** Ask for the same search with another prefix and number of augmentation tokens. */
  encodeAgain({ prefix, augmentation }) {
    this.lens.part("again-form").setAttribute("aria-busy", "true");
    this.lens.trigger("encode_again", { prefix, augmentation: String(augmentation) });
  }
}

const linkish = (text, onclick) => node("button", { type: "button", class: "linkish", onclick }, text);
