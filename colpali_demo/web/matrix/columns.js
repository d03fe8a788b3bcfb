// Where the columns of the matrix are, in shares of its width: the patches in reading order, then the other vectors.

const SLOT = 0.011; // width of a vector that is no patch
const SLOTS = 0.2; // width of all vectors that are no patches, at most
const GAP = 0.006; // width between patches and other vectors

/** Columns are counted as places: the patches row by row, then the other vectors in the page's order. */
export class Columns {
  constructor(patches, others) {
    this.patches = patches;
    this.places = patches + others;
    // Patches share what the others leave; those stand apart at the right, and are wider.
    this.share = others ? 1 - Math.min(SLOTS, others * SLOT) - GAP : 1;
  }

  left(place) {
    if (place < this.patches) return (place / this.patches) * this.share;
    const start = this.share + GAP;
    return start + ((place - this.patches) / (this.places - this.patches)) * (1 - start);
  }

  right(place) {
    return place + 1 === this.patches ? this.share : this.left(place + 1);
  }

  /** The place at a share of the width. */
  at(share) {
    const { patches, places } = this;
    if (share <= this.share || places === patches)
      return Math.min(patches - 1, Math.floor((share / this.share) * patches));
    const start = this.share + GAP;
    const within = Math.floor(((share - start) / (1 - start)) * (places - patches));
    return Math.max(patches, Math.min(places - 1, patches + within));
  }
}

/** The places that the winner of a line of the ledger stands for, ascending. */
export function winnerPlaces(match, maps) {
  if (match.slot === "patch") return maps.cellsOf(match).sort((a, b) => a - b);
  return [maps.cells + maps.entry.others.slots.findIndex((slot) => slot.vector === match.vector)];
}

/** Ascending places as runs of neighbors: [first, last] each. */
export function runsOf(places) {
  const runs = [];
  for (const place of places) {
    const last = runs[runs.length - 1];
    if (last && last[1] === place - 1) last[1] = place;
    else runs.push([place, place]);
  }
  return runs;
}
