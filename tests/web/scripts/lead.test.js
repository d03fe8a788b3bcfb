import assert from "node:assert/strict";
import { test } from "node:test";

import { toldApart } from "../../../colpali_demo/web/shared/lead.js";
import { meansSomething, offeredOf } from "../../../colpali_demo/web/shared/offer.js";
import { found, pageEntry, won } from "./made.js";

const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);
const search = () => found([0.5, 0.75], [0.25, 0.5], [0.5, 0.25], [0, 0]);

test("leads sum to the score minus the mean score of the other pages", () => {
  const made = search();
  const scores = made.value.ranking.map(({ score }) => score);
  scores.forEach((score, at) => {
    const others = scores.filter((_, i) => i !== at);
    near(made.lead("abcd"[at], [0, 1]), score - others.reduce((sum, other) => sum + other, 0) / 3);
  });
});

test("a lead is what a token finds minus its mean on the other pages", () => {
  near(search().lead("a", [0]), 0.5 - (0.25 + 0.5 + 0) / 3);
  assert.equal(search().comparison("a").text, "the 3 other pages");
});

test("fewer than three other pages are nothing to compare with, unless the server has compared", () => {
  const made = found([0.5, 0.75], [0.25, 0.5], [0.5, 0.25]);
  assert.equal(made.comparison("a"), null);
  const entry = pageEntry([
    { ...won(0, 0.5, [0, 0]), expected: 0.125 },
    { ...won(1, 0.75, [0, 0]), expected: 0.5 },
  ]);
  const again = found([0.5, 0.75], [0.25, 0.5]);
  again.pages.set("a", { entry: { ...entry, compared_with: { text: "reference pages" } } });
  assert.equal(again.comparison("a").text, "reference pages");
  near(again.lead("a", [0, 1]), 0.625);
  assert.equal(again.comparison("b"), null);
});

test("a sentence names the largest terms, sums up the rest, and says what adds nothing", () => {
  const terms = [
    ["the", 0.01],
    ["hydropower", 1],
    ["energy", 0.5],
    ["from", 0.2],
    ["wind", 0.3],
  ];
  const told = toldApart(terms, 2.2);
  assert.deepEqual(
    told.named.map(([item]) => item),
    ["hydropower", "energy", "wind"],
  );
  near(told.rest, 0.4);
  assert.deepEqual(told.nothing, ["the"]);
});

test("of a page that is behind, what holds it back comes first", () => {
  const terms = [
    ["a", 0.5],
    ["b", -1],
  ];
  const told = toldApart(terms, -0.5);
  assert.deepEqual(
    told.named.map(([item]) => item),
    ["b", "a"],
  );
  assert.equal(told.rest, 0);
});

test("function words are never offered first where anything else was typed", () => {
  const item = (label, kind = "word") => ({ label, kind });
  const values = { the: 1, are: 0.9, training: 0.5, "<pad>": 2, "?": 3 };
  const items = [item("the"), item("training"), item("are"), item("?"), item("<pad>", "augmentation")];
  assert.equal(offeredOf(items, ({ label }) => values[label]).label, "training");
  assert.equal(offeredOf([item("the")], () => 1).label, "the");
  assert.equal(
    offeredOf([item("<pad>", "augmentation")], () => 1),
    null,
  );
  assert.equal(meansSomething("The,"), false);
});
