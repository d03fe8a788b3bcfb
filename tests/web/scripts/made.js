// Values as the server makes them, small enough to follow by hand.

import { Found } from "../../../colpali_demo/web/shared/found.js";
import { PageMaps } from "../../../colpali_demo/web/shared/maps.js";

const base64 = (array) => Buffer.from(array.buffer).toString("base64");

/** A token of a query. */
export const token = (index, text, kind, word = null) => ({ index, text, kind, word });

/** <bos> re port ? and a newline: the pieces 1 and 2 are one word. */
export const query = {
  text: "report ?",
  words: ["report", " ?"],
  tokens: [
    token(0, "<bos>", "bos"),
    token(1, "re", "word", 0),
    token(2, "port", "word", 0),
    token(3, "?", "word", 1),
    token(4, "\n", "suffix"),
  ],
};

/** A line of a ledger whose winner stands for some cells. */
export function won(index, maxsim, ...cells) {
  const [row, col] = cells.length === 1 ? cells[0] : [null, null];
  return { index, maxsim, vector: index, slot: "patch", slot_text: null, cells, row, col, margin: 0.1, words: [] };
}

/** A line of a ledger that a token of the prompt has won. */
export const wonByText = (index, maxsim, text) => ({ ...won(index, maxsim), slot: "text", slot_text: text });

/** A page with a grid of 2 x 3 patches and two prompt tokens. */
export function pageEntry(tokens) {
  return {
    grid: { rows: 2, cols: 3 },
    vectors: 8,
    source: "made.pdf",
    page: 1,
    rank: 1,
    tokens,
    words: [],
    others: {
      slots: [
        { vector: 6, slot: "text", slot_text: "<bos>" },
        { vector: 7, slot: "text", slot_text: "." },
      ],
    },
  };
}

/** The maps of a page: `maps` (tokens x 6) and `others` (tokens x 2), row by row. */
export function pageMaps(tokens, maps, { others = [], background = null } = {}) {
  return new PageMaps(pageEntry(tokens), Float32Array.from(maps), Float32Array.from(others), background);
}

/** A search over pages a, b, c, … with these ledgers, best first. */
export function found(...ledgers) {
  const ranking = ledgers.map((terms, i) => ({
    key: "abcdefgh"[i],
    rank: i + 1,
    score: terms.reduce((sum, term) => sum + term, 0),
  }));
  const width = ledgers[0].length;
  const tokens = query.tokens.slice(0, width);
  return new Found({ query: { ...query, tokens }, ranking }, new Map(), Float32Array.from(ledgers.flat()));
}

/** The value of a lens with one page, as payload.lens_value makes it: cosines from -1 to 1. */
export function lensValue(tokens, levels) {
  const entry = pageEntry(tokens);
  return {
    query: { ...query, tokens: query.tokens.slice(0, tokens.length) },
    range: { lo: -1, median: 0, hi: 1 },
    background: null,
    ranking: [{ key: "a", rank: 1 }],
    ledgers: { data: base64(Float32Array.from(tokens, ({ maxsim }) => maxsim)) },
    pages: {
      a: {
        ...entry,
        maps: { data: base64(Uint16Array.from(levels)) },
        others: { ...entry.others, data: base64(Float32Array.from(tokens.flatMap(() => [0.25, -0.25]))) },
      },
    },
  };
}
