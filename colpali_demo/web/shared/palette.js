// The colors of values: the color map of the package, and those of several tokens at once.

import { bytes } from "./arrays.js";

// Okabe and Ito's colors, which color-blind people tell apart.
export const PIN_COLORS = ["#0072b2", "#d55e00", "#009e73", "#b8487f", "#8a6d00", "#3a93c9"];

// Of values below zero, where those above have the colors of the map: the only green among them.
const BEHIND = [0, 128, 111];

const WASH = 0.6; // share of the opacity of heat

const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
const clamped = (share) => Math.max(0, Math.min(1, share));

/** How far a value of a layer is from the threshold to the top, from 0 to 1. */
const shareOf = ({ hi, threshold }, value) => clamped((value - threshold) / (hi - threshold || 1));

/** Colors as colormap.colorize has them. */
export class Palette {
  /** colors: base64 of colormap.TABLE, 256 x (red, green, blue); faintest: the opacity at the threshold. */
  constructor({ colors, faintest }) {
    this.table = bytes(colors);
    this.faintest = faintest;
  }

  opacity(share) {
    return this.faintest + (1 - this.faintest) * share;
  }

  /** Write the color of a share of the way from the threshold to the top into the pixel that begins at `at`. */
  write(data, at, share) {
    const level = clamped(share);
    const from = 3 * Math.round(255 * level);
    data[at] = this.table[from];
    data[at + 1] = this.table[from + 1];
    data[at + 2] = this.table[from + 2];
    data[at + 3] = 255 * this.opacity(level);
  }

  /** A function that writes the color of a value of a layer, nothing below its threshold unless the layer is signed. */
  heat(layer) {
    const span = layer.hi - layer.threshold || 1;
    const most = Math.max(layer.hi, -layer.lo) || 1;
    return (data, at, value) => {
      if (layer.signed && value < 0) {
        data.set(BEHIND, at);
        data[at + 3] = 255 * this.opacity(clamped(-value / most));
        return;
      }
      if (!(value >= layer.threshold) || (layer.exact && value === 0)) return;
      this.write(data, at, (value - layer.threshold) / span);
    };
  }

  /** The same colors as `heat`, but thin: for cells that have an outline as well. */
  wash(layer) {
    const put = this.heat(layer);
    return (data, at, value) => {
      put(data, at, value);
      data[at + 3] *= WASH;
    };
  }

  /** The same in the layer's own color; what is there already shows through in proportion. */
  tint(layer) {
    const color = rgb(layer.color);
    return (data, at, value) => {
      if (value < layer.threshold) return;
      data.set(color, at);
      data[at + 3] = 255 * this.opacity(shareOf(layer, value));
    };
  }

  /** The opacity of a value in its layer's own color. */
  tintOpacity(layer, value) {
    return this.opacity(shareOf(layer, value));
  }
}
