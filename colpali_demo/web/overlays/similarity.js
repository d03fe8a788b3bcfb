// What a token finds on every patch.

import { cosineScale, similarityLayers } from "./layers.js";

export const similarity = {
  id: "similarity",
  title: "Similarity",
  hint: "Cosine of the token with every patch",
  whole: "winners",
  layers: similarityLayers,
  paint(surface, layers) {
    if (layers.length === 1) surface.fill(layers[0], surface.palette.heat(layers[0]));
    else if (surface.smooth) for (const layer of layers) surface.fill(layer, surface.palette.tint(layer));
    else paintStrips(surface, layers);
  },
  caption: ({ items }, { tokens, minus, patches }) => [
    `Similarity map${items.length > 1 ? "s" : ""}`,
    ` of ${tokens}${minus} · cosine with each of ${patches}`,
  ],
  legend: (_, names) => [cosineScale(names), `Below ${names.below} nothing is drawn.`],
};

/** Several tokens at once: a patch is striped in the colors of those that find it hot. */
function paintStrips(surface, layers) {
  const { context, palette } = surface;
  surface.eachCell((cell, row, col) => {
    const hot = layers.filter(({ values, threshold }) => values[cell] >= threshold);
    if (!hot.length) return;
    const { left, top, width, height } = surface.box(row, col);
    const step = width / hot.length;
    hot.forEach((layer, i) => {
      context.fillStyle = layer.color;
      context.globalAlpha = palette.tintOpacity(layer, layer.values[cell]);
      context.fillRect(left + i * step, top, step, height);
    });
  });
  context.globalAlpha = 1;
}
