// The winners, with lines from their chips, and no more color than the words under them can be read through.

import { contributionLayers, placed, sums } from "./layers.js";

export const winners = {
  id: "winners",
  title: "Winners",
  hint: "Where each word found its best match, with lines from the words",
  numbered: true,
  layers: (scene) => contributionLayers(scene),
  paint(surface, [layer]) {
    surface.fill(layer, surface.palette.wash(layer));
  },
  caption: (view) => ["Winners", ` · where each word found its best match; stronger lines, more ${placed(view)}`],
  legend: (view) => [sums(view)],
};
