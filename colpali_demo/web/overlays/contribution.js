// Each token's term of the score, on the place it was found.

import { contributionLayers, placed, sums } from "./layers.js";

export const contribution = {
  id: "contribution",
  title: "Contribution",
  hint: "What each token adds, on the patch that won it",
  layers: (scene) => contributionLayers(scene),
  paint: (surface, [layer]) => surface.fill(layer, surface.palette.heat(layer)),
  caption: (view) => ["Contribution map", ` · each token’s ${placed(view)} on its winner`],
  legend: (view, { top, scale }) => [`Colors up to ${top}, scale of ${scale}.`, sums(view)],
};
