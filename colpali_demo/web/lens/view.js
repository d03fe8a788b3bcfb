// What the lens draws, worked out from its state.

import { OVERLAYS } from "../overlays/index.js";
import { cellsKey } from "../shared/cells.js";
import { PIN_COLORS } from "../shared/palette.js";
import { ranges } from "../shared/text.js";
import { SUM } from "../shared/tokens.js";

export const MAX_PINS = PIN_COLORS.length;

const SLIGHT = 0.1; // share of what the strongest winner adds: lines below it are thin

export const overlayCalled = (id) => OVERLAYS.find((overlay) => overlay.id === id);

/**
 * What is on show. `whole` is true for the whole query; `items` are those chosen, `parts` those whose winners are
 * boxed; `overlay` is the one in use and `layers` what it paints, each with values for every page on show.
 */
export function viewOf(state) {
  const ids = state.preview !== null ? [state.preview] : state.pins;
  const whole = !ids.length || ids[0] === SUM;
  const chosen = whole ? [] : ids.map((id, at) => ({ ...state.itemOf(id), color: PIN_COLORS[at % MAX_PINS] }));
  const sum = { id: SUM, tokens: state.counted, name: "the whole query", kind: "whole" };
  const items = whole ? [sum] : chosen;
  const parts = whole ? countedParts(state) : chosen;
  const picked = overlayCalled(state.overlay);
  const overlay = (whole && overlayCalled(picked.whole)) || picked;
  const layers = overlay.layers({
    whole,
    items,
    parts,
    sum,
    by: state.by,
    placed: (tokens) => state.keys.map((key) => state.placed(key, tokens)),
    placedEverywhere: (tokens) => [...state.found.pages.keys()].map((key) => state.placed(key, tokens)),
    pages: state.keys.map((key) => state.mapsOf(key)),
    regions: state.keys.map((key) => state.regionsOf(key)),
    every: [...state.found.pages.values()],
    scale: state.scale,
    threshold: state.threshold,
    calibrated: state.calibrated,
    range: state.found.value.range,
  });
  return { overlay, whole, items, parts, layers, by: state.by };
}

/** All items, without the tokens that do not count. */
function countedParts({ items, off }) {
  return items
    .map((item) => ({ ...item, tokens: item.tokens.filter((token) => !off.has(token)) }))
    .filter((item) => item.tokens.length);
}

/** Whether boxes need the numbers of chips to be told apart. */
export const isNumbered = (view) => Boolean(view.overlay.numbered) || view.items.length > 1;

/**
 * Outlines of the winners on a page, as the stage draws them: one for each set of cells. `value(token)` is what a token
 * adds there. Of the whole query, what adds little is drawn thin, and what the model adds has no number.
 */
export function winnerMarks(view, maps, value = (token) => maps.entry.tokens[token].maxsim) {
  const numbered = isNumbered(view);
  const places = new Map();
  for (const item of view.parts)
    for (const { cells, index } of maps.matches(item.tokens)) {
      const key = cellsKey(cells);
      if (!places.has(key)) places.set(key, { cells, items: [], sum: 0 });
      const place = places.get(key);
      place.sum += value(index);
      if (!place.items.includes(item)) place.items.push(item);
    }
  const top = Math.max(...[...places.values()].map(({ sum }) => Math.abs(sum)), 1e-6);
  const among = view.parts.length > 1 && view.items.length === 1;
  return [...places.values()].map(({ cells, items, sum }) => {
    const named = items.filter((item) => item.kind !== "added");
    const slight = among && (!named.length || Math.abs(sum) < SLIGHT * top);
    return {
      cells,
      kind: ["box", among && "small", slight && "slight", among && sum < 0 && "behind"].filter(Boolean).join(" "),
      color: view.items.length > 1 ? items[0].color : null,
      badge: numbered && named.length ? ranges(named.map((item) => item.number)) : null,
    };
  });
}

/** Outlines of the register-like patches of a page. */
export function registerMarks(maps) {
  const { cols } = maps.entry.grid;
  return maps.registers().map((cell) => ({ cells: [[Math.floor(cell / cols), cell % cols]], kind: "register" }));
}
