// What the cards are about: a page, a query, their vectors, and what the visitor has chosen. Nothing here draws.

import { bytes, sumOf } from "../shared/arrays.js";
import { spoken } from "../shared/tokens.js";

export class Study {
  /** value: what the server sent; vectors: Float32Array (vectors x dim) of the page. */
  constructor(value, vectors) {
    this.value = value;
    this.vectors = vectors;
    this.query = new Float32Array(bytes(value.query.vectors).buffer); // (tokens x dim)
    this.cosines = new Map(); // token -> Float64Array (vectors)
    this.augmented = true; // whether the card of the tokens shows the augmentation tokens
    this.ownQueries = false; // whether the card of the training shows the visitor's own
    this.answers = new Map(); // question -> the answer given
    this.token = this.firstToken(); // index of the token at hand
    const { cells } = this.page.tokens[this.token];
    this.patch = cells[0] ?? [0, 0]; // row and column of the patch at hand
    this.original = null; // the picture of the page, decoded
    this.picture = null; // the picture that goes into the model, decoded; null where there is none of its own
  }

  get page() {
    return this.value.page;
  }

  get tokens() {
    return this.value.query.tokens;
  }

  named(token) {
    return spoken(this.tokens[token], this.tokens);
  }

  /** The typed token with the largest MaxSim on a patch, where the cards begin. */
  firstToken() {
    const matches = this.page.tokens;
    const typed = matches.filter(({ slot, index }) => slot === "patch" && this.tokens[index].kind === "word");
    return (typed.length ? typed : matches).reduce((best, match) => (match.maxsim > best.maxsim ? match : best)).index;
  }

  tokenVector(token) {
    return this.query.subarray(token * this.page.dim, (token + 1) * this.page.dim);
  }

  pageVector(vector) {
    return this.vectors.subarray(vector * this.page.dim, (vector + 1) * this.page.dim);
  }

  /** The vector that stands for a cell. */
  vectorAt(row, col) {
    return this.page.patch_vectors[row * this.page.grid.cols + col];
  }

  /** The cells that a vector stands for, row by row; none where it is no patch. */
  cellsWith(vector) {
    const { cols } = this.page.grid;
    return this.page.patch_vectors.flatMap((each, cell) =>
      each === vector ? [[Math.floor(cell / cols), cell % cols]] : [],
    );
  }

  /** Cosine of a token with every vector of the page. The winner's is the ledger's number to the last digit. */
  cosinesOf(token) {
    if (!this.cosines.has(token)) {
      const vector = this.tokenVector(token);
      const found = Float64Array.from({ length: this.page.vectors }, (_, at) => product(vector, this.pageVector(at)));
      const match = this.page.tokens[token];
      found[match.vector] = match.maxsim;
      this.cosines.set(token, found);
    }
    return this.cosines.get(token);
  }

  /** The same by cell of the grid, row by row. */
  mapOf(token) {
    const all = this.cosinesOf(token);
    return Float64Array.from(this.page.patch_vectors, (vector) => all[vector]);
  }
}

function product(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The products of two vectors, number by number; their sum is the cosine, because both have length 1. */
export const products = (a, b) => Float64Array.from(a, (number, i) => number * b[i]);

/** The largest size of a number in some vectors. */
export const highest = (...vectors) =>
  Math.max(...vectors.map((vector) => vector.reduce((top, value) => Math.max(top, Math.abs(value)), 0)));

/**
 * The loss of a batch, as batch.contrast works it out: {probabilities, hardest, losses, loss}.
 *
 * scores: (queries x pages); own: the right page of each query, null where nobody has said, which leaves the loss null
 */
export function contrast(scores, own) {
  const probabilities = scores.map((row) => {
    const top = Math.max(...row);
    const powers = row.map((score) => Math.exp(score - top));
    return powers.map((power) => power / sumOf(powers));
  });
  const hardest = scores.map((row, i) =>
    row.reduce((best, score, j) => (j !== own[i] && (best < 0 || score > row[best]) ? j : best), -1),
  );
  const losses = scores.map((row, i) => {
    if (own[i] === null) return null;
    const ahead = row[hardest[i]] - row[own[i]];
    return Math.log1p(Math.exp(-Math.abs(ahead))) + Math.max(0, ahead);
  });
  const known = losses.filter((loss) => loss !== null);
  return { probabilities, hardest, losses, loss: known.length ? sumOf(known) / known.length : null };
}
