// The toolbar and the check boxes: overlay, picture, zoom, tokens or words, how things are drawn.

import { OVERLAYS } from "../overlays/index.js";
import { bar, segments } from "../shared/dom.js";
import { REGISTER_SHARE, REGISTER_TOKENS } from "../shared/maps.js";
import { percent } from "../shared/text.js";
import { MAX_ZOOM, zoomAt, zoomIn } from "./pointing.js";

const UNITS = [
  ["word", "Words", "Subwords grouped: their maxima add up"],
  ["token", "Tokens", "Every subword by itself"],
];
const PICTURES = [
  ["page", "Page"],
  ["input", "Model input", "The page squashed to the shape that the model sees"],
];
const NO_INPUT = "This model sees pages in their own shape, so there is no other picture";
const ONE_TOKEN = "One map shows one token: choose a word first";
const SWITCHES = ["several", "smooth", "calibrated", "registers"];

export class Toolbar {
  constructor(lens, stages) {
    this.lens = lens;
    const { part } = lens;
    const overlays = OVERLAYS.map(({ id, title, hint }) => [id, title, hint]);
    this.markOverlay = segments(part("overlay"), overlays, (choice) => lens.set("overlay", choice));
    this.markUnit = segments(part("unit"), UNITS, (choice) => lens.setUnit(choice));
    this.markPicture = segments(part("picture"), PICTURES, (choice) => lens.setPicture(choice));
    for (const name of SWITCHES)
      part(name).addEventListener("change", (event) => {
        if (name === "calibrated") lens.state.threshold = null;
        lens.set(name, event.target.checked);
      });
    const [first] = stages.both;
    part("zoom-in").addEventListener("click", () => zoomIn(first, lens));
    part("zoom-out").addEventListener("click", () => zoomAt(first, lens, 0.5));
    part("zoom-reset").addEventListener("click", () => lens.setZoom(1, 0, 0));
  }

  build() {
    const { part, state } = this.lens;
    const maps = state.mapsOf(state.key);
    this.markPicture(state.picture, (choice) => (choice === "input" && !maps.entry.input ? NO_INPUT : null));
    this.markUnit(state.unit);
    this.zoom();
    for (const name of SWITCHES) part(name).checked = state[name];
    part("registers-count").textContent = `(${maps.registers().length})`;
    part("registers-label").title =
      `Patches that are among the hottest ${percent(REGISTER_SHARE)} for at least ` +
      `${percent(REGISTER_TOKENS)} of all tokens: hot whatever the query`;
  }

  show(view) {
    const barred = (id) => view.whole && OVERLAYS.find((overlay) => overlay.id === id).whole !== undefined;
    this.markOverlay(view.overlay.id, (id) => (barred(id) ? ONE_TOKEN : null));
  }

  zoom() {
    const { factor } = this.lens.state.zoom;
    const { part } = this.lens;
    part("zoom-reset").textContent = `${Math.round(100 * factor)} %`;
    bar(part("zoom-out"), factor <= 1 ? "This is the whole page" : null);
    bar(part("zoom-in"), factor >= MAX_ZOOM ? "It gets no larger" : null);
  }
}
