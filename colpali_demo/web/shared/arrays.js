// Arrays of numbers as they come from the server, and what a scale needs to know of them.

export function bytes(base64) {
  const text = atob(base64 || "");
  const result = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) result[i] = text.charCodeAt(i);
  return result;
}

/** The bytes behind {"data": base64} or {"file": {"url"}}. */
export async function fetched(source) {
  if (source.data !== undefined) return bytes(source.data).buffer;
  const reply = await fetch(source.file.url);
  if (!reply.ok) throw new Error(reply.statusText);
  return reply.arrayBuffer();
}

/** Cosines from their 16-bit levels between lo and hi. */
export function dequantized(buffer, lo, hi) {
  const levels = new Uint16Array(buffer);
  const values = new Float32Array(levels.length);
  const step = (hi - lo) / 65535;
  for (let i = 0; i < levels.length; i++) values[i] = lo + step * levels[i];
  return values;
}

/** Lowest, middle and highest of some values. */
export function extent(values) {
  const sorted = Float64Array.from(values).sort();
  return { lo: sorted[0], median: sorted[sorted.length >> 1], hi: sorted[sorted.length - 1] };
}

/** One extent for several. */
export const union = (extents) => ({
  lo: Math.min(...extents.map((each) => each.lo)),
  median: extents.reduce((sum, each) => sum + each.median, 0) / extents.length,
  hi: Math.max(...extents.map((each) => each.hi)),
});

/** The default threshold, as in colormap.py: halfway between an ordinary patch and the best one. */
export const cut = ({ median, hi }) => (median + hi) / 2;

export const sumOf = (values) => values.reduce((total, value) => total + value, 0);
export const highestOf = (values, least) => values.reduce((top, value) => Math.max(top, value), least);

export const SMOOTH = 8; // samples per patch, across and down

/** Values between the centers of patches, bilinear: at a center a patch's own cosine, never above or below both. */
export function smoothed(values, rows, cols) {
  const result = new Float32Array(rows * cols * SMOOTH * SMOOTH);
  const spot = (index, parts) => {
    const at = Math.max(0, Math.min(parts - 1, (index + 0.5) / SMOOTH - 0.5));
    const from = Math.min(Math.floor(at), Math.max(0, parts - 2));
    return [from, Math.min(from + 1, parts - 1), at - from];
  };
  const across = Array.from({ length: cols * SMOOTH }, (_, x) => spot(x, cols));
  let i = 0;
  for (let y = 0; y < rows * SMOOTH; y++) {
    const [above, below, down] = spot(y, rows);
    for (const [left, right, share] of across) {
      const top = values[above * cols + left] * (1 - share) + values[above * cols + right] * share;
      const bottom = values[below * cols + left] * (1 - share) + values[below * cols + right] * share;
      result[i++] = top * (1 - down) + bottom * down;
    }
  }
  return result;
}
