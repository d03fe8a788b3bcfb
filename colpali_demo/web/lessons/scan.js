// All cosines of a token in the order in which the card of the maximum looks at them: patches first, row by row.

import { extent } from "../shared/arrays.js";

export class Scan {
  constructor(study, token) {
    const { patch_vectors: patches, slots } = study.page;
    const cosines = study.cosinesOf(token);
    this.study = study;
    this.order = [...new Set(patches), ...slots.map(([vector]) => vector)];
    this.places = new Map(this.order.map((vector, place) => [vector, place]));
    this.values = this.order.map((vector) => cosines[vector]);
    this.map = study.mapOf(token);
    this.range = extent(cosines);
    this.best = []; // the place of the best so far, at every place
    this.values.forEach((value, place) => {
      const before = this.best[place - 1] ?? 0;
      this.best.push(value > this.values[before] ? place : before);
    });
  }

  get length() {
    return this.order.length;
  }

  get last() {
    return this.order.length - 1;
  }

  /** The place at which a patch is looked at. */
  placeOf(row, col) {
    return this.places.get(this.study.vectorAt(row, col));
  }

  /** The cells that the vector at a place stands for. */
  cells(place) {
    return this.study.cellsWith(this.order[place]);
  }

  /** The prompt's token at a place that is no patch, or "". */
  slotText(place) {
    const [, , text] = this.study.page.slots.find(([vector]) => vector === this.order[place]);
    return text || "";
  }

  /** The cosines by cell, as far as they have been looked at; NaN elsewhere. */
  seen(at) {
    const { patch_vectors: patches } = this.study.page;
    return this.map.map((value, cell) => (this.places.get(patches[cell]) <= at ? value : Number.NaN));
  }
}
