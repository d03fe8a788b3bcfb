// The words of a page's text layer.

import { centerOf, spanOf } from "./cells.js";

/** The words that touch a patch, by the same rule as explain.words_under; `overlap` is its WORD_OVERLAP. */
export function wordsUnder({ grid, words }, row, col, overlap) {
  const { down, across } = spanOf(grid);
  const shares = (start, end, from, to) =>
    Math.min(end, to) - Math.max(start, from) >= overlap * Math.min(end - start, to - from);
  return words
    .filter(
      ([, left, top, right, bottom]) =>
        shares(left, right, col / across, (col + 1) / across) && shares(top, bottom, row / down, (row + 1) / down),
    )
    .map(([text]) => text);
}

const AROUND = 2; // words of the same line on each side of a quoted one
const FAR = 0.75; // share of a cell: a word further from the middle of the cells is not in it

/** The place of the word nearest to the middle of some cells among the words of a page; -1 without any there. */
function nearest({ grid, words }, cells) {
  const { row, col } = centerOf(cells);
  const span = spanOf(grid);
  const [across, down] = [col / span.across, row / span.down];
  const gap = (value, from, to) => Math.max(from - value, value - to, 0);
  const distance = ([, left, top, right, bottom]) =>
    Math.max(gap(across, left, right) * span.across, gap(down, top, bottom) * span.down);
  let at = -1;
  words.forEach((word, i) => {
    if (distance(word) <= FAR && (at < 0 || distance(word) < distance(words[at]))) at = i;
  });
  return at;
}

/** The word nearest to the middle of some cells, [text, left, top, right, bottom]; null without any there. */
export const nearestWord = (entry, cells) => (cells.length && entry.words[nearest(entry, cells)]) || null;

/** The word nearest to the middle of some cells with its neighbors on the line, as a page has them; "" without any. */
export function phraseAt(entry, cells) {
  const { words } = entry;
  const at = nearest(entry, cells);
  if (at < 0) return "";
  const [, , top, , bottom] = words[at];
  const onLine = (word) => word && Math.min(bottom, word[4]) - Math.max(top, word[2]) > (bottom - top) / 2;
  let [from, to] = [at, at];
  while (at - from < AROUND && onLine(words[from - 1]) && words[from - 1][1] < words[from][1]) from--;
  while (to - at < AROUND && onLine(words[to + 1]) && words[to + 1][1] > words[to][1]) to++;
  return words
    .slice(from, to + 1)
    .map(([text]) => text)
    .join(" ");
}
