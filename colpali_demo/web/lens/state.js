// What the lens shows: the search, the page, what is chosen and how it is drawn.

import { offeredOf } from "../shared/offer.js";
import { ADDED, itemsOf, SUM } from "../shared/tokens.js";

export class LensState {
  found = null; // the decoded search
  key = null; // the page on show
  other = null; // the page it is compared with
  ranking = []; // as it is with the tokens that count
  before = new Map(); // page -> rank before the last change of what counts
  unit = "word"; // or "token": what a chip stands for
  open = false; // whether every token that the model adds has a chip of its own
  measure = "lead"; // or "score": the number of a token in chips, ledger, contribution map and winners
  items = []; // tokens or words, see itemsOf
  pins = []; // ids of items; none: the whole query
  preview = null; // the id of an item or SUM, while the pointer is over it
  several = false; // whether a click pins one more
  overlay = "similarity";
  picture = "page"; // or "input", what the model sees
  zoom = { factor: 1, x: 0, y: 0 }; // x, y: the corner of the page at the top left of the frame, in shares of the page
  patch = null; // {row, col, side, pinned} under the pointer or the keyboard's cursor
  off = new Set(); // indices of tokens that do not count
  scale = "page"; // or "token", "all": whose cosines the color scale spans
  threshold = null; // where nothing is drawn below: a share of the scale, or null for `cut`'s choice
  opacity = 0.7;
  smooth = false;
  calibrated = false;
  registers = false;
  wanted = null; // a page asked of the server, to be compared with the one on show

  get tokens() {
    return this.found.tokens;
  }

  /** The pages on show: one, or two that are compared. */
  get keys() {
    return this.other ? [this.key, this.other] : [this.key];
  }

  /** Indices of the tokens that count: all, unless the visitor has turned some off. */
  get counted() {
    return this.tokens.flatMap(({ index }) => (this.off.has(index) ? [] : [index]));
  }

  /** Indices of the typed tokens that count. */
  get typed() {
    return this.counted.filter((token) => this.tokens[token].kind === "word");
  }

  /** An item by its id; a token that is part of one has its index for an id. */
  itemOf(id) {
    const known = this.items.find((item) => item.id === id);
    if (known || !/^\d+$/.test(id)) return known;
    return itemsOf(this.found.value.query, "token")[Number(id)];
  }

  /** The item that a token belongs to. */
  itemWith(token) {
    return this.items.find((item) => item.tokens.includes(token));
  }

  mapsOf(key) {
    return this.found.pages.get(key);
  }

  entryOf(key) {
    return this.mapsOf(key).entry;
  }

  /** Ledger lines of an item on the page on show. */
  matchesOf(item) {
    return item.tokens.map((token) => this.entryOf(this.key).tokens[token]);
  }

  /** A page's place in the ranking by the tokens that count. */
  ranked(key) {
    return this.ranking.find((entry) => entry.key === key);
  }

  /** Its place if nothing were erased of any page. */
  rankWhole(key) {
    const score = (each) => this.found.sumWhole(each, this.counted);
    const { ranking } = this.found.value;
    const own = ranking.findIndex((entry) => entry.key === key);
    const ahead = ranking.filter((entry, at) => {
      const difference = score(entry.key) - score(key);
      return difference > 0 || (difference === 0 && at < own);
    });
    return ahead.length + 1;
  }

  scoreOf(key) {
    return this.ranked(key).score;
  }

  sumOf(key, tokens) {
    return this.found.sum(key, tokens);
  }

  /** What there is to tell of tokens: leads only where the page on show is compared with something. */
  get by() {
    return this.measure === "lead" && this.found.comparison(this.key) ? "lead" : "score";
  }

  /** The MaxSim of some tokens on a page, or their lead, summed. */
  valueOf(key, tokens) {
    return this.by === "lead" && this.found.comparison(key) ? this.found.lead(key, tokens) : this.sumOf(key, tokens);
  }

  /** What each of some tokens adds to a page, on the cells of its winner; see PageMaps.contribution. */
  placed(key, tokens) {
    return this.mapsOf(key).contribution(tokens, ({ index }) => this.valueOf(key, [index]));
  }

  /** The regions of a page, each with the `value` of those of its tokens that count. */
  regionsOf(key) {
    const counted = (tokens) => tokens.filter((token) => !this.off.has(token));
    const { regions = [] } = this.entryOf(key);
    return regions.map((region) => ({ ...region, value: this.valueOf(key, counted(region.tokens)) }));
  }

  /** Typed items that have letters or digits, and count. */
  get words() {
    const counts = ({ tokens }) => !tokens.every((token) => this.off.has(token));
    return this.items.filter((item) => item.kind === "word" && /[\p{L}\p{N}]/u.test(item.label) && counts(item));
  }

  /** Remember the ranks, let tokens count or not, and rank again; indices null: let all count. */
  setOff(indices, off) {
    this.before = new Map(this.found.value.ranking.map((entry) => [entry.key, entry.rank]));
    if (indices === null) this.off = new Set();
    else
      for (const index of indices)
        if (off) this.off.add(index);
        else this.off.delete(index);
    this.ranking = this.found.ranked(this.off);
  }

  /** Pin an item: alone, or one more, of at most `most`. Once more on a pinned item releases it. */
  pin(id, more, most) {
    this.preview = null;
    if (id === SUM) this.pins = [];
    else if (this.pins.includes(id))
      this.pins = more || this.pins.length === 1 ? this.pins.filter((other) => other !== id) : [id];
    else this.pins = more ? [...this.pins, id].slice(-most) : [id];
  }

  /** Choose among tokens or words, those that the model adds one by one or not; what is pinned stays, if it can. */
  setUnit(unit, open, most) {
    const pinned = this.pins.flatMap((id) => this.itemOf(id).tokens);
    Object.assign(this, { unit, open, preview: null });
    this.items = itemsOf(this.found.value.query, unit, open);
    this.pins = this.items
      .filter((item) => item.id !== ADDED && item.tokens.some((token) => pinned.includes(token)))
      .map((item) => item.id)
      .slice(0, most);
  }

  /** The typed item that a visitor is offered first: that with the largest lead, or MaxSim; null without any. */
  offered() {
    return offeredOf(this.items, (item) => this.valueOf(this.key, item.tokens));
  }
}
