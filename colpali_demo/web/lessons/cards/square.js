// Card 1: the page beside the exact input.

import { spanOf } from "../../shared/cells.js";
import { node } from "../../shared/dom.js";
import { count, percent, shown } from "../../shared/text.js";
import { fact, facts, fine, output } from "../parts.js";

const REACH = [0.22, 0.07]; // shares of the page's width and height under the magnifier
const LOST = "The model sees nothing else: detail that is lost here is lost for good.";

export const square = {
  id: "square",
  about: "page",
  short: "Input",
  keep: "The model sees a picture of a fixed size, and letters that are too small in it are lost.",
  title: (study) => (study.page.input ? "The page becomes a square" : "The page becomes an input"),
  idea(study) {
    const { input } = study.page;
    return input
      ? `Whatever its shape, the page is squashed to ${input.width} × ${input.height} pixels. ${LOST}`
      : `The page is ${study.value.model.input.text}. ${LOST}`;
  },
  build(body, study, kit) {
    const { page } = study;
    const { down, across } = spanOf(page.grid);
    const lenses = [study.original, study.picture].filter(Boolean).map(magnifier);
    const channels = node("dd", { class: "channels" });
    const look = (row, col) => {
      study.patch = [row, col];
      for (const sheet of sheets) sheet.mark({ cells: [[row, col]], kind: "cursor" });
      const pixel = lenses.map((lens) => lens.draw((col + 0.5) / across, (row + 0.5) / down)).at(-1);
      if (page.input) channels.replaceChildren(...normalized(pixel, page.input));
    };
    const sheets = sheetsOf(page, kit, look);
    const magnified = lenses.map(({ canvas }, i) => {
      const caption = node("figcaption", {}, i ? "The input, pixel by pixel" : "The page, magnified");
      return node("figure", { class: "magnifier" }, canvas, caption);
    });
    const words = [...(page.input ? [squashing(page, channels)] : []), legibility(page)];
    body.append(
      node(
        "div",
        { class: "columns" },
        node(
          "div",
          { class: "visual" },
          node("div", { class: "pair" }, ...sheets.map(({ root }) => root)),
          node("div", { class: "pair top" }, ...magnified),
        ),
        node("div", { class: "words" }, ...words),
      ),
    );
    look(...study.patch);
  },
};

/** The page, and beside it what the model sees, where that is another picture. */
function sheetsOf(page, kit, look) {
  const { input } = page;
  const pointed = { pick: look, hover: look };
  const original = kit.sheet({
    label: "The page: the arrow keys move the magnifier",
    caption: `The page, ${page.width} × ${page.height}`,
    ...pointed,
  });
  if (!input) return [original];
  const seen = kit.sheet({
    label: "What the model sees: the arrow keys move the magnifier",
    caption: `What the model sees, ${input.width} × ${input.height}`,
    picture: input.image,
    ...pointed,
  });
  return [original, seen];
}

/** A canvas for a part of an image; `draw` shows the part around a place and returns the pixel in its middle. */
function magnifier(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const size = [Math.max(1, Math.round(REACH[0] * width)), Math.max(1, Math.round(REACH[1] * height))];
  const canvas = node("canvas", { width: size[0], height: size[1], class: "magnified", "aria-hidden": "true" });
  return {
    canvas,
    draw(across, down) {
      const context = canvas.getContext("2d");
      const [left, top] = [Math.round(across * width - size[0] / 2), Math.round(down * height - size[1] / 2)];
      context.clearRect(0, 0, ...size);
      context.drawImage(image, left, top, ...size, 0, 0, ...size);
      return context.getImageData(size[0] >> 1, size[1] >> 1, 1, 1).data;
    },
  };
}

/** The colors of a pixel, and the numbers that the model gets for them. */
function normalized(pixel, { scale, mean, std }) {
  return ["red", "green", "blue"].map((name, i) => {
    const number = shown((pixel[i] * scale - mean[i]) / std[i], 3);
    return node("span", { class: "channel" }, `${name} ${pixel[i]} → `, node("b", {}, number));
  });
}

function squashing({ width, height, input }, channels) {
  const [across, down] = [input.width / width, input.height / height];
  const ratio = across / down;
  const times = shown(Math.max(ratio, 1 / ratio), 2);
  const shape = ratio > 1 ? `${times} times wider for their height` : `${times} times higher for their width`;
  const numbers = count(input.width * input.height * 3);
  return facts(
    fact("width × height", output("scale", `× ${shown(across, 2)}, × ${shown(down, 2)}`)),
    fact("so letters get", Math.abs(ratio - 1) < 0.005 ? "no other shape" : shape),
    fact("between the pixels", `${input.resample} interpolation`),
    fact("numbers in all", `${input.width} × ${input.height} × 3 colors = ${numbers}`),
    node("div", { class: "fact" }, node("dt", {}, "pixel in the middle, normalized"), channels),
  );
}

function legibility(page) {
  if (!page.legibility) return fine("This page has no text layer, so the size of its letters is not known.");
  const { pixels, least, share } = page.legibility;
  return node(
    "p",
    { class: pixels < least ? "note warn" : "note" },
    node("b", {}, pixels < least ? "Too small to read. " : "Large enough to read. "),
    "A line of the page’s text is ",
    output("line-height", `${shown(pixels, 1)} pixels`),
    ` high in this input (median). Below ${least} letters run together`,
    share > 0 ? `; that is so for ${percent(share)} of its words.` : "; no word of this page is that small.",
  );
}
