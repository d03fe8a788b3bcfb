// The words of a page's text layer.

/** The words that touch a patch, by the same rule as explain.words_under; `overlap` is its WORD_OVERLAP. */
export function wordsUnder({ grid, words }, row, col, overlap) {
  const shares = (start, end, from, to) =>
    Math.min(end, to) - Math.max(start, from) >= overlap * Math.min(end - start, to - from);
  return words
    .filter(
      ([, left, top, right, bottom]) =>
        shares(left, right, col / grid.cols, (col + 1) / grid.cols) &&
        shares(top, bottom, row / grid.rows, (row + 1) / grid.rows),
    )
    .map(([text]) => text);
}
