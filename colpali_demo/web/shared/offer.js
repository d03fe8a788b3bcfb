// Which word a visitor is offered first.

// The commonest words of English that mean little by themselves.
const FUNCTION_WORDS = new Set(
  `a about after all also an and any are as at be been before but by can could did do does for from had has have he her
  him his how i if in into is it its many may me more most much my no not of on or our over own she should so some such
  than that the their them then there these they this those to under up was we were what when where which while who whom
  whose why will with would you your`.split(/\s+/),
);

/** Whether a text has letters or digits, and more of them than a word like "the". */
export function meansSomething(text) {
  const bare = text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return bare.length > 0 && !FUNCTION_WORDS.has(bare);
}

/** The typed item with the largest value of those that mean something, or of all that were typed; null without any. */
export function offeredOf(items, value) {
  const typed = items.filter((item) => item.kind === "word");
  const meaning = typed.filter((item) => meansSomething(item.label));
  const among = meaning.length ? meaning : typed;
  return among.reduce((best, item) => (best === null || value(item) > value(best) ? item : best), null);
}
