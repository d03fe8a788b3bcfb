// What a first visitor may try: goes once a word has been looked at, and does not come back.

import { node, remembered } from "../shared/dom.js";

const FOLLOWED = "lens-hint-followed";

export class Hint {
  constructor(lens) {
    this.lens = lens;
    this.followed = Boolean(remembered?.getItem(FOLLOWED));
  }

  build() {
    const { lens } = this;
    const offered = this.followed ? null : lens.state.offered();
    lens.part("hint").hidden = !offered;
    if (!offered) return;
    lens
      .part("hint")
      .replaceChildren(
        node("b", {}, "Try it: "),
        "point at a word, or tap it, and the page shows where it was found. Start with ",
        node("button", { type: "button", class: "term", onclick: () => lens.pin(offered.id) }, offered.name),
        ".",
      );
  }

  show(view) {
    if (this.followed || view.whole) return;
    this.followed = true;
    remembered?.setItem(FOLLOWED, "yes");
    this.lens.part("hint").hidden = true;
  }
}
