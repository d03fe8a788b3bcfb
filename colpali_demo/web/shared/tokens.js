// What tokens, words and winners are called.

import { areRectangle, boundsOf } from "./cells.js";
import { count, plural, quoted } from "./text.js";

const FEW_CELLS = 3; // cells that a sentence has room for
export const SUM = "sum"; // stands for the whole query where items have their ids
export const ADDED = "added"; // the item of all tokens that the model adds
export const KINDS = {
  bos: "start token",
  prefix: "part of the prefix",
  word: "typed",
  augmentation: "added by the model",
  suffix: "added by the model",
  added: "added by the model",
};

/** What a chip says: nothing is invisible. */
export function label(token) {
  if (/^\s*\n\s*$/.test(token.text)) return "↵";
  if (/^\s+$/.test(token.text)) return "␣";
  const text = token.text.trim();
  if (/^[\p{C}\p{Z}]+$/u.test(text))
    return [...text].map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`).join(" ");
  return text || `<${token.kind}>`;
}

/** What a sentence calls a token of a query. */
export function spoken(token, tokens) {
  if (label(token) === "↵") return "newline ↵";
  if (label(token) === "␣") return "space ␣";
  if (token.kind === "augmentation") {
    const first = tokens.findIndex((other) => other.kind === "augmentation");
    return `augmentation token ${token.index - first + 1}`;
  }
  return token.kind === "bos" ? label(token) : quoted(label(token));
}

export const visibleNewlines = (text) => text.replace(/\n/g, "↵");
export const slotText = (match) => quoted(visibleNewlines(match.slot_text || ""));

const between = (name, from, to) => (from === to ? `${name} ${from}` : `${name}s ${from}–${to}`);

/** Where some cells are: "row 3, col 5", "rows 3–4, cols 5–8", or of cells that are no rectangle the first few. */
export function cellsText(cells, [row, col] = ["row", "col"]) {
  if (areRectangle(cells)) {
    const { top, left, bottom, right } = boundsOf(cells);
    return `${between(row, top, bottom - 1)}, ${between(col, left, right - 1)}`;
  }
  const named = cells.slice(0, FEW_CELLS).map(([r, c]) => `${row} ${r}, ${col} ${c}`);
  const more = cells.length - named.length;
  return `${named.join("; ")}${more ? `; ${more} more` : ""}`;
}

/** Where the winner of a line of the ledger is. */
export function place(match) {
  if (match.slot === "tile") return "thumbnail tile";
  if (match.slot === "text") return `prompt token ${slotText(match)}`;
  const { cells } = match;
  return cells.length === 1 ? cellsText(cells) : `${count(cells.length)} patches, ${cellsText(cells)}`;
}

/**
 * What can be chosen: every token, or every typed word and every other token. An item has an `id`, the indices of its
 * `tokens`, a `number` that counts from 1, its `kind`, and what it is called: `label` on a chip, `name` in a sentence.
 * Unless they are `open`, the tokens that the model adds are one item, the last.
 */
export function itemsOf(query, unit, open = true) {
  const shown = open ? query.tokens : query.tokens.filter((token) => token.kind === "word");
  const items = [];
  for (const token of shown) {
    const last = items[items.length - 1];
    if (unit === "word" && token.word !== null && last?.word === token.word) last.tokens.push(token.index);
    else items.push(itemOf(token, query, unit, items.length + 1));
  }
  const added = query.tokens.filter((token) => token.kind !== "word").map((token) => token.index);
  if (!open && added.length) items.push(addedItem(added, items.length + 1));
  return items;
}

function itemOf(token, query, unit, number) {
  const item = { tokens: [token.index], number, kind: token.kind, word: token.word };
  if (unit !== "word" || token.word === null)
    return { ...item, id: String(token.index), label: label(token), name: spoken(token, query.tokens) };
  const text = query.words[token.word].trim();
  return { ...item, id: `w${token.word}`, label: text || label(token), name: quoted(text) };
}

function addedItem(tokens, number) {
  const name = `the ${plural(tokens.length, "token")} that the model adds`;
  return { id: ADDED, tokens, number, kind: "added", word: null, label: `+ ${tokens.length} added`, name };
}

/** Tokens in groups: the pieces of a typed word, and every other token on its own. Also for items, which have words. */
export function byWord(tokens) {
  const groups = [];
  tokens.forEach((token, at) => {
    if (at && token.word !== null && token.word === tokens[at - 1].word) groups.at(-1).push(token);
    else groups.push([token]);
  });
  return groups;
}
