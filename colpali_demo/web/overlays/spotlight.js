// The page darkened, but for what is hot.

import { contributionLayers, cosineScale, similarityLayers, sums } from "./layers.js";

const DARK = [14, 13, 12, 190]; // red, green, blue, opacity

export const spotlight = {
  id: "spotlight",
  title: "Spotlight",
  hint: "The page darkened but for the hot patches",
  // Of the whole query a patch is hot that wins any token, with however small a term.
  layers: (scene) => (scene.whole ? contributionLayers(scene, Number.MIN_VALUE) : similarityLayers(scene)),
  paint(surface, layers) {
    const { rows, cols } = surface.grid;
    // How far the value of the token that finds it hottest is above that token's threshold.
    const above = new Float32Array(rows * cols).fill(-Infinity);
    for (const { values, threshold } of layers)
      for (let i = 0; i < above.length; i++) above[i] = Math.max(above[i], values[i] - threshold);
    surface.fill({ values: above, exact: layers[0].exact }, (data, at, value) => {
      if (value < 0) data.set(DARK, at);
    });
  },
  caption: ({ whole, by }, { tokens, minus }) => [
    "Spotlight",
    whole
      ? ` · patches that win a token${by === "lead" ? " and are ahead by it" : ""}`
      : ` · patches at or above the threshold for ${tokens}${minus}`,
  ],
  legend: (view, names) =>
    view.whole ? [sums(view)] : [cosineScale(names), `Below ${names.below} the page is darkened.`],
};
