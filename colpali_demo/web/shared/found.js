// What a search found, decoded from the value that lens_value.py makes.

import { dequantized, fetched } from "./arrays.js";
import { comparisonOf } from "./lead.js";
import { PageMaps } from "./maps.js";

/** A search: its `value` as the server sent it, `pages` as key -> PageMaps, and the ledgers of every page. */
export class Found {
  constructor(value, pages, ledgers) {
    this.value = value;
    this.pages = pages;
    this.ledgers = ledgers;
    this.places = new Map(value.ranking.map((entry, place) => [entry.key, place]));
    this.totals = null;
    this.erased = new Map();
    this.comparisons = new Map();
  }

  get tokens() {
    return this.value.query.tokens;
  }

  /** The MaxSim of every token on a page as it is on show, whether or not it has maps. */
  ledger(key) {
    const entry = this.pages.get(key)?.entry;
    if (!entry?.whole) return this.wholeLedger(key);
    if (!this.erased.has(key))
      this.erased.set(
        key,
        Float32Array.from(entry.tokens, ({ maxsim }) => maxsim),
      );
    return this.erased.get(key);
  }

  /** The MaxSim of every token on a page of which nothing is erased. */
  wholeLedger(key) {
    const width = this.tokens.length;
    const place = this.places.get(key);
    return this.ledgers.subarray(place * width, (place + 1) * width);
  }

  /** The sum of what a token finds on all pages, of which nothing is erased. */
  total(token) {
    const width = this.tokens.length;
    if (!this.totals) {
      this.totals = new Float64Array(width);
      this.ledgers.forEach((term, i) => {
        this.totals[i % width] += term;
      });
    }
    return this.totals[token];
  }

  /** What a page is compared with, see comparisonOf; null: nothing. */
  comparison(key) {
    if (!this.comparisons.has(key)) this.comparisons.set(key, comparisonOf(this, key));
    return this.comparisons.get(key);
  }

  /** The leads of some tokens on a page that is compared with something, summed. */
  lead(key, tokens) {
    const { expected } = this.comparison(key);
    return this.sum(key, tokens) - tokens.reduce((sum, token) => sum + expected[token], 0);
  }

  /** The sum of some lines of a ledger. */
  sum(key, tokens) {
    const terms = this.ledger(key);
    return tokens.reduce((sum, token) => sum + terms[token], 0);
  }

  /** The same of the page of which nothing is erased. */
  sumWhole(key, tokens) {
    const terms = this.wholeLedger(key);
    return tokens.reduce((sum, token) => sum + terms[token], 0);
  }

  /**
   * The ranking if the tokens in `off` did not count: entries with the `score` and `rank` that follow, best first.
   * Pages with equal scores keep their order. The sums are made as maxsim.total makes them: in float64, in the
   * order of the tokens.
   */
  ranked(off) {
    return this.value.ranking
      .map((entry) => {
        let score = 0;
        this.ledger(entry.key).forEach((term, token) => {
          if (!off.has(token)) score += term;
        });
        return { ...entry, score };
      })
      .sort((a, b) => b.score - a.score)
      .map((entry, index) => ({ ...entry, rank: index + 1 }));
  }
}

/** Decode a value; rejects where one of its files is gone. */
export async function decoded(value) {
  const { lo, hi } = value.range;
  const blank = value.background;
  const [ledgers, background] = await Promise.all([
    fetched(value.ledgers).then((buffer) => new Float32Array(buffer)),
    blank ? fetched(blank.maps).then((buffer) => dequantized(buffer, blank.lo, blank.hi)) : null,
  ]);
  const pages = await Promise.all(
    Object.entries(value.pages).map(async ([key, entry]) => {
      const [maps, others] = await Promise.all([fetched(entry.maps), fetched(entry.others)]);
      return [key, new PageMaps(entry, dequantized(maps, lo, hi), new Float32Array(others), background)];
    }),
  );
  return new Found(value, new Map(pages), ledgers);
}
