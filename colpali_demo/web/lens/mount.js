// The lens on the page: puts the panels together and lets other components see and move what is on show.

import { ASKED, SETTLED } from "../shared/events.js";
import { Presenter } from "../shared/presenter.js";
import { ADDED } from "../shared/tokens.js";
import { Beats } from "./beats.js";
import { Chips } from "./chips.js";
import { Erasing } from "./erasing.js";
import { Headline } from "./headline.js";
import { Hint } from "./hint.js";
import { Leaders } from "./leaders.js";
import { Ledger } from "./ledger.js";
import { Lens } from "./lens.js";
import { Notes } from "./notes.js";
import { Ranking } from "./ranking.js";
import { Scale } from "./scale.js";
import { Stages } from "./stages.js";
import { Take } from "./take.js";
import { Toolbar } from "./toolbar.js";
import { WhatIf } from "./whatif.js";

export function mount({ element, trigger, props, watch }) {
  const lens = new Lens({ element, trigger, props });
  const stages = new Stages(lens);
  lens.panels.push(
    new Notes(lens),
    stages,
    new Toolbar(lens, stages),
    new Ranking(lens),
    new Chips(lens),
    new Ledger(lens),
    new WhatIf(lens),
    new Erasing(lens, stages),
    new Headline(lens),
    new Beats(lens),
    new Hint(lens),
    new Scale(lens),
    new Leaders(lens, stages),
    new Take(lens, stages),
  );
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") lens.release();
  });
  const button = lens.part("present");
  const presenter = new Presenter(lens.part("lens"), {
    changed: () => button.setAttribute("aria-pressed", presenter.on),
  });
  button.addEventListener("click", () => presenter.toggle());
  document.addEventListener(ASKED, ({ detail }) => lens.ask(detail.text));
  document.addEventListener(SETTLED, () => lens.settle());
  element.lens = publicFace(lens);
  element.lensValue = () => lens.state.found.value; // the JSON behind the picture, for scripts
  element.dataset.lens = "";
  watch("value", () => lens.load());
  lens.load();
}

/** What other components use of the lens. */
function publicFace(lens) {
  const { state } = lens;
  return {
    /** What a search found, decoded; null when there is nothing to show. */
    get found() {
      return state.found;
    },
    get key() {
      return state.key;
    },
    get view() {
      return lens.view;
    },
    get patch() {
      return state.patch;
    },
    get off() {
      return state.off;
    },
    /** Preview a token, and point at a patch {row, col} of the page on show; null: neither. */
    point(token, patch) {
      state.patch = patch ? { ...patch, side: 0 } : null;
      state.preview = token === null ? null : String(token);
      lens.show();
    },
    pin(token, more) {
      if (state.itemWith(token).id === ADDED) lens.setUnit(state.unit, true);
      lens.pin(state.itemWith(token).id, more);
    },
  };
}
