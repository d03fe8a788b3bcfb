// The two kinds of layers: cosines of a token with every patch, and MaxSim placed on winners.
//
// A layer has its `values` for each page on show, the scale from `lo` to `hi` that they are drawn on, the `threshold`
// below which nothing is drawn, the `item` that it is about, and a `color` of its own where there may be several.
// It may have `regions` for each page, too: boxes in shares of the page.
//
// `exact` is true where values are terms of the score: those are never smoothed, and 0 means nothing. `signed` is true
// where they are leads: those below 0 are drawn, too.

import { cut, highestOf, union } from "../shared/arrays.js";

const LEAST = 1e-6; // the top of a scale is never below this, so that nothing is divided by 0

/** A layer as it is on one of the pages on show. */
export const onPage = (layer, side) => ({
  ...layer,
  values: layer.values[side],
  ...(layer.regions && { regions: layer.regions[side] }),
});

/** A layer of cosines for every item chosen. */
export function similarityLayers(scene) {
  const { calibrated, threshold } = scene;
  return scene.items.map((item) => {
    const range = rangeOf(item, scene);
    const { lo, hi } = range;
    return {
      item,
      values: scene.pages.map((maps) => maps.map(item, calibrated)),
      lo,
      hi,
      threshold: threshold === null ? cut(range) : lo + threshold * (hi - lo),
      color: item.color,
    };
  });
}

function rangeOf(item, { scale, pages, every, calibrated, range }) {
  if (scale === "token") return union(pages.map((maps) => maps.extent(item, calibrated)));
  if (scale === "page") return union(pages.map((maps) => maps.extentOfAll(calibrated)));
  return calibrated ? union(every.map((maps) => maps.extentOfAll(true))) : range;
}

/** One layer: the terms of all items chosen, or their leads, each on its winner. */
export function contributionLayers(scene, threshold = 0) {
  const indices = scene.parts.flatMap((item) => item.tokens);
  const values = scene.placed(indices);
  const scope = scene.scale === "all" ? scene.placedEverywhere(indices) : values;
  const hi = Math.max(LEAST, ...scope.map((each) => highestOf(each, 0)));
  const lo = Math.min(0, ...scope.map((each) => each.reduce((low, value) => Math.min(low, value), 0)));
  const signed = scene.by === "lead";
  return [{ item: scene.sum, values, lo: signed ? lo : 0, hi, threshold, exact: true, signed }];
}

// What a legend says of every such layer.
export const sums = ({ by }) =>
  by === "lead"
    ? "Lead: MaxSim minus its mean on the pages compared; green is behind. A patch that wins several carries their sum."
    : "A patch that wins several tokens carries their sum.";
// What a caption calls what is placed on winners.
export const placed = ({ by }) => (by === "lead" ? "lead" : "MaxSim");
export const cosineScale = ({ minus, scale }) => `Cosine${minus}; colors on the scale of ${scale}.`;
