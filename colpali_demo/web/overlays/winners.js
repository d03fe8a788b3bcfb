// Nothing but the boxes of the winners, with the numbers of their chips and lines to them.

import { contributionLayers, SUMS } from "./layers.js";

export const winners = {
  id: "winners",
  title: "Winners",
  hint: "Numbered boxes, with lines to their chips",
  numbered: true,
  layers: (scene) => contributionLayers(scene),
  paint() {},
  caption: () => ["Winners", " · the numbers are those of the chips"],
  legend: () => [SUMS],
};
