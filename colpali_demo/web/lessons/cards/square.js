// Card 1: the page beside the exact input.

import { node } from "../../shared/dom.js";
import { count, percent, shown } from "../../shared/text.js";
import { fact, facts, fine, output } from "../parts.js";

export const square = {
  id: "square",
  about: "page",
  short: "Input",
  title: (study) => (study.page.input ? "The page becomes a square" : "The page becomes an input"),
  idea: (study) => {
    const { input } = study.page;
    return input
      ? `Whatever its shape, the page is squashed to ${input.width} × ${input.height} pixels. The model sees nothing else: detail that is lost here is lost for good.`
      : `The page is ${study.value.model.input.text}. The model sees nothing else: detail that is lost here is lost for good.`;
  },
  build(body, study, kit) {
    const page = study.page;
    const { rows, cols } = page.grid;
    const REACH = [0.22, 0.07]; // of the page's width and height, under the magnifier
    const place = [0.5, 0.5];
    const lens = (image) => {
      const size = [Math.max(1, Math.round(REACH[0] * image.naturalWidth)), Math.max(1, Math.round(REACH[1] * image.naturalHeight))];
      const canvas = node("canvas", { width: size[0], height: size[1], class: "magnified", "aria-hidden": "true" });
      return {
        canvas,
        draw() {
          const context = canvas.getContext("2d");
          const left = Math.round(place[0] * image.naturalWidth - size[0] / 2);
          const top = Math.round(place[1] * image.naturalHeight - size[1] / 2);
          context.clearRect(0, 0, ...size);
          context.drawImage(image, left, top, ...size, 0, 0, ...size);
          return context.getImageData(size[0] >> 1, size[1] >> 1, 1, 1).data;
        },
      };
    };
    const images = [study.original, ...(study.picture ? [study.picture] : [])];
    const lenses = images.map(lens);
    const look = (row, col) => {
      study.patch = [row, col];
      for (const sheet of sheets) sheet.mark({ cells: [[row, col]], kind: "cursor" });
      place[0] = (col + 0.5) / cols;
      place[1] = (row + 0.5) / rows;
      const pixel = lenses.map((each) => each.draw()).at(-1);
      if (!page.input) return;
      const { scale, mean, std } = page.input;
      numbers.replaceChildren(
        ...["red", "green", "blue"].map((name, i) =>
          node("span", { class: "channel" }, `${name} ${pixel[i]} → `, node("b", {}, shown((pixel[i] * scale - mean[i]) / std[i], 3))),
        ),
      );
    };
    const numbers = node("dd", { class: "channels" });
    const sheets = [
      kit.sheet({
        label: "The page: the arrow keys move the magnifier",
        pick: look,
        hover: look,
        caption: `The page, ${page.width} × ${page.height}`,
      }),
      ...(page.input
        ? [kit.sheet({
            label: "What the model sees: the arrow keys move the magnifier",
            pick: look,
            hover: look,
            picture: page.input.image,
            caption: `What the model sees, ${page.input.width} × ${page.input.height}`,
          })]
        : []),
    ];
    const words = [];
    if (page.input) {
      const across = page.input.width / page.width;
      const down = page.input.height / page.height;
      const ratio = across / down;
      words.push(
        facts(
          fact("width × height", output("scale", `× ${shown(across, 2)}, × ${shown(down, 2)}`)),
          fact("so letters get", Math.abs(ratio - 1) < 0.005 ? "no other shape" : `${shown(Math.max(ratio, 1 / ratio), 2)} times ${ratio > 1 ? "wider" : "higher"} for their ${ratio > 1 ? "height" : "width"}`),
          fact("between the pixels", `${page.input.resample} interpolation`),
          fact("numbers in all", `${page.input.width} × ${page.input.height} × 3 colors = ${count(page.input.width * page.input.height * 3)}`),
          node("div", { class: "fact" }, node("dt", {}, "pixel in the middle, normalized"), numbers),
        ),
      );
    }
    if (page.legibility) {
      const { pixels, least, share } = page.legibility;
      words.push(
        node(
          "p",
          { class: pixels < least ? "note warn" : "note" },
          node("b", {}, pixels < least ? "Too small to read. " : "Large enough to read. "),
          "A line of the page’s text is ",
          output("line-height", `${shown(pixels, 1)} pixels`),
          ` high in this input (median). Below ${least} letters run together`,
          share > 0 ? `; that is so for ${percent(share)} of its words.` : "; no word of this page is that small.",
        ),
      );
    } else words.push(fine("This page has no text layer, so the size of its letters is not known."));
    const magnified = lenses.map(({ canvas }, i) =>
      node("figure", { class: "magnifier" }, canvas, node("figcaption", {}, i ? "The input, pixel by pixel" : "The page, magnified")),
    );
    body.append(
      node(
        "div",
        { class: "split wide-visual" },
        node("div", { class: "visual" }, node("div", { class: "pair" }, ...sheets.map(({ root }) => root)), node("div", { class: "pair top" }, ...magnified)),
        node("div", { class: "words" }, ...words),
      ),
    );
    look(...study.patch);
  },
};
