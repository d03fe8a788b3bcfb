// Where the score came from, as a highlighter would mark it: boxes around words of the page, to cite.

import { contributionLayers, sums } from "./layers.js";

const INK = [255, 210, 31];
const FAINTEST = 0.3; // opacity of the region that adds least
const LEAST = 0.02; // of the strongest region: less is not marked

const opacity = (share) => FAINTEST + (1 - FAINTEST) * share;

export const regions = {
  id: "regions",
  title: "Regions",
  hint: "Where the score came from, marked around the words of the page",
  unboxed: true,
  ink:
    ({ hi }) =>
    (data, at, value) => {
      if (value > 0) data.set([...INK, 255 * opacity(Math.min(1, value / hi))], at);
    },
  layers: (scene) => contributionLayers(scene).map((layer) => ({ ...layer, regions: markedRegions(scene) })),
  paint(surface, [{ regions: marked }]) {
    const { context } = surface;
    context.fillStyle = `rgb(${INK.join(" ")})`;
    for (const { box, share } of marked) {
      const { left, top, width, height } = surface.part(box);
      context.globalAlpha = opacity(share);
      context.fillRect(left, top, width, height);
    }
    context.globalAlpha = 1;
  },
  caption: ({ by }) => ["Regions", ` · words where the ${by} came from; stronger ink, more of it`],
  legend: (view) => ["A region joins winners that touch, and is widened to whole words.", sums(view)],
};

/** Of each page the regions of the tokens on show that add something: {box, share} of what the strongest adds. */
function markedRegions({ regions: pages, parts }) {
  const shown = new Set(parts.flatMap((item) => item.tokens));
  return pages.map((found) => {
    const among = found.filter(({ tokens }) => tokens.some((token) => shown.has(token)));
    const top = Math.max(...among.map(({ value }) => value), 1e-6);
    return among
      .filter(({ value }) => value >= LEAST * top)
      .map(({ left, top: from, right, bottom, value }) => ({ box: [left, from, right, bottom], share: value / top }));
  });
}
