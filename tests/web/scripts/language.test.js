import assert from "node:assert/strict";
import { test } from "node:test";

import { languageNote, pageNote } from "../../../colpali_demo/web/lens/language.js";
import { limitText, sorted } from "../../../colpali_demo/web/library/limits.js";
import { phraseAt } from "../../../colpali_demo/web/shared/words.js";
import { isCut, summaryOf } from "../../../colpali_demo/web/shelf/summary.js";

/** A query whose words are cut into so many pieces each. */
const cut = (words, pieces, unknown = []) => ({
  words,
  unknown,
  tokens: words.flatMap((_, word) => Array.from({ length: pieces[word] }, () => ({ word }))),
});

test("words in pieces, or out of the vocabulary, may be another language", () => {
  assert.equal(languageNote(cut(["energy", "from", "hydropower"], [1, 1, 3])), "");
  assert.match(languageNote(cut(["Энергия", "воды"], [5, 4])), /4\.5 pieces each/);
  assert.match(languageNote(cut(["жизнь", "revenue"], [1, 1], ["жизнь"])), /vocabulary/);
});

test("short words, numbers and no words at all say nothing", () => {
  assert.equal(languageNote(cut(["2024", "a1b"], [4, 3])), "");
  assert.equal(languageNote(cut([], [])), "");
});

test("a page says so, too, where its words tell", () => {
  assert.equal(pageNote(null), ""); // a scan
  assert.equal(pageNote(undefined), ""); // a file made before
  assert.equal(pageNote({ pieces: 1.2, unknown: 0, foreign: false }), "");
  assert.match(pageNote({ pieces: 2.84, unknown: 0, foreign: true }), /2\.8 pieces each/);
  assert.match(pageNote({ pieces: 1.7, unknown: 0.914, foreign: true }), /^91 % of the words/);
});

test("a line says what is searched", () => {
  const report = { source: "report.pdf", pages: 13 };
  assert.match(summaryOf([]), /No pages/);
  assert.equal(summaryOf([report]), "Searching report.pdf · 13 pages");
  assert.equal(summaryOf([report, { source: "b.pdf", pages: 1, searched: false }]), "Searching report.pdf · 13 pages");
  assert.match(summaryOf([report, { source: "b.pdf", pages: 1 }]), /2 documents · 14 pages, with b\.pdf/);
});

test("a query is cut beyond the limit, not at it", () => {
  assert.deepEqual([isCut(500, 500), isCut(501, 500)], [false, true]);
});

const grid = { rows: 10, cols: 10 };
const line = (down, ...words) => words.map((text, i) => [text, 0.2 * i, down, 0.2 * i + 0.15, down + 0.05]);

test("a place is told in the words of its line", () => {
  const words = [...line(0.1, "Our", "power", "comes", "from", "water"), ...line(0.2, "and", "wind")];
  assert.equal(phraseAt({ grid, words }, [[1, 4]]), "Our power comes from water");
  assert.equal(phraseAt({ grid, words }, [[2, 2]]), "and wind");
});

test("where there are no words, none are told", () => {
  assert.equal(phraseAt({ grid, words: [] }, [[1, 4]]), "");
  assert.equal(phraseAt({ grid, words: line(0.1, "far") }, [[8, 8]]), "");
});

test("a document that a limit cut is in, and says how much of it", () => {
  const error = { source: "long.pdf", code: "session_full", message: "Split it." };
  const long = { source: "long.pdf", code: "too_many_pages", message: "The first 40 of 400 pages were read." };
  const damaged = { code: "damaged" };
  assert.deepEqual(sorted([error, damaged, long]), { limits: [error, long], failures: [damaged] });
  const documents = [{ source: "long.pdf", pages: 40 }];
  assert.equal(limitText(error, documents), "40 pages are in and can be searched. Split it.");
  assert.equal(limitText({ ...error, source: "other.pdf" }, documents), "Split it.");
  assert.equal(limitText(long, documents), long.message);
});
