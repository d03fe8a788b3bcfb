// Expected and lead: what a token finds on the other pages searched, and how far a page is ahead of that.

export const LEAST_OTHERS = 3; // other pages, at least: a mean of one or two says little

/**
 * What the terms of a page are compared with: {text, expected}, the mean term of each token there; null where there is
 * nothing yet. Those are the other pages searched; where they are too few, what the server compared the page with.
 *
 * found: the search, with a `total(token)` over all of its pages
 */
export function comparisonOf(found, key) {
  const others = found.value.ranking.length - 1;
  if (others >= LEAST_OTHERS) {
    const mean = (term, token) => (found.total(token) - term) / others;
    return { text: `the ${others} other pages`, expected: Float64Array.from(found.wholeLedger(key), mean) };
  }
  const entry = found.pages.get(key)?.entry;
  if (!entry?.compared_with) return null;
  return { text: entry.compared_with.text, expected: entry.tokens.map((token) => token.expected) };
}

const NAMED = 3; // terms that a sentence names
const NOTABLE = 0.12; // share of the largest term: smaller ones go into the rest
const NOTHING = 0.06; // share of the largest term: smaller ones add nothing
const SHOWN = 0.005; // terms below it are 0.00 on the screen

/**
 * How a sentence tells a sum of terms, [item, value] each: the terms that it names, the largest first, the sum of the
 * `rest`, and the items that add `nothing`. Terms against the sum are named, too, but never first.
 */
export function toldApart(terms, total) {
  const sign = total < 0 ? -1 : 1;
  const top = Math.max(SHOWN, ...terms.map(([, value]) => Math.abs(value)));
  const named = terms
    .filter(([, value]) => Math.abs(value) >= Math.max(SHOWN, NOTABLE * top))
    .sort(([, a], [, b]) => sign * (b - a))
    .slice(0, NAMED);
  const rest = total - named.reduce((sum, [, value]) => sum + value, 0);
  const nothing = terms.filter(([, value]) => Math.abs(value) < NOTHING * top).map(([item]) => item);
  return { named, rest: Math.abs(rest) < SHOWN ? 0 : rest, nothing };
}
