import assert from "node:assert/strict";
import { test } from "node:test";

import { speakerOf } from "../../../colpali_demo/web/model_choice/speaker.js";

const tiny = { state: "ready", name: "colpali-tiny", text: "ready · reads body text", sentence: "Reads English." };

test("the bundled model says that it is no published one", () => {
  const [text, sentence] = speakerOf(tiny);
  assert.match(text, /stand-in/);
  assert.match(sentence, /12\.6 million parameters.*three billion.*Reads English\.$/s);
});

test("other models, and one that stands in for another, say what the server says", () => {
  assert.deepEqual(speakerOf({ ...tiny, name: "colpali-v1.3" }), [tiny.text, tiny.sentence]);
  const standIn = { ...tiny, text: "stands in for X, which could not be loaded" };
  assert.deepEqual(speakerOf(standIn), [standIn.text, tiny.sentence]);
  assert.deepEqual(speakerOf({ state: "loading" }), ["", ""]);
});
