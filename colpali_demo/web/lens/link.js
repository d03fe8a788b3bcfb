// What a link or a file says about what is on show, and how it is read back.

import { itemsOf, SUM } from "../shared/tokens.js";
import { MAX_PINS, overlayCalled } from "./view.js";

/** [name, value] pairs that `restored` understands. */
export const restoring = (state) => [
  ["show", state.key], // Gradio has a "page" of its own
  ["token", state.pins.join(",") || SUM],
  ["overlay", state.overlay],
  ["by", state.measure],
];

/**
 * Show what a link or a file says, as far as it makes sense here. Returns whether it said which tokens to show, be it
 * that of the whole query.
 */
export function restored(state, text) {
  const given = new URLSearchParams(text);
  if (overlayCalled(given.get("overlay"))) state.overlay = given.get("overlay");
  if (["lead", "score"].includes(given.get("by"))) state.measure = given.get("by");
  const pins = (given.get("token") || "").split(",");
  const tokens = pins.map((id) => state.tokens[id]).filter(Boolean);
  if (pins.some((id) => /^w\d+$/.test(id))) state.unit = "word";
  else if (tokens.length) state.unit = "token";
  if (tokens.some((token) => token.kind !== "word")) state.open = true;
  state.items = itemsOf(state.found.value.query, state.unit, state.open);
  const page = given.get("show");
  if (state.found.pages.has(page)) state.key = page;
  const known = pins.filter((id) => state.itemOf(id)).slice(0, MAX_PINS);
  if (known.length) state.pins = known;
  else if (pins[0] === SUM) state.pins = [];
  return known.length > 0 || pins[0] === SUM;
}

/** The query part of a link that restores search and view. */
export function restoringQuery(state) {
  const { samples, query, model } = state.found.value;
  return new URLSearchParams([
    ...(model.choice ? [["model", model.choice]] : []),
    ...samples.map((sample) => ["sample", sample]),
    ["q", query.text],
    ...restoring(state),
  ]);
}
