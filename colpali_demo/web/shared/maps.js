// The similarity maps and the ledger of one page.

import { extent } from "./arrays.js";

export const REGISTER_SHARE = 0.1; // a register-like patch is among this share of the hottest patches …
export const REGISTER_TOKENS = 0.9; // … for at least this share of the tokens

/** The maps of one page. Cells are counted row by row; `background` holds the maps of a blank page, or is null. */
export class PageMaps {
  constructor(entry, maps, others, background) {
    this.entry = entry;
    this.cells = entry.grid.rows * entry.grid.cols;
    this.maps = maps;
    this.others = others;
    this.background = background?.length === maps.length ? background : null;
    this.cache = new Map();
    // The ledger's number is exact, the map's is rounded to 16 bits.
    for (const match of entry.tokens)
      for (const cell of this.cellsOf(match)) maps[match.index * this.cells + cell] = match.maxsim;
  }

  /** The number of a cell. */
  cell(row, col) {
    return row * this.entry.grid.cols + col;
  }

  /** The numbers of the cells that a winner stands for; none where it is no patch. */
  cellsOf(match) {
    return match.cells.map(([row, col]) => this.cell(row, col));
  }

  cached(key, make) {
    if (!this.cache.has(key)) this.cache.set(key, make());
    return this.cache.get(key);
  }

  /** All maps, (tokens x cells); calibrated: minus those of a blank page. */
  all(calibrated) {
    if (!calibrated || !this.background) return this.maps;
    return this.cached("calibrated", () => this.maps.map((value, i) => value - this.background[i]));
  }

  /** The similarity map of an item: of a word, the maximum over its tokens. */
  map(item, calibrated) {
    const all = this.all(calibrated);
    const of = (token) => all.subarray(token * this.cells, (token + 1) * this.cells);
    if (item.tokens.length === 1) return of(item.tokens[0]);
    return this.cached(`${calibrated} ${item.id}`, () => {
      const values = Float32Array.from(of(item.tokens[0]));
      for (const token of item.tokens.slice(1))
        of(token).forEach((value, i) => {
          values[i] = Math.max(values[i], value);
        });
      return values;
    });
  }

  extent(item, calibrated) {
    return this.cached(`extent ${calibrated} ${item.id}`, () => extent(this.map(item, calibrated)));
  }

  extentOfAll(calibrated) {
    return this.cached(`extent ${calibrated}`, () => extent(this.all(calibrated)));
  }

  /**
   * The contribution map of some tokens: what `term(match)` is of each, its MaxSim if not given, on every cell of its
   * winner, where that is a patch.
   */
  contribution(tokens, term = ({ maxsim }) => maxsim) {
    const values = new Float64Array(this.cells);
    for (const match of this.matches(tokens)) for (const cell of this.cellsOf(match)) values[cell] += term(match);
    return values;
  }

  /** Ledger lines of some tokens whose winner is a patch. */
  matches(tokens) {
    return tokens.map((token) => this.entry.tokens[token]).filter((match) => match.slot === "patch");
  }

  /** Cosine of a token with a vector: patches come first, row by row, then the other vectors of the page. */
  at(token, place) {
    if (place < this.cells) return this.maps[token * this.cells + place];
    const width = this.entry.others.slots.length;
    return this.others[token * width + place - this.cells];
  }

  /** Which place a value has among those of a map, counted from 1. */
  rankIn(values, cell) {
    let rank = 1;
    for (const other of values) if (other > values[cell]) rank++;
    return rank;
  }

  /** Cells that are hot whatever the query. */
  registers() {
    return this.cached("registers", () => {
      const tokens = this.entry.tokens.length;
      const often = new Uint16Array(this.cells);
      for (let token = 0; token < tokens; token++) {
        const map = this.maps.subarray(token * this.cells, (token + 1) * this.cells);
        const bar = Float32Array.from(map).sort()[Math.floor(this.cells * (1 - REGISTER_SHARE))];
        map.forEach((value, cell) => {
          if (value >= bar) often[cell]++;
        });
      }
      return [...often.keys()].filter((cell) => often[cell] >= REGISTER_TOKENS * tokens);
    });
  }
}
