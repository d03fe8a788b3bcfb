// Each token's term of the score, on the place it was found.

import { contributionLayers, SUMS } from "./layers.js";

export const contribution = {
  id: "contribution",
  title: "Contribution",
  hint: "Each token’s MaxSim on the patch that won it",
  layers: (scene) => contributionLayers(scene),
  paint: (surface, [layer]) => surface.fill(layer, surface.palette.heat(layer)),
  caption: () => ["Contribution map", " · each token’s MaxSim on its winner"],
  legend: (_, { top, scale }) => [`Colors from 0 to ${top}, scale of ${scale}.`, SUMS],
};
