// Numbers and lists as people read them.

const grouped = new Intl.NumberFormat("en-US");

/** A number with some digits and a true minus sign; never "−0.00". */
export const shown = (value, digits = 3) =>
  value
    .toFixed(digits)
    .replace(/^-(?=0\.?0*$)/, "")
    .replace("-", "−");

export const signed = (value, digits = 3) => `+${shown(value, digits)}`.replace("+−", "−");
export const count = (value) => grouped.format(value);
export const percent = (value) => `${Math.round(100 * value)} %`.replace("-", "−");
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

/** A size in bytes, with the unit that leaves one to three digits before the point. */
export function megabytes(size) {
  if (size >= 1e9) return `${shown(size / 1e9, size >= 1e10 ? 0 : 1)} GB`;
  if (size >= 1e6) return `${shown(size / 1e6, size >= 1e7 ? 0 : 1)} MB`;
  if (size >= 1e3) return `${shown(size / 1e3, size >= 1e5 ? 0 : 1)} kB`;
  return `${size} bytes`;
}

/** Names as a list in a sentence: a, b and c. */
export const listed = (names) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

/** Quoted in a sentence, where text from right to left must not turn around what follows. */
export const quoted = (text) => `“\u2068${text}\u2069”`;

/** Numbers in ascending order, neighbors drawn together: 1, 4–6. */
export function ranges(numbers) {
  const runs = [];
  for (const number of numbers) {
    const last = runs[runs.length - 1];
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}${to === from + 1 ? ", " : "–"}${to}`)).join(", ");
}
